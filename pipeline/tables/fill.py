"""Puts the words of a page into the cells of a table."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from schemas.geometry import Box, area, intersection, union
from schemas.reading import ReadCell, ReadLine, ReadTable, ReadWord


@dataclass(frozen=True, slots=True)
class Content:
    """What stands in one cell: lines joined by a space, the box around its words, the least sure word."""

    text: str
    bbox: Box | None
    confidence: float | None


def filled(table: ReadTable, lines: Iterable[ReadLine]) -> list[Content]:
    """One content per cell, in the order of ``table.cells``. A cell's own text is kept where it has one."""
    runs: list[list[tuple[ReadLine, list[ReadWord]]]] = [[] for _ in table.cells]
    for line in lines:
        if intersection(line.bbox, table.bbox) <= 0:
            continue
        for word in line.words:
            index = _home(word.bbox, table)
            if index is None:
                continue
            if not runs[index] or runs[index][-1][0] is not line:
                runs[index].append((line, []))
            runs[index][-1][1].append(word)
    return [_content(cell, found) for cell, found in zip(table.cells, runs, strict=True)]


def with_texts(table: ReadTable, lines: Iterable[ReadLine]) -> ReadTable:
    """The table with its texts in its cells."""
    contents = filled(table, lines)
    cells = (replace(cell, text=content.text) for cell, content in zip(table.cells, contents, strict=True))
    return replace(table, cells=tuple(cells))


def _home(box: Box, table: ReadTable) -> int | None:
    """The cell that holds most of a word."""
    if intersection(box, table.bbox) < 0.5 * area(box):
        return None
    best, most = None, 0.0
    for index, cell in enumerate(table.cells):
        shared = intersection(box, cell.bbox)
        if shared > most:
            best, most = index, shared
    return best


def _content(cell: ReadCell, found: list[tuple[ReadLine, list[ReadWord]]]) -> Content:
    words = [word for _, run in found for word in run]
    box = union([word.bbox for word in words]) if words else None
    sure = [word.confidence for word in words if word.confidence is not None]
    text = cell.text if cell.text is not None else _text(found)
    return Content(text, box, min(sure) if sure else cell.confidence)


def _text(found: list[tuple[ReadLine, list[ReadWord]]]) -> str:
    rows: list[list[tuple[float, str]]] = []
    last: Box | None = None
    ordered = sorted(found, key=lambda run: (_middle(run[1]), run[1][0].bbox[0]))
    for line, words in ordered:
        box = union([word.bbox for word in words])
        text = line.text if len(words) == len(line.words) else " ".join(word.text for word in words)
        if last is not None and min(box[3], last[3]) - max(box[1], last[1]) > 0.5 * (box[3] - box[1]):
            rows[-1].append((box[0], text))
        else:
            rows.append([(box[0], text)])
            last = box
    return " ".join(" ".join(text for _, text in sorted(row)) for row in rows)


def _middle(words: list[ReadWord]) -> float:
    box = union([word.bbox for word in words])
    return (box[1] + box[3]) / 2

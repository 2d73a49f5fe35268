"""Tells a table from blocks that merely stand side by side: an address, and a list of labels and values."""

from collections.abc import Sequence

from schemas.reading import ReadTable

_FEWEST = 2
_COLONS = (":", "：")


def side_by_side(table: ReadTable, texts: Sequence[str]) -> bool:
    """Whether labels with a colon fill a column but the first ones: what precedes it is another thing.

    In a form each value has its label on the left from the first column on; in a table columns have heads.
    """
    columns: dict[int, list[str]] = {}
    for cell, text in zip(table.cells, texts, strict=True):
        if cell.col_span == 1 and text:
            columns.setdefault(cell.col, []).append(text)
    labels = {col for col, held in columns.items() if _all_labels(held)}
    inner = {col for col in labels if 0 < col < table.cols - 1}
    return bool(inner) and not any(col < min(inner) for col in labels)


def _all_labels(held: Sequence[str]) -> bool:
    return len(held) >= _FEWEST and all(text.rstrip().endswith(_COLONS) for text in held)

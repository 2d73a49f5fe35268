"""A document in chunks for retrieval: bounded, each with the headings above it, its pages and boxes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.markdown import LEFT_OUT
from pipeline.markdown_tables import pipe_head, pipe_rows
from schemas.geometry import Box
from schemas.page import Block, BlockKind, PageContent
from schemas.table import Table

_SENTENCE = re.compile(r"(?<=[.!?؟।])(?=\s)|(?<=[。！？])")
"""Ends of sentences; a point within a number or an address is none."""


@dataclass
class _Chunk:
    """What is being filled."""

    headings: tuple[str, ...] = ()
    parts: list[str] = field(default_factory=list)
    boxes: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def add(self, text: str, page: int, box: Box | None) -> None:
        self.parts.append(text)
        self.size += len(text) + 2
        place = {"page": page, "bbox": list(box) if box is not None else None}
        if place not in self.boxes:
            self.boxes.append(place)


@dataclass
class _Heading:
    """``said``: a chunk has it in its path."""

    level: int
    text: str
    page: int
    box: Box | None
    said: bool = False


def chunks(pages: Iterable[PageContent], most: int) -> Iterator[dict[str, Any]]:
    """Chunks of at most ``most`` characters in reading order; holds one page and one chunk at a time."""
    writer = _Writer(most)
    for content in pages:
        tables = {table.id: table for table in content.tables}
        for block in content.page.blocks:
            if block.kind in LEFT_OUT:
                continue
            yield from writer.block(block, content.page.number, tables.get(block.table_id or ""))
    yield from writer.end()


class _Writer:
    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._open = _Chunk()
        self._path: list[_Heading] = []

    def block(self, block: Block, page: int, table: Table | None) -> Iterator[dict[str, Any]]:
        if block.kind is BlockKind.HEADING and block.text:
            yield from self.flush()
            yield from self._ended(block.level or 2)
            text = " ".join(block.text.split())[: self._most]
            self._path.append(_Heading(block.level or 2, text, page, block.bbox))
            return
        if table is not None and table.cells:
            yield from self.flush()
            for part in _table_parts(table, self._most):
                yield from self._write(part, page, block.bbox, kind="table")
            return
        for part in _pieces(block.text, self._most):
            if self._open.parts and self._open.size + len(part) > self._most:
                yield from self.flush()
            self._open.headings = self._headings()
            self._open.add(part, page, block.bbox)

    def end(self) -> Iterator[dict[str, Any]]:
        """What is left."""
        yield from self.flush()
        yield from self._ended(0)

    def _headings(self) -> tuple[str, ...]:
        for heading in self._path:
            heading.said = True
        return tuple(heading.text for heading in self._path)

    def _ended(self, level: int) -> Iterator[dict[str, Any]]:
        """Headings of this level and below are over; one that stood over nothing is text itself."""
        while self._path and self._path[-1].level >= level:
            last = self._path.pop()
            if not last.said:
                yield from self._write(last.text, last.page, last.box, kind="text")

    def _write(self, text: str, page: int, box: Box | None, *, kind: str) -> Iterator[dict[str, Any]]:
        self._open.headings = self._headings()
        self._open.add(text, page, box)
        yield from self.flush(kind)

    def flush(self, kind: str = "text") -> Iterator[dict[str, Any]]:
        chunk, self._open = self._open, _Chunk()
        if chunk.parts:
            self._count += 1
            text = "\n\n".join(chunk.parts)
            yield {
                "id": f"k{self._count}",
                "kind": kind,
                "heading_path": list(chunk.headings),
                "text": text,
                "chars": len(text),
                "pages": sorted({box["page"] for box in chunk.boxes}),
                "boxes": chunk.boxes,
            }


def _pieces(text: str, most: int) -> Iterator[str]:
    """The text whole, or cut at sentences, then at spaces, then anywhere."""
    text = text.strip()
    if len(text) <= most:
        if text:
            yield text
        return
    held = ""
    for sentence in _SENTENCE.split(text):  # each with the space before it
        if len(held) + len(sentence) <= most:
            held += sentence
            continue
        if held.strip():
            yield held.strip()
        *whole, held = _hard(sentence.strip(), most)
        yield from whole
    if held.strip():
        yield held.strip()


def _hard(text: str, most: int) -> Iterator[str]:
    while len(text) > most:
        cut = text.rfind(" ", most // 2, most)
        cut = cut if cut > 0 else most
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text


def _table_parts(table: Table, most: int) -> Iterator[str]:
    """Rows under their header, which is repeated in each part; a row too long for a part is cut."""
    head, rows = pipe_head(table), pipe_rows(table)[1:]
    if len(head) > most // 2:
        yield from _pieces("\n".join([head, *rows]), most)
        return
    held: list[str] = []
    size = len(head)
    for row in [part for whole in rows for part in _fitting(whole, most - len(head) - 2)]:
        if held and size + len(row) + 1 > most:
            yield "\n".join([head, *held])
            held, size = [], len(head)
        held.append(row)
        size += len(row) + 1
    if held or not rows:
        yield "\n".join([head, *held])


def _fitting(row: str, most: int) -> Sequence[str]:
    return [row] if len(row) <= most else list(_hard(row, most))

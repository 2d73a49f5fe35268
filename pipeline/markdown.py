"""Markdown of pages and of whole documents: headings, lists, tables; running headers and footers left out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.joining import Lexicon, join_two
from pipeline.markdown_escapes import escaped
from pipeline.markdown_tables import has_spans, html_rows, pipe_head, pipe_rows, table_markdown
from pipeline.marks import bullet, checkbox, ordinal
from schemas.page import Block, BlockKind, PageContent
from schemas.table import Table

LEFT_OUT = frozenset((BlockKind.HEADER, BlockKind.FOOTER, BlockKind.PAGE_NUMBER))
# Blocks a paragraph may run around: it goes on after them.
_PASSED = frozenset(
    (BlockKind.FIGURE, BlockKind.TABLE, BlockKind.CAPTION, BlockKind.FOOTNOTE, BlockKind.OTHER)
)
_ENDS = frozenset(".!?:;。！？：；…؟۔।")
_CLOSING = "\"'”’»)]」』）"

# Rules set as text: dots, dashes, underscores and nothing else.
_LEADERS = re.compile(r"(?:[.·•_\-–—=*~\s]|\u2026)+")


def page_markdown(blocks: Sequence[Block], tables: Sequence[Table]) -> str:
    """One page, blocks in reading order."""
    text = ""
    before: _Chunk | None = None
    for chunk in _chunks(blocks, tables):
        if chunk.text:
            text += _between(before, chunk) + chunk.text
            before = chunk
    return text


def _between(before: "_Chunk | None", chunk: "_Chunk") -> str:
    if before is None:
        return ""
    return "\n" if before.kind is chunk.kind is BlockKind.CHECKBOX else "\n\n"


@dataclass(slots=True)
class _Chunk:
    """Markdown of one block, or of a paragraph put together from several."""

    text: str
    ids: tuple[str, ...]
    table: Table | None = None
    kind: BlockKind = BlockKind.PARAGRAPH


def _chunks(blocks: Sequence[Block], tables: Sequence[Table]) -> Iterator[_Chunk]:
    """Block by block; a paragraph that goes on behind a column end or a figure is put together."""
    by_id = {table.id: table for table in tables}
    shown = [b for b in blocks if b.kind not in LEFT_OUT and not _LEADERS.fullmatch(b.text)]
    lexicon: Lexicon | None = None
    taken: set[int] = set()
    for index, block in enumerate(shown):
        if index in taken:
            continue
        text, ids = block.text, [block.id]
        if block.kind is BlockKind.PARAGRAPH:
            tail = index
            while (following := _continuation(shown, tail, text, taken)) is not None:
                lexicon = lexicon or Lexicon(line for b in shown for line in b.text.split("\n"))
                text = join_two(text, shown[following].text, lexicon)
                taken.add(following)
                ids.append(shown[following].id)
                tail = following
        yield _Chunk(_rendered(block, text, by_id), tuple(ids), by_id.get(block.table_id or ""), block.kind)


def _continuation(shown: Sequence[Block], index: int, text: str, taken: set[int]) -> int | None:
    for other in range(index + 1, len(shown)):
        if shown[other].kind is BlockKind.PARAGRAPH and other not in taken:
            return other if goes_on(text, shown[other].text) else None
        if shown[other].kind not in _PASSED:
            return None
    return None


def goes_on(text: str, following: str) -> bool:
    """Whether running text breaks off in the first and continues in the second."""
    end = text.rstrip(_CLOSING)[-1:]
    if not text or not following or not end:
        return False
    if end in "-\u2010\u00ad" and following[0].isalpha() and text[-2:-1].isalpha():
        return True
    if end in _ENDS or "\n" in text or len(text) < 60:
        return False
    first = following.lstrip("\"'“‘«(")[:1]
    return first.islower() and bullet(following) is None


def _rendered(block: Block, text: str, tables: Mapping[str, Table]) -> str:
    if block.kind is BlockKind.HEADING:
        return f"{'#' * (block.level or 2)} {escaped(' '.join(text.split()), inline=True)}" if text else ""
    if block.kind in (BlockKind.LIST, BlockKind.CHECKBOX):
        return "\n".join(_item(line) for line in text.split("\n") if line)
    if block.kind is BlockKind.TABLE and (table := tables.get(block.table_id or "")):
        return table_markdown(table)
    if block.format is not None:
        return _as_code(text)
    return "\n".join(escaped(line) for line in text.split("\n"))


def _as_code(text: str) -> str:
    """What a barcode says, so that nothing of it becomes a link or a heading."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{space}{' '.join(text.split())}{space}{fence}" if text.strip() else ""


def _item(line: str) -> str:
    box = checkbox(line)
    if box is not None:
        return f"- [{'x' if box[0] else ' '}] {escaped(box[1], inline=True)}".rstrip()
    dot = bullet(line)
    if dot is not None:
        return f"- {escaped(dot[1], inline=True)}"
    number = ordinal(line)
    if number is not None and number[0] in ("1.", "1)"):
        return f"{number[1]}{number[0][-1]} {escaped(number[2], inline=True)}"
    return f"- {escaped(line, inline=True)}"


def document_markdown(pages: Iterable[tuple[PageContent, Mapping[str, Any] | None]]) -> Iterator[str]:
    """A whole document in pieces to be written one after the other; holds one page at a time.

    Each page comes as `overlay.apply` returned it, with its overlay: that says what runs over the page end.
    """
    writer = _Writer()
    for content, overlay in pages:
        yield from writer.page(content, overlay or {})
    yield from writer.end()


class _Writer:
    """Keeps a paragraph open that goes on, with what stands after it, and a table whose rows go on."""

    def __init__(self) -> None:
        self._started = False
        self._number = 0
        self._open = ""
        self._aside: list[_Chunk] = []
        self._table: str | None = None

    def page(self, content: PageContent, overlay: Mapping[str, Any]) -> Iterator[str]:
        chunks = [c for c in _chunks(content.page.blocks, content.tables) if c.text]
        follows = content.page.number == self._number + 1
        self._number = content.page.number
        if self._table is not None and follows and "table_from" in overlay:
            chunks, rows = _without_table(chunks)
            yield from self._rows(rows, overlay)
        else:
            yield from self._close_table()
        if self._open:
            chunks = self._continued(chunks, overlay.get("from") if follows else None)
        held = overlay.get("goes_on")
        at = next((i for i, chunk in enumerate(chunks) if held in chunk.ids), None) if held else None
        for chunk in chunks[:at]:
            last = chunk is chunks[-1]
            yield from self._write(chunk, keep=bool(overlay.get("table_goes_on")) and last)
        if at is not None:
            self._open, self._aside = chunks[at].text, chunks[at + 1 :]

    def end(self) -> Iterator[str]:
        yield from self._close_table()
        for chunk in self._continued([], None):
            yield from self._write(chunk)
        if self._started:
            yield "\n"

    def _continued(self, chunks: list[_Chunk], start: str | None) -> list[_Chunk]:
        """The open paragraph, ended by this page's first if that belongs to it, and what was held back."""
        at = next((i for i, chunk in enumerate(chunks) if start in chunk.ids), None) if start else None
        if at is None:
            first, rest = _Chunk(self._open, ()), chunks
        else:
            first = _Chunk(join_two(self._open, chunks[at].text), chunks[at].ids)
            rest = [*chunks[:at], *chunks[at + 1 :]]
        aside = self._aside
        self._open, self._aside = "", []
        return [chunk for chunk in (first, *aside, *rest) if chunk.text]

    def _write(self, chunk: _Chunk, *, keep: bool = False) -> Iterator[str]:
        if self._started:
            yield "\n\n"
        self._started = True
        if keep and chunk.table is not None:
            self._table = "html" if has_spans(chunk.table) else "pipe"
            yield pipe_head(chunk.table) if self._table == "pipe" else "<table>"
            yield from self._table_rows(chunk.table, 1 if self._table == "pipe" else 0)
        else:
            yield chunk.text

    def _rows(self, table: Table | None, overlay: Mapping[str, Any]) -> Iterator[str]:
        if table is not None:
            yield from self._table_rows(table, int(overlay["table_from"]))
        if not overlay.get("table_goes_on") or table is None:
            yield from self._close_table()

    def _table_rows(self, table: Table, skip: int) -> Iterator[str]:
        rows = pipe_rows(table) if self._table == "pipe" else html_rows(table)
        for row in rows[skip:]:
            yield f"\n{row}" if self._table == "pipe" else row

    def _close_table(self) -> Iterator[str]:
        if self._table == "html":
            yield "</table>"
        self._table = None


def _without_table(chunks: list[_Chunk]) -> tuple[list[_Chunk], Table | None]:
    """The page without its first table, which goes on with the last page's, and that table.

    What stands before it is a mere "continued": it is left out with it.
    """
    at = next((i for i, chunk in enumerate(chunks) if chunk.table is not None), None)
    return (chunks, None) if at is None else (chunks[at + 1 :], chunks[at].table)

"""Markdown of pages and of whole documents: headings, lists, tables; running headers and footers left out."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from pipeline.joining import Lexicon, join_two
from pipeline.marks import bullet, checkbox, ordinal
from schemas.page import Block, BlockKind
from schemas.table import CellRole, Table

LEFT_OUT = frozenset((BlockKind.HEADER, BlockKind.FOOTER, BlockKind.PAGE_NUMBER))
# Blocks a paragraph may run around: it goes on after them.
_PASSED = frozenset(
    (BlockKind.FIGURE, BlockKind.TABLE, BlockKind.CAPTION, BlockKind.FOOTNOTE, BlockKind.OTHER)
)
_ENDS = frozenset(".!?:;。！？：；…؟۔।")
_CLOSING = "\"'”’»)]」』）"

_LINE_START = re.compile(r"^(#{1,6} |[-+*] |\d{1,9}[.)] |>|\||```|~~~|(?:=+|-{3,})$)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_STARRED = re.compile(r"(?<![*\w])\*(?=\S[^*\n]*\S?\*)|(?<=\S)\*(?![*\w])")
_UNDERSCORED = re.compile(r"(?<!\w)_(?=\S[^_\n]*_)")


def page_markdown(blocks: Sequence[Block], tables: Sequence[Table]) -> str:
    """One page, blocks in reading order."""
    return "\n\n".join(chunk for chunk, _ in chunks(blocks, tables) if chunk)


def chunks(blocks: Sequence[Block], tables: Sequence[Table]) -> Iterator[tuple[str, Block]]:
    """Markdown block by block; a paragraph that goes on behind a column end or a figure is put together."""
    by_id = {table.id: table for table in tables}
    shown = [block for block in blocks if block.kind not in LEFT_OUT]
    lexicon: Lexicon | None = None
    taken: set[int] = set()
    for index, block in enumerate(shown):
        if index in taken:
            continue
        text = block.text
        if block.kind is BlockKind.PARAGRAPH:
            tail = index
            while (following := _continuation(shown, tail, text, taken)) is not None:
                lexicon = lexicon or Lexicon(line for b in shown for line in b.text.split("\n"))
                text = join_two(text, shown[following].text, lexicon)
                taken.add(following)
                tail = following
        yield _chunk(block, text, by_id), block


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


def _chunk(block: Block, text: str, tables: Mapping[str, Table]) -> str:
    if block.kind is BlockKind.HEADING:
        return f"{'#' * (block.level or 2)} {escaped(' '.join(text.split()), inline=True)}" if text else ""
    if block.kind in (BlockKind.LIST, BlockKind.CHECKBOX):
        return "\n".join(_item(line) for line in text.split("\n") if line)
    if block.kind is BlockKind.TABLE and (table := tables.get(block.table_id or "")):
        return table_markdown(table)
    return "\n".join(escaped(line) for line in text.split("\n"))


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


def escaped(text: str, *, inline: bool = False) -> str:
    """Only what Markdown would misread is escaped: the text stays greppable."""
    text = _TAG.sub("&lt;", text)
    if "*" in text:
        text = _STARRED.sub(r"\\*", text)
    if "_" in text:
        text = _UNDERSCORED.sub(r"\\_", text)
    if not inline and (start := _LINE_START.match(text)):
        mark = start[1]
        if mark[0].isdigit():
            return text[: len(mark) - 2] + "\\" + text[len(mark) - 2 :]
        return "\\" + text
    return text


def table_markdown(table: Table) -> str:
    """A pipe table where no cell spans; HTML otherwise."""
    if not table.cells:
        return ""
    if any(cell.row_span > 1 or cell.col_span > 1 for cell in table.cells):
        return table.html or table_html(table)
    rows = pipe_rows(table)
    return "\n".join([rows[0], "|" + " --- |" * table.cols, *rows[1:]])


def pipe_rows(table: Table) -> list[str]:
    grid = [[""] * table.cols for _ in range(table.rows)]
    for cell in table.cells:
        grid[cell.row][cell.col] = " ".join(cell.text.split()).replace("|", "\\|")
    return [f"| {' | '.join(row)} |" for row in grid]


def table_html(table: Table) -> str:
    return f"<table>{''.join(html_rows(table))}</table>"


def html_rows(table: Table) -> list[str]:
    rows = ["" for _ in range(table.rows)]
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        tag = "td" if cell.role is CellRole.BODY else "th"
        spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
        spans += f' colspan="{cell.col_span}"' if cell.col_span > 1 else ""
        rows[cell.row] += f"<{tag}{spans}>{html.escape(cell.text, quote=False)}</{tag}>"
    return [f"<tr>{row}</tr>" for row in rows]


def table_text(table: Table) -> str:
    """Plain text of a table: one line a row, cells parted by tabs."""
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        rows[cell.row].append(" ".join(cell.text.split()))
    return "\n".join("\t".join(row) for row in rows)


def ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING)[-1:] in _ENDS

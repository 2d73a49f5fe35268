"""Sets tables: cells in columns, ruled or not."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

from model_runtime.nano.canvas import Run, Style
from model_runtime.nano.pieces import Piece
from model_runtime.nano.sheet import Sheet, Side


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """``ruled``: with lines around its cells, and transcribed as a table; else its rows are lines of text.

    ``marked``: its titles are set in bold. ``titled``: it has titles.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Piece]]
    ruled: bool
    marked: bool
    titled: bool = True

    def only(self, kept: Sequence[int]) -> "Grid":
        """With columns left out."""
        return replace(
            self,
            columns=[self.columns[i] for i in kept],
            rows=[[row[i] for i in kept] for row in self.rows],
        )


def table(sheet: Sheet, most_rows: int) -> None:
    """A small table of words and numbers, perhaps under a heading."""
    rng, lexicon = sheet.rng, sheet.lexicon
    if sheet.room > 4 and rng.random() < 0.4:
        sheet.line([Piece(lexicon.name(3))], style=sheet.bold(rng.uniform(1.2, 1.6)), heading=True)
        sheet.y += sheet.pitch * 0.3
    wide = (sheet.right - sheet.left) / sheet.style.size
    count = max(2, min(5, int(wide // 5), rng.randint(2, 5)))
    columns = [
        Column(lexicon.name(1)[:12], right=bool(number) and rng.random() < 0.6) for number in range(count)
    ]
    manner = lexicon.manner()
    rows = []
    for _ in range(max(1, min(most_rows, sheet.room - 2, rng.randint(1, 7)))):
        row = []
        for column in columns:
            text = lexicon.styled()[:14]
            if column.right:
                cents = rng.randint(0, 10 ** rng.randint(2, 6))
                text = manner.amount(cents).printed if rng.random() < 0.6 else str(cents // 100)
            elif rng.random() < 0.2:
                text = lexicon.code()
            row.append(Piece(text if rng.random() > 0.04 else ""))
        rows.append(row)
    titled = not sheet.page.part or rng.random() < 0.5
    grid(sheet, Grid(columns, rows, ruled=True, marked=True, titled=titled))


def grid(sheet: Sheet, made: Grid) -> None:
    """As much of it as stands at the side of the sheet that is drawn, and as there is room for."""
    count = len(made.columns)
    if sheet.side is not None and count > 1:
        cut = sheet.rng.randint(1, count - 1)
        made = made.only(range(cut) if sheet.side is Side.LEFT else range(cut, count))
    _grid(sheet, made)


def _grid(sheet: Sheet, made: Grid) -> None:
    rng, style, columns, rows = sheet.rng, sheet.style, made.columns, made.rows
    head = sheet.bold() if made.marked else style
    gap = style.size * rng.uniform(0.7, 1.2)
    wide = [
        max([head.width(column.title), *(style.width(row[number].text) for row in rows)])
        for number, column in enumerate(columns)
    ]
    spare = sheet.right - sheet.left - sum(wide) - gap * len(columns)
    if spare < 0:
        if len(columns) > 2:
            _grid(sheet, made.only([0, *range(2, len(columns))]))
        return
    if rng.random() < 0.6:
        wide[0] += spare * rng.uniform(0.3, 1.0)
    edges = [sheet.left]
    for one in wide:
        edges.append(edges[-1] + one + gap)
    if made.ruled:
        sheet.y += sheet.pitch * 0.15
    top = sheet.y - style.size * 0.1
    bottoms = [top]
    lines: list[list[str]] = []
    titles = [[Piece(column.title) for column in columns]] if made.titled else []
    for number, row in enumerate([*titles, *rows]):
        if sheet.room < 1:
            break
        title = made.titled and number == 0
        _row(sheet, columns, row, edges, gap, style=head if title else style, plain=not made.ruled)
        lines.append([piece.text for piece in row])
        bottoms.append(sheet.y - style.size * 0.1)
    if made.ruled and lines:
        _rules(sheet, edges, bottoms)
        sheet.page.markdown.append(as_html(lines, titled=made.titled))
        sheet.y += sheet.pitch * 0.2


def _row(
    sheet: Sheet,
    columns: Sequence[Column],
    row: Sequence[Piece],
    edges: Sequence[float],
    gap: float,
    *,
    style: Style,
    plain: bool,
) -> None:
    base = sheet.y + 0.95 * sheet.style.size
    runs: list[Run] = []
    for number, (column, piece) in enumerate(zip(columns, row, strict=True)):
        if not piece.text:
            continue
        x = edges[number] + gap / 2
        if column.right:
            x = edges[number + 1] - gap / 2 - style.width(piece.text)
        if runs:
            sheet.canvas.gap(runs[-1], sheet.style)
        runs += sheet.pieces(x, base, [piece], style)
    text = " ".join(piece.text for piece in row if piece.text)
    if runs:
        sheet.page.plain.append(text)
        sheet.page.lines.append((text, tuple(runs)))
        if plain:
            sheet.page.markdown.append(text)
    sheet.y += sheet.pitch


def _rules(sheet: Sheet, edges: Sequence[float], bottoms: Sequence[float]) -> None:
    rng = sheet.rng
    thick, strength = max(1, round(sheet.style.size * 0.06)), rng.randint(110, 255)
    for y in bottoms:
        sheet.canvas.fill(edges[0], y, edges[-1] + thick, y + thick, strength)
    for x in edges if rng.random() < 0.7 else (edges[0], edges[-1]):
        sheet.canvas.fill(x, bottoms[0], x + thick, bottoms[-1] + thick, strength)


def as_html(lines: Sequence[Sequence[str]], *, titled: bool = True) -> str:
    rows = []
    for number, cells in enumerate(lines):
        tag = "th" if titled and number == 0 else "td"
        rows.append(
            "<tr>" + "".join(f"<{tag}>{html.escape(cell, quote=False)}</{tag}>" for cell in cells) + "</tr>"
        )
    return "<table>" + "".join(rows) + "</table>"

"""Sets lines of pieces on a canvas from top to bottom, and keeps what was written where."""

import random
from collections.abc import Sequence
from enum import StrEnum

from model_runtime.nano.canvas import Canvas, Run, Style
from model_runtime.nano.fonts import Face
from model_runtime.nano.lexicon import Lexicon
from model_runtime.nano.pieces import Chart, Fact, Kind, Page, Piece

_ABOVE, _BELOW = 0.95, 0.28
"""How far type reaches above and below its baseline, as shares of its size."""


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"


class Sheet:
    """``scale``: how much larger it is drawn than it will be shown. Sizes are those of drawing.

    ``side``: only what stands at that side is drawn, as if the page had been cut between two columns.
    """

    side: Side | None = None

    def __init__(
        self,
        shape: tuple[int, int],
        size: float,
        faces: Sequence[Face],
        lexicon: Lexicon,
        *,
        scale: float = 1.0,
    ) -> None:
        self.rng: random.Random = lexicon.rng
        self.lexicon = lexicon
        self.faces = faces
        self._shape = shape
        self.canvas = Canvas(max(8, round(shape[0] * scale)), max(8, round(shape[1] * scale)))
        self.style = Style(self.rng.choice(faces), max(4, round(size * scale)))
        self.pitch = self.style.size * self.rng.uniform(1.12, 1.75)
        margin = self.rng.uniform(0.1, 1.2) * self.style.size
        self.left = min(margin, self.width * 0.12)
        self.right = self.width - min(self.rng.uniform(0.1, 1.2) * self.style.size, self.width * 0.12)
        self.y = self.rng.uniform(0.0, 0.35) * self.style.size
        self.page = Page(Kind.LINES, self.canvas.drawn(*self.canvas.cover.shape), lexicon.language)

    @property
    def width(self) -> float:
        return float(self.canvas.width)

    @property
    def height(self) -> float:
        return float(self.canvas.height)

    @property
    def room(self) -> int:
        """Lines of the main style that still fit."""
        left = self.height - self.y - (_ABOVE + _BELOW) * self.style.size
        return 0 if left < 0 else 1 + int(left // self.pitch)

    def bold(self, grow: float = 1.0) -> Style:
        """A heavier face of the same family where there is one, else another face."""
        family = self.style.face.family
        same = [face for face in self.faces if face.family == family and face.bold]
        face = self.rng.choice(same) if same else self.style.face
        return Style(face, round(self.style.size * grow))

    def drop(self) -> None:
        """Move down by a random part of what is free, so that text stands anywhere."""
        free = self.height - self.y - (_ABOVE + _BELOW) * self.style.size
        if free > 0:
            self.y += self.rng.uniform(0, free)

    def line(
        self,
        left: Sequence[Piece] = (),
        right: Sequence[Piece] = (),
        *,
        style: Style | None = None,
        x: float | None = None,
        centred: bool = False,
        heading: bool = False,
    ) -> bool:
        """One line of text, its parts at both margins; ``centred`` where there is one part. False, and
        nothing drawn, where it does not fit."""
        style = style or self.style
        if self.side is Side.LEFT and left:
            right = ()
        elif self.side is Side.RIGHT:
            left = ()
        if not left and not right and self.side is not None:
            self.y += self.pitch
            return True
        both = "".join(piece.text for piece in (*left, *right))
        wide = sum(style.width(piece.text) for piece in left)
        beside = sum(style.width(piece.text) for piece in right)
        start = self.left if x is None else x
        needed = wide + beside + (style.size * 0.5 if right and left else 0)
        high = max(self.pitch, style.size * 1.15)
        if needed > self.right - start or not both.strip() or not style.draws(both):
            return False
        if self.y + (_ABOVE + _BELOW) * style.size > self.height:
            return False
        base = self.y + _ABOVE * style.size
        if centred and not right:
            start = (self.left + self.right - wide) / 2
        runs = self.pieces(start, base, left, style)
        if right:
            if runs:
                self.canvas.gap(runs[-1], style)
            runs += self.pieces(self.right - beside, base, right, style)
        texts = ["".join(piece.text for piece in part) for part in (left, right) if part]
        self.wrote(" ".join(texts), tuple(runs), heading=heading)
        self.y += high
        return True

    def pieces(self, x: float, base: float, pieces: Sequence[Piece], style: Style) -> list[Run]:
        runs = []
        for piece in pieces:
            run = self.canvas.text(x, base, piece.text, style)
            x = run.end
            runs.append(run)
            self._note(piece, run)
        return runs

    def wrote(self, text: str, runs: tuple[Run, ...], *, heading: bool = False) -> None:
        self.page.plain.append(text)
        self.page.markdown.append(f"# {text}" if heading else text)
        self.page.lines.append((text, runs))

    def _note(self, piece: Piece, run: Run) -> None:
        if piece.key is None or piece.value is None:
            return
        held = self.page.facts
        if piece.row is not None:
            while len(self.page.rows) <= piece.row:
                self.page.rows.append({})
            held = self.page.rows[piece.row]
        if piece.key not in held:
            held[piece.key] = Fact(piece.text, piece.value, (run,))

    def rule(self, *, part: float = 1.0, strength: int | None = None) -> None:
        """A line across, a little below the last line of text."""
        y = self.y - self.pitch + 1.28 * self.style.size
        if self.pitch > 1.3 * self.style.size and y < self.height - 2:
            thick = max(1, round(self.style.size * self.rng.uniform(0.04, 0.1)))
            edge = self.right - (self.right - self.left) * part
            self.canvas.fill(edge, y, self.right, y + thick, strength or self.rng.randint(90, 255))

    def finish(self, kind: Kind, *, turn: float = 0.0, chart: Chart | None = None) -> Page:
        page = self.page
        page.kind, page.chart = kind, chart
        page.drawn = self.canvas.drawn(*self._shape, turn)
        return page

"""What a model saw on one page, in its own reading order: blocks, tables, charts, values, answers.

A model reads running text, not words with places. Boxes are found afterwards, so any of them may be None:
not located is not invented. Like everything of a reading, boxes are in pixels of the page image at first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.chart import Chart
from schemas.field import Evidence
from schemas.finding import Finding, PageAnswer
from schemas.geometry import Box, scaled
from schemas.page import BlockKind
from schemas.request import Task


@dataclass(frozen=True, slots=True)
class SeenWord:
    text: str
    bbox: Box | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """``table`` counts into the tables of the page. ``signs``: what its confidence is made of."""

    kind: BlockKind
    text: str
    level: int | None = None
    table: int | None = None
    bbox: Box | None = None
    confidence: float | None = None
    words: tuple[SeenWord, ...] = ()
    signs: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class SeenCell:
    """``header``: marked as one; ``head``: it stands in the rows above the table's body."""

    row: int
    col: int
    text: str
    row_span: int = 1
    col_span: int = 1
    header: bool = False
    head: bool = False
    bbox: Box | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SeenTable:
    rows: int
    cols: int
    cells: tuple[SeenCell, ...]
    caption: str | None = None
    bbox: Box | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """``findings`` and ``answers`` are None where nobody asked, ``blocks`` where the text was not wanted."""

    blocks: tuple[SeenBlock, ...] | None = None
    tables: tuple[SeenTable, ...] = ()
    charts: tuple[Chart, ...] = ()
    findings: tuple[Finding, ...] | None = None
    answers: tuple[PageAnswer, ...] | None = None
    unanswered: tuple[Task, ...] = ()

    def scaled(self, sx: float, sy: float) -> "Seen":
        """The same with its boxes in another unit."""
        return replace(
            self,
            blocks=None if self.blocks is None else tuple(_block(block, sx, sy) for block in self.blocks),
            tables=tuple(_table(table, sx, sy) for table in self.tables),
            charts=tuple(
                chart.model_copy(update={"bbox": _maybe(chart.bbox, sx, sy)}) for chart in self.charts
            ),
            findings=None
            if self.findings is None
            else tuple(
                found.model_copy(update={"evidence": _evidence(found.evidence, sx, sy)})
                for found in self.findings
            ),
            answers=None
            if self.answers is None
            else tuple(
                answer.model_copy(update={"evidence": _evidence(answer.evidence, sx, sy)})
                for answer in self.answers
            ),
        )


def _maybe(box: Box | None, sx: float, sy: float) -> Box | None:
    return None if box is None else scaled(box, sx, sy)


def _block(block: SeenBlock, sx: float, sy: float) -> SeenBlock:
    words = tuple(replace(word, bbox=_maybe(word.bbox, sx, sy)) for word in block.words)
    return replace(block, bbox=_maybe(block.bbox, sx, sy), words=words)


def _table(table: SeenTable, sx: float, sy: float) -> SeenTable:
    cells = tuple(replace(cell, bbox=_maybe(cell.bbox, sx, sy)) for cell in table.cells)
    return replace(table, bbox=_maybe(table.bbox, sx, sy), cells=cells)


def _evidence(evidence: Sequence[Evidence], sx: float, sy: float) -> list[Evidence]:
    return [
        one.model_copy(
            update={"boxes": None if one.boxes is None else [scaled(box, sx, sy) for box in one.boxes]}
        )
        for one in evidence
    ]

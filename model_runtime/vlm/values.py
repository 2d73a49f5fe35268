"""Has a page searched for the values of a schema, for answers to questions, and for charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model_runtime.families import Traits
from model_runtime.vlm.asking import Answered, ask_json
from model_runtime.vlm.session import Session, View
from pipeline import prompts
from pipeline.certainty import Certainty
from pipeline.decoding import Derived, answers_schema, charts_schema, derive, halves
from pipeline.fields.shapes import Leaf
from pipeline.native_boxes import in_pixels
from pipeline.parse_values import raw_answers, raw_charts, raw_findings
from schemas.chart import Chart
from schemas.field import Evidence
from schemas.geometry import Box
from schemas.request import Task


@dataclass(slots=True)
class Claim:
    """A value or an answer as the model gave it, and what is known of it so far.

    ``native``: where the model says it stands, in pixels of the page image. ``leaf`` is None for answers.
    """

    value: Any
    quote: str | None
    certainty: Certainty | None
    native: Box | None = None
    leaf: Leaf | None = None
    row: int | None = None
    question: str = ""
    agreed: bool | None = None
    valid: bool = True
    adds: bool | None = None
    """Whether an amount makes the sum it stands in; None: it stands in none."""

    evidence: list[Evidence] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Searcher:
    """``boxes``: whether the model is asked for places, which costs it a dozen tokens a value."""

    session: Session
    view: View
    traits: Traits
    boxes: bool
    page_text: str | None = None
    unfinished: list[Task] = field(default_factory=list)
    """Tasks of which only the beginning of a reply could be used: what it lacks was not looked for."""

    def fields(self, schema: Mapping[str, Any]) -> list[Claim]:
        """Claims for the leaves of the schema. Raises `Unanswered`."""
        return self._fields(schema, derive(schema, boxes=self._unit is not None))

    def _fields(self, schema: Mapping[str, Any], derived: Derived) -> list[Claim]:
        answered = ask_json(
            self.session,
            self.view,
            derived.schema,
            lambda again: prompts.fields(
                schema,
                derived.schema,
                box_unit=self._unit,
                again=again,
                page_text=self.page_text,
            ),
        )
        if answered.cut:
            parts = halves(derived)
            if parts is not None:
                self.session.warn("read_again", "the reply was longer than allowed; asked again in two parts")
                self.session.tries += 1
                return [claim for part in parts for claim in self._fields(schema, part)]
            self.session.warn(
                "list_truncated", "the page holds more rows than a reply may; the last ones are missing"
            )
        if not answered.whole:
            self.unfinished.append(Task.FIELDS)
        return [
            Claim(
                found.value,
                found.quote,
                _certainty(answered, found.span),
                self._native(found.box),
                leaf=found.leaf,
                row=found.row,
            )
            for found in raw_findings(answered.json, derived)
        ]

    def answers(self, questions: Sequence[str]) -> list[Claim]:
        """Claims for the questions that this page answers. Raises `Unanswered`."""
        answered = ask_json(
            self.session,
            self.view,
            answers_schema(len(questions), boxes=self._unit is not None),
            lambda again: prompts.questions(
                questions, box_unit=self._unit, again=again, page_text=self.page_text
            ),
        )
        if answered.cut:
            self.session.warn(
                "list_truncated", "the answers are longer than a reply may be; the last ones are missing"
            )
        if not answered.whole:
            self.unfinished.append(Task.QUESTIONS)
        return [
            Claim(
                found.answer,
                found.quote,
                _certainty(answered, found.span),
                self._native(found.box),
                question=questions[found.number - 1],
            )
            for found in raw_answers(answered.json, len(questions))
        ]

    def charts(self) -> list[Chart]:
        """Raises `Unanswered`. How often points are right was never measured: charts have no confidence."""
        unit = self.traits.box_unit  # nothing but the model knows where a chart stands
        answered = ask_json(
            self.session,
            self.view,
            charts_schema(boxes=unit is not None),
            lambda again: prompts.charts(box_unit=unit, again=again),
        )
        if answered.cut:
            self.session.warn("list_truncated", "the charts hold more points than a reply may")
        return [
            found.chart.model_copy(update={"bbox": self._native(found.box)})
            for found in raw_charts(answered.json)
        ]

    @property
    def _unit(self) -> str | None:
        return self.traits.box_unit if self.boxes else None

    def _native(self, numbers: Any) -> Box | None:
        image = self.view.image
        box = in_pixels(numbers, self.traits.coordinates, image.width, image.height)
        return self.view.on_page(box) if box is not None else None


def _certainty(answered: Answered, span: tuple[int, int] | None) -> Certainty | None:
    return answered.tokens.of(*span) if span is not None else None

"""`PageReader` on a vision language model: text, tables, charts, fields and answers, with evidence."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from model_runtime.chat import ChatModel
from model_runtime.families import TRAITS
from model_runtime.vlm.adding import add_up
from model_runtime.vlm.asking import Unanswered
from model_runtime.vlm.blocks import seen_blocks
from model_runtime.vlm.completing import complete
from model_runtime.vlm.evidence import answer, finding, locate
from model_runtime.vlm.pointing import point_at
from model_runtime.vlm.second_look import look_again
from model_runtime.vlm.session import OutOfTries, Session, Stopped
from model_runtime.vlm.settings import Hosted, ReaderSettings
from model_runtime.vlm.transcribe import Text, on_pictures, transcribe
from model_runtime.vlm.values import Claim, Searcher
from model_runtime.vlm.witness import Witness
from pipeline.orders import ReadOrder
from pipeline.ports import PageAids, PageReader
from schemas.chart import Chart
from schemas.engine import EngineSpec
from schemas.reading import PageReading
from schemas.request import Task
from schemas.seen import Seen, SeenBlock

_LONGEST_TEXT = 12_000
"""Characters of a page's text that are given along with a question."""

T = TypeVar("T")


@dataclass
class _Found:
    """What is known of the page so far."""

    text: Text | None = None
    pictures: list[SeenBlock] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    values: list[Claim] | None = None
    answers: list[Claim] | None = None
    unanswered: list[Task] = field(default_factory=list)


class VlmReader:
    """``second``: an independent reader of pages in doubt; it also knows places where no text layer does."""

    def __init__(
        self,
        chat: ChatModel,
        hosted: Callable[[], Hosted],
        spec: Callable[[Hosted], EngineSpec],
        settings: ReaderSettings,
        second: PageReader | None = None,
    ) -> None:
        self._chat = chat
        self._hosted = hosted
        self._spec_of = spec
        self._settings = settings
        self._second = second

    @property
    def spec(self) -> EngineSpec:
        """Of the model that is hosted as far as that is known."""
        return self._spec_of(self._hosted())

    def read(
        self, order: ReadOrder, cancelled: Callable[[], bool], aids: PageAids | None = None
    ) -> PageReading:
        model = self._hosted()
        spec = self._spec_of(model)
        # What it was never trained for is not asked: a schema alone can be longer than its context.
        order = replace(order, tasks=spec.asked(order.tasks))
        session = Session(self._chat, spec, model, self._settings, order, cancelled, aids)
        try:
            return self._read(session)
        except Stopped:
            return PageReading(width=order.image.width, height=order.image.height)

    def close(self) -> None:
        self._chat.close()
        if self._second is not None:
            self._second.close()

    def _read(self, session: Session) -> PageReading:
        order, found = session.order, _Found()
        trusted = session.aids is not None and session.aids.trusted()
        if order.tasks & {Task.TEXT, Task.TABLES} and not trusted:
            found.text = self._text(session)
            if found.text.lost is not None:
                return self._reading(session, found, Seen(), found.text.lost)
        if trusted and Task.TEXT in order.tasks:
            found.pictures = self._pictures(session)
        self._values(session, found, trusted=trusted)
        if not trusted and found.text is None and _all_failed(found):
            return self._reading(session, found, Seen(), "the model gave no usable reply to anything asked")
        return self._reading(session, found, self._checked(session, found), None)

    def _text(self, session: Session) -> Text:
        try:
            return transcribe(session)
        except OutOfTries:
            last = session.warnings[-1].detail if session.warnings else "no reply was usable"
            return Text.nothing(session.page, f"the page has cost what a page may cost; at last: {last}")

    def _pictures(self, session: Session) -> list[SeenBlock]:
        try:
            return on_pictures(session)
        except OutOfTries:
            session.warn("unread_place", "pictures on the page could not be read: it has cost too many calls")
            return []

    def _values(self, session: Session, found: _Found, *, trusted: bool) -> None:
        order = session.order
        view = found.text.view if found.text is not None else session.page
        tiled = session.aids is not None and session.aids.tiles() is not None
        text = found.text.written.text[:_LONGEST_TEXT] if found.text is not None and tiled else None
        layer = session.aids.layer() if session.aids is not None else None
        seen_by_others = trusted or (layer is not None and bool(layer.lines))
        searcher = Searcher(session, view, TRAITS[session.model.family], not seen_by_others, text)
        if Task.CHARTS in order.tasks:
            found.charts = self._attempt(session, found, Task.CHARTS, searcher.charts) or []
        if Task.FIELDS in order.tasks and order.schema is not None:
            schema = order.schema
            found.values = self._attempt(session, found, Task.FIELDS, lambda: searcher.fields(schema))
        if Task.QUESTIONS in order.tasks and order.questions:
            found.answers = self._attempt(
                session, found, Task.QUESTIONS, lambda: searcher.answers(order.questions)
            )
        found.unanswered += dict.fromkeys(searcher.unfinished)

    def _attempt(self, session: Session, found: _Found, task: Task, ask: Callable[[], T]) -> T | None:
        """What a task yields; its failure is told and costs the page nothing else."""
        session.tries += 1
        try:
            return ask()
        except Unanswered as failed:
            session.warn("task_failed", f"{task} could not be read: {failed}")
        except OutOfTries:
            session.warn("task_failed", f"{task} could not be read: the page has cost too many calls")
        found.unanswered.append(task)
        return None

    def _checked(self, session: Session, found: _Found) -> Seen:
        """Everything held against what another reader saw, then looked at again where that leaves doubt."""
        witness = Witness(session, self._second)
        claims = [*(found.values or ()), *(found.answers or ())]
        locate(claims, witness.reference)
        text = found.text.written.text if found.text is not None else ""
        witness.ask_cpu(doubtful=self._doubtful(session.order, found, claims), text=text)
        if witness.reference is not None:
            locate(claims, witness.reference)
        else:
            self._pointed_at(session, found, claims)
        calibration = self._settings.calibration
        blocks = tables = None
        if found.text is not None:
            found.text, alignment = complete(session, found.text, witness)
            blocks, tables = seen_blocks(found.text, alignment, calibration)
        values = found.values
        if values is not None:
            add_up(values)
            values = look_again(session, values)
            locate(values, witness.reference)
            add_up(values)
        return Seen(
            blocks=tuple(blocks) if blocks is not None else tuple(found.pictures) or None,
            tables=tuple(tables or ()),
            charts=tuple(found.charts),
            findings=None if values is None else tuple(finding(claim, calibration) for claim in values),
            answers=None
            if found.answers is None
            else tuple(answer(claim, calibration) for claim in found.answers),
            unanswered=tuple(found.unanswered),
        )

    def _pointed_at(self, session: Session, found: _Found, claims: list[Claim]) -> None:
        """Places by the model's own word, for values that have none at all."""
        view = found.text.view if found.text is not None else session.page
        try:
            point_at(session, view, TRAITS[session.model.family], claims)
        except OutOfTries:
            return
        locate(claims, None)

    def _doubtful(self, order: ReadOrder, found: _Found, claims: list[Claim]) -> bool:
        """Whether a page without a text layer is worth the seconds of the CPU reader."""
        text = found.text
        if order.schema is not None and Task.FIELDS not in order.tasks:
            return True  # values will be looked for in the text, and nobody else says where it stands
        if text is not None and (not text.transcription.blocks or text.doubtful):
            return True
        unsure = (c.certainty is not None and c.certainty.least < 0.5 for c in claims)
        return any(unsure) or any(not c.valid or not any(e.boxes for e in c.evidence) for c in claims)

    def _reading(self, session: Session, found: _Found, seen: Seen, unreadable: str | None) -> PageReading:
        image, view = session.order.image, found.text.view if found.text is not None else session.page
        return PageReading(
            width=image.width,
            height=image.height,
            content_rotation=view.turn % 360,
            language=found.text.language if found.text is not None else None,
            spent=session.spent,
            warnings=tuple(session.warnings),
            seen=seen,
            unreadable=unreadable,
        )


def _all_failed(found: _Found) -> bool:
    return bool(found.unanswered) and found.values is None and found.answers is None and not found.charts

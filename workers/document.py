"""Quire's own passes over a whole document: what only all pages show, then tables, charts, fields."""

from collections.abc import Sequence
from typing import Any

from pipeline.answers import Answers
from pipeline.document import merge_tables, plan_document
from pipeline.ledger import EndedPage, Outcome
from pipeline.ports import Cage
from pipeline.splitting.splitter import Splitter
from schemas.engine import EngineSpec
from schemas.errors import ErrorInfo, ResultWarning
from schemas.field import Answer, AnswerState
from schemas.page import PageContent, PageState
from schemas.request import Task
from schemas.result import RunState
from workers.extraction import Extraction
from workers.recipe import Ask, PagesOfRun, Sink


class StandardDocument:
    """`DocumentRecipe`; reads the pages a few at once and keeps none of them.

    Values are looked for in the cage: it takes a while on long documents, and this process has callers.
    """

    def __init__(self, cage: Cage) -> None:
        self._cage = cage

    def finish(self, ask: Ask, pages: PagesOfRun, sink: Sink) -> Outcome:
        tasks = ask.request.effective_tasks()
        plan = plan_document(pages.summaries())
        for number, overlay in sorted(plan.overlays.items()):
            sink.overlay(number, overlay)
        if Task.TABLES in tasks:
            for table in merge_tables(plan, pages.content):
                sink.table(table.model_dump_json().encode())
        schema = ask.schema if Task.FIELDS in tasks else None
        extraction = Extraction(self._cage, schema) if schema is not None else None
        splitter = Splitter() if ask.request.split else None
        tally = _Tally(Answers(ask.request.questions), splitter)
        for chunk in pages.chunks():
            for page in chunk:
                tally.add(page, sink)
            if extraction is not None:
                extraction.look(chunk)
        warnings = [*tally.warnings, *_unsupported(tasks, ask.engine)]
        state, fields = tally.state(), []
        summary: dict[str, Any] = {"extraction": None, "extraction_valid": None}
        if extraction is not None:
            extraction.choose(tally.searched, [*tally.unread, *tally.unsearched])
            summary, fields = extraction.summary, extraction.fields
            warnings += extraction.warnings
            if extraction.broken and state is RunState.SUCCEEDED:
                state = RunState.PARTIAL  # a success with a failure inside would be none
        answers = _answers(ask, tally.answers)
        warnings += tally.answers.warnings
        split = None
        if splitter is not None and state is not RunState.FAILED:
            split, doubts = splitter.split(plan.running_on())
            warnings += doubts
        summary["warnings"] = [*ask.warnings, *(warning.model_dump() for warning in warnings)]
        summary["answers"] = [answer.model_dump(mode="json") for answer in answers]
        return Outcome(state, tally.error(), summary, fields, split)


class _Tally:
    """What the pages say together."""

    def __init__(self, answers: Answers, splitter: Splitter | None) -> None:
        self.answers = answers
        self._splitter = splitter
        self.warnings: list[ResultWarning] = []
        self.read: list[int] = []
        self.unread: list[int] = []
        self.unsearched: list[int] = []
        self._failed: list[EndedPage] = []
        self._charts = 0

    def add(self, page: EndedPage, sink: Sink) -> None:
        good = page.state in (PageState.READ, PageState.BLANK)
        (self.read if good else self.unread).append(page.number)
        if page.state.failed:
            self._failed.append(page)
        content = PageContent.model_validate_json(page.content) if page.content is not None else None
        if self._splitter is not None:
            self._splitter.add(page.number, page.state, content)
        if content is None:
            self.answers.not_read(page.number)
            return
        if content.page.text and self._splitter is None:  # what a part says is found in the part
            sink.text(page.number, content.page.text)
        self.warnings.extend(content.warnings)
        if Task.FIELDS in content.unanswered and good:
            self.unsearched.append(page.number)
        if not good or Task.QUESTIONS in content.unanswered:
            self.answers.not_read(page.number)
        self.answers.add(content.answers or ())
        for chart in content.charts:
            self._charts += 1
            sink.chart(chart.model_copy(update={"id": f"c{self._charts}"}).model_dump_json().encode())

    @property
    def searched(self) -> list[int]:
        """Pages on which a value that was not found is missing."""
        return [number for number in self.read if number not in set(self.unsearched)]

    def state(self) -> RunState:
        if not self._failed:
            return RunState.SUCCEEDED
        return RunState.FAILED if len(self._failed) == len(self.read) + len(self.unread) else RunState.PARTIAL

    def error(self) -> ErrorInfo | None:
        """Of a document none of whose pages could be read: the pages' own reason when they share one."""
        if self.state() is not RunState.FAILED:
            return None
        errors = [page.error for page in self._failed if page.error is not None]
        if errors and len({error.code for error in errors}) == 1:
            return errors[0]
        return ErrorInfo(code="all_pages_failed", detail="no page could be read", retryable=True)


def _unsupported(tasks: Sequence[Task], engine: EngineSpec) -> list[ResultWarning]:
    return [
        ResultWarning(code=f"{task}_unsupported", detail=engine.unsupported[task])
        for task in tasks
        if task in engine.unsupported
    ]


def _answers(ask: Ask, answers: Answers) -> list[Answer]:
    if Task.QUESTIONS not in ask.request.effective_tasks():
        return []
    if Task.QUESTIONS in ask.engine.tasks:
        return answers.merged()
    return [Answer(question=question, state=AnswerState.UNSUPPORTED) for question in ask.request.questions]

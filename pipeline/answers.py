"""Merges what the pages of a document answer to questions: one answer a question, the others told of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.fields.folding import key
from schemas.errors import ResultWarning
from schemas.field import Answer, AnswerState
from schemas.finding import PageAnswer

_MOST_PLACES = 5


@dataclass(slots=True)
class Answers:
    """Collects page by page; ``unread`` pages may hold what no other does."""

    questions: Sequence[str]
    warnings: list[ResultWarning] = field(default_factory=list)
    _said: dict[str, list[PageAnswer]] = field(default_factory=dict)
    _unread: list[int] = field(default_factory=list)

    def add(self, answers: Iterable[PageAnswer]) -> None:
        for answer in answers:
            self._said.setdefault(answer.question, []).append(answer)

    def not_read(self, page: int) -> None:
        self._unread.append(page)

    def merged(self) -> list[Answer]:
        """In the order of the questions; a question asked twice is answered twice."""
        return [self._answer(question) for question in self.questions]

    def _answer(self, question: str) -> Answer:
        said = self._said.get(question, [])
        if not said:
            if self._unread:
                detail = f"not answered by the pages that were read; {len(self._unread)} could not be read"
                self.warnings.append(
                    ResultWarning(code="answer_incomplete", detail=detail, page=self._unread[0])
                )
            return Answer(question=question, state=AnswerState.NOT_FOUND)
        groups: dict[str, list[PageAnswer]] = {}
        for one in said:
            groups.setdefault(key(one.answer) or one.answer, []).append(one)
        ranked = sorted(groups.values(), key=_weight, reverse=True)
        best = max(ranked[0], key=_standing)
        rivals = [group for group in ranked[1:] if _located(group) or not _located(ranked[0])]
        if rivals:
            pages = sorted({e.page for group in rivals for one in group for e in one.evidence})
            where = f" on page {', '.join(map(str, pages[:_MOST_PLACES]))}" if pages else ""
            detail = f"{len(rivals)} other answers{where} to {question[:80]!r}"
            self.warnings.append(ResultWarning(code="answers_differ", detail=detail))
        places = [e for one in (best, *(o for o in ranked[0] if o is not best)) for e in one.evidence]
        return Answer(
            question=question,
            state=AnswerState.ANSWERED,
            answer=best.answer,
            confidence=None if rivals else best.confidence,
            evidence=places[:_MOST_PLACES],
        )


def _weight(group: Sequence[PageAnswer]) -> tuple[bool, int, float]:
    return _located(group), len(group), max(_standing(one)[1] for one in group)


def _located(group: Sequence[PageAnswer]) -> bool:
    return any(evidence.boxes for one in group for evidence in one.evidence)


def _standing(answer: PageAnswer) -> tuple[bool, float]:
    return any(evidence.boxes for evidence in answer.evidence), answer.confidence or 0.0

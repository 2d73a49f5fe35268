"""Chooses among the candidates of all pages: one field per leaf, with its state and evidence."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipeline.fields.arithmetic import Support, support
from pipeline.fields.checks import sums_that_differ
from pipeline.fields.choosing import Choice, choose
from pipeline.fields.clues import summed
from pipeline.fields.extraction import extract, validate
from pipeline.fields.folding import key
from pipeline.fields.leaves import walk
from pipeline.fields.shapes import (
    EACH,
    Clues,
    FieldCandidate,
    FieldsOutcome,
    Leaf,
    Outcome,
    Reading,
    path_text,
)
from schemas.errors import ResultWarning
from schemas.field import Candidate, Field, FieldState, FieldType

_LOWEST = 0.2  # candidates below are noise
_CLOSE = 0.95  # a rival this near the best makes the field ambiguous
_REPEATED = 0.04
_MAX_CANDIDATES = 5
_IN_LIST = 0.6  # of the best score: elements of a list of plain values


@dataclass(slots=True)
class _Group:
    """Candidates that say the same value."""

    choice: Choice
    members: list[FieldCandidate] = field(default_factory=list)
    bonus: float = 0.0

    @property
    def best(self) -> FieldCandidate:
        return max(self.members, key=lambda member: (member.score, member.confidence or 0, -member.page))

    @property
    def score(self) -> float:
        places = {(m.page, m.evidence[0].quote, str(m.evidence[0].boxes)) for m in self.members if m.evidence}
        return self.best.score + min(_REPEATED * (len(places) - 1), 0.12) + self.bonus


@dataclass(frozen=True, slots=True)
class _Document:
    """What all pages together say, and what it means when a leaf has no candidate."""

    clues: Clues
    sums: Support
    by_path: Mapping[str, Sequence[FieldCandidate]]
    absent: FieldState
    warnings: list[ResultWarning]


def resolve(
    schema: Mapping[str, Any],
    candidates: Iterable[FieldCandidate],
    pages_read: Collection[int] | int,
    unread_pages: Sequence[int] = (),
) -> FieldsOutcome:
    """Fields, the extraction they make, whether the schema accepts it, and warnings.

    A leaf without candidates is ``missing`` only when every selected page was read.
    """
    walked = walk(schema)
    every = list(candidates)
    clues = summed(c.clues for c in every if c.clues is not None)
    by_path: dict[str, list[FieldCandidate]] = defaultdict(list)
    for candidate in every:
        by_path[candidate.path].append(candidate)
    nothing_read = not (pages_read if isinstance(pages_read, int) else len(pages_read))
    absent = FieldState.UNREADABLE if unread_pages or nothing_read else FieldState.MISSING
    document = _Document(clues, support(every, clues), by_path, absent, list(walked.warnings))
    fields = list(_fields(walked.leaves, document))
    if any(candidate.asserted for candidate in every):
        document.warnings.extend(sums_that_differ(walked.leaves, fields))
    document.warnings.extend(
        ResultWarning(code="list_cut_short", detail=c.raw or "", page=c.page, path=c.path)
        for c in every
        if c.outcome is Outcome.SHORTENED
    )
    extraction = extract(walked.skeleton, fields)
    valid, complaints = validate(schema, extraction)
    return FieldsOutcome(fields, extraction, valid, [*document.warnings, *complaints])


def _fields(leaves: Sequence[Leaf], document: _Document) -> Iterator[Field]:
    done: set[tuple[str, ...]] = set()
    for leaf in leaves:
        if not leaf.in_array:
            yield _scalar(leaf, document)
        elif leaf.array not in done:
            done.add(leaf.array)
            yield from _list(
                [other for other in leaves if other.in_array and other.array == leaf.array], document
            )


def _scalar(leaf: Leaf, document: _Document) -> Field:
    found = document.by_path.get(leaf.name, ())
    groups = _groups(leaf, found, document)
    if not groups:
        return _without_value(leaf, found, document, leaf.name)
    best = groups[0]
    if best.choice.reason is not None:
        detail = f"{best.best.raw!r} was read as {best.choice.readings[0].value}: {best.choice.reason}"
        document.warnings.append(
            ResultWarning(code="convention_inferred", detail=detail, page=best.best.page, path=leaf.name)
        )
    return _field(leaf, best, [g for g in groups[1:] if _rivals(g, best)], leaf.name, document)


def _rivals(group: _Group, best: _Group) -> bool:
    """Nearly as good; however often the better is repeated where both were read as the value."""
    if group.best.asserted and best.best.asserted:
        return group.best.score + group.bonus >= _CLOSE * (best.best.score + best.bonus)
    return group.score >= _CLOSE * best.score


def _groups(leaf: Leaf, found: Sequence[FieldCandidate], document: _Document) -> list[_Group]:
    """Candidates by the value they say, the likeliest first."""
    groups: dict[str, _Group] = {}
    for candidate in found:
        if candidate.outcome is Outcome.VALUE and candidate.score >= _LOWEST:
            choice = choose(leaf, candidate, document.clues)
            same = _identity(leaf, choice.readings[0])
            groups.setdefault(same, _Group(choice)).members.append(candidate)
    if leaf.concept is not None and leaf.type is FieldType.MONEY:
        for group in groups.values():
            amount = Decimal(group.choice.readings[0].decimal or "0")
            group.bonus = document.sums.get((leaf.concept, amount), 0.0)
    return sorted(groups.values(), key=lambda group: (-group.score, group.best.page))


def _identity(leaf: Leaf, reading: Reading) -> str:
    if reading.decimal is not None:
        return str(Decimal(reading.decimal).normalize())
    return key(str(reading.value)) if leaf.type is FieldType.TEXT else str(reading.value)


def _without_value(leaf: Leaf, found: Sequence[FieldCandidate], document: _Document, path: str) -> Field:
    """No value: its place is empty, or holds something else, or there is no place for it."""
    strange = [c for c in found if c.outcome is Outcome.INVALID]
    empty = [c for c in found if c.outcome is Outcome.BLANK]
    best = max(strange or empty, key=lambda c: c.score, default=None)
    if best is None:
        return Field(path=path, type=leaf.type, state=document.absent)
    state = FieldState.INVALID if strange else FieldState.BLANK
    return Field(path=path, type=leaf.type, state=state, raw=best.raw, evidence=list(best.evidence))


def _field(leaf: Leaf, group: _Group, rivals: Sequence[_Group], path: str, document: _Document) -> Field:
    reading, best = group.choice.readings[0], group.best
    open_ = group.choice.open or bool(rivals)
    if not any(evidence.boxes for evidence in best.evidence):
        detail = "what the reader quotes for it was not found on the page"
        document.warnings.append(
            ResultWarning(code="quote_not_located", detail=detail, page=best.page, path=path)
        )
    others = [_candidate(r, best) for r in group.choice.readings] if len(group.choice.readings) > 1 else []
    if rivals:
        others = (others or [_candidate(reading, best)]) + [
            _candidate(rival.choice.readings[0], rival.best) for rival in rivals
        ]
    money = leaf.type is FieldType.MONEY
    return Field(
        path=path,
        type=leaf.type,
        state=FieldState.AMBIGUOUS if open_ else FieldState.FOUND,
        value=reading.value,
        decimal=reading.decimal if money else None,
        currency=reading.currency if money else None,
        raw=best.raw,
        # Measured for values that nothing speaks against.
        confidence=None if open_ else best.confidence,
        candidates=others[:_MAX_CANDIDATES],
        # The best place only: a field is highlighted where it was read, not wherever it recurs.
        evidence=list(best.evidence),
    )


def _candidate(reading: Reading, of: FieldCandidate) -> Candidate:
    return Candidate(value=reading.value, raw=of.raw, confidence=of.confidence, evidence=list(of.evidence))


def _list(leaves: Sequence[Leaf], document: _Document) -> Iterator[Field]:
    """Fields of a list's elements in page order; one field for the whole list when it has none."""
    rows = _scalar_rows(leaves[0], document) if leaves[0].scalars else _item_rows(leaves, document)
    if not rows:
        yield Field(path=path_text(leaves[0].array), type=FieldType.TEXT, state=document.absent)
    for index, cells in enumerate(rows):
        for leaf in leaves:
            yield _cell(leaf, cells.get(leaf.name, []), document, index)


_Row = dict[str, list[FieldCandidate]]


def _item_rows(leaves: Sequence[Leaf], document: _Document) -> list[_Row]:
    rows: dict[tuple[int, int], _Row] = defaultdict(lambda: defaultdict(list))
    for leaf in leaves:
        for candidate in document.by_path.get(leaf.name, ()):
            if candidate.row is not None:
                rows[candidate.page, candidate.row][leaf.name].append(candidate)
    return [rows[where] for where in sorted(rows)]


def _scalar_rows(leaf: Leaf, document: _Document) -> list[_Row]:
    found = document.by_path.get(leaf.name, ())
    groups = _groups(leaf, found, document)
    order = {id(candidate): at for at, candidate in enumerate(found)}
    kept = [group for group in groups if group.score >= _IN_LIST * groups[0].score]
    kept.sort(key=lambda group: min(order[id(member)] for member in group.members))
    return [{leaf.name: group.members} for group in kept]


def _cell(leaf: Leaf, found: Sequence[FieldCandidate], document: _Document, index: int) -> Field:
    at = leaf.path.index(EACH)
    path = path_text((*leaf.path[:at], f"[{index}]", *leaf.path[at + 1 :]))
    groups = _groups(leaf, found, document)
    if not groups:
        return _without_value(leaf, found, document, path)
    rivals = [g for g in groups[1:] if g.best.asserted and _rivals(g, groups[0])]
    return _field(leaf, groups[0], rivals, path, document)

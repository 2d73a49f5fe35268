"""Chooses among the candidates of all pages: one field per leaf, with its state and evidence."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipeline.fields import arithmetic
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
from schemas.field import Candidate, Evidence, Field, FieldState, FieldType

_LOWEST = 0.2  # candidates below are noise
_CLOSE = 0.95  # a rival this near the best makes the field ambiguous
_REPEATED = 0.04
_MAX_CANDIDATES = 5
_MAX_EVIDENCE = 1  # the best place; a field is highlighted where it is read, not wherever it recurs


@dataclass(slots=True)
class _Group:
    """Candidates that say the same value."""

    choice: Choice
    members: list[FieldCandidate] = field(default_factory=list)
    bonus: float = 0.0

    @property
    def best(self) -> FieldCandidate:
        return max(self.members, key=lambda member: (member.score, -member.page))

    @property
    def score(self) -> float:
        places = {(m.page, m.evidence[0].quote, str(m.evidence[0].boxes)) for m in self.members if m.evidence}
        return self.best.score + min(_REPEATED * (len(places) - 1), 0.12) + self.bonus


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
    warnings = list(walked.warnings)
    nothing_read = not (pages_read if isinstance(pages_read, int) else len(pages_read))
    absent = FieldState.UNREADABLE if unread_pages or nothing_read else FieldState.MISSING
    by_path: dict[str, list[FieldCandidate]] = defaultdict(list)
    for candidate in every:
        by_path[candidate.path].append(candidate)
    sums = arithmetic.support(every, clues)
    fields: list[Field] = []
    done: set[tuple[str, ...]] = set()
    for leaf in walked.leaves:
        if not leaf.in_array:
            fields.append(_scalar(leaf, by_path[leaf.name], clues, absent, sums, warnings))
        elif leaf.array not in done:
            done.add(leaf.array)
            group = [other for other in walked.leaves if other.in_array and other.array == leaf.array]
            fields += _list(group, by_path, clues, absent, warnings)
    extraction = extract(walked.skeleton, fields)
    valid, complaints = validate(schema, extraction)
    return FieldsOutcome(fields, extraction, valid, warnings + complaints)


def _scalar(
    leaf: Leaf,
    found: Sequence[FieldCandidate],
    clues: Clues,
    absent: FieldState,
    sums: Mapping[Decimal, float],
    warnings: list[ResultWarning],
) -> Field:
    groups = _groups(leaf, found, clues, sums)
    if not groups:
        return _without_value(leaf, found, absent)
    best = groups[0]
    rivals = [g for g in groups[1:] if g.score >= _CLOSE * best.score]
    if best.choice.reason is not None:
        detail = f"{best.best.raw!r} was read as {best.choice.readings[0].value}: {best.choice.reason}"
        warnings.append(
            ResultWarning(code="convention_inferred", detail=detail, page=best.best.page, path=leaf.name)
        )
    ambiguous = best.choice.open or bool(rivals)
    return _field(leaf, best, [*rivals] if rivals else [], leaf.name, ambiguous=ambiguous)


def _groups(
    leaf: Leaf, found: Sequence[FieldCandidate], clues: Clues, sums: Mapping[Decimal, float]
) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for candidate in found:
        if candidate.outcome is not Outcome.VALUE or candidate.score < _LOWEST:
            continue
        choice = choose(leaf, candidate, clues)
        same = _identity(leaf, choice.readings[0])
        groups.setdefault(same, _Group(choice)).members.append(candidate)
    if leaf.concept == "total":
        for group in groups.values():
            group.bonus = sums.get(Decimal(group.choice.readings[0].decimal or "0"), 0.0)
    return sorted(groups.values(), key=lambda group: (-group.score, group.best.page))


def _identity(leaf: Leaf, reading: Reading) -> str:
    if reading.decimal is not None:
        return str(Decimal(reading.decimal).normalize())
    return key(str(reading.value)) if leaf.type is FieldType.TEXT else str(reading.value)


def _without_value(
    leaf: Leaf, found: Sequence[FieldCandidate], absent: FieldState, path: str | None = None
) -> Field:
    """No value: its place is empty, or holds something else, or there is no place for it."""
    strange = [c for c in found if c.outcome is Outcome.INVALID]
    empty = [c for c in found if c.outcome is Outcome.BLANK]
    best = max(strange or empty, key=lambda c: c.score, default=None)
    where = path or leaf.name
    if best is None:
        return Field(path=where, type=leaf.type, state=absent)
    state = FieldState.INVALID if strange else FieldState.BLANK
    return Field(path=where, type=leaf.type, state=state, raw=best.raw, evidence=list(best.evidence))


def _field(leaf: Leaf, group: _Group, rivals: Sequence[_Group], path: str, *, ambiguous: bool) -> Field:
    reading, best = group.choice.readings[0], group.best
    others = [_candidate(r, best) for r in group.choice.readings] if len(group.choice.readings) > 1 else []
    if rivals:
        others = (others or [_candidate(reading, best)]) + [
            _candidate(g.choice.readings[0], g.best) for g in rivals
        ]
    return Field(
        path=path,
        type=leaf.type,
        state=FieldState.AMBIGUOUS if ambiguous else FieldState.FOUND,
        value=reading.value,
        decimal=reading.decimal if leaf.type is FieldType.MONEY else None,
        currency=reading.currency if leaf.type is FieldType.MONEY else None,
        raw=best.raw,
        candidates=others[:_MAX_CANDIDATES],
        evidence=_evidence(group),
    )


def _candidate(reading: Reading, of: FieldCandidate) -> Candidate:
    return Candidate(value=reading.value, raw=of.raw, evidence=list(of.evidence))


def _evidence(group: _Group) -> list[Evidence]:
    """The best place first, then other places that say the same."""
    found: list[Evidence] = list(group.best.evidence)
    for member in sorted(group.members, key=lambda m: -m.score):
        for part in member.evidence:
            if all((part.page, part.boxes) != (known.page, known.boxes) for known in found):
                found.append(part)
    return found[:_MAX_EVIDENCE]


def _list(
    leaves: Sequence[Leaf],
    by_path: Mapping[str, list[FieldCandidate]],
    clues: Clues,
    absent: FieldState,
    warnings: list[ResultWarning],
) -> list[Field]:
    """Fields of a list's elements in page order; one field for the whole list when it has none."""
    if leaves[0].scalars:
        rows = _scalar_rows(leaves[0], by_path[leaves[0].name], clues)
    else:
        rows = _item_rows(leaves, by_path)
    fields = [
        _cell(leaf, cells.get(leaf.name, []), clues, absent, index)
        for index, cells in enumerate(rows)
        for leaf in leaves
    ]
    if not fields:
        return [Field(path=path_text(leaves[0].array), type=FieldType.TEXT, state=absent)]
    del warnings
    return fields


def _item_rows(
    leaves: Sequence[Leaf], by_path: Mapping[str, list[FieldCandidate]]
) -> list[dict[str, list[FieldCandidate]]]:
    rows: dict[tuple[int, int], dict[str, list[FieldCandidate]]] = defaultdict(lambda: defaultdict(list))
    for leaf in leaves:
        for candidate in by_path[leaf.name]:
            if candidate.row is not None:
                rows[(candidate.page, candidate.row)][leaf.name].append(candidate)
    return [rows[at] for at in sorted(rows)]


def _scalar_rows(
    leaf: Leaf, found: Sequence[FieldCandidate], clues: Clues
) -> list[dict[str, list[FieldCandidate]]]:
    groups = _groups(leaf, found, clues, {})
    if not groups:
        return []
    kept = [g for g in groups if g.score >= 0.6 * groups[0].score]
    order = {id(c): at for at, c in enumerate(found)}
    kept.sort(key=lambda g: min(order[id(m)] for m in g.members))
    return [{leaf.name: group.members} for group in kept]


def _cell(leaf: Leaf, found: Sequence[FieldCandidate], clues: Clues, absent: FieldState, index: int) -> Field:
    at = leaf.path.index(EACH)
    path = path_text((*leaf.path[:at], f"[{index}]", *leaf.path[at + 1 :]))
    groups = _groups(leaf, found, clues, {})
    if not groups:
        return _without_value(leaf, found, absent, path)
    return _field(leaf, groups[0], [], path, ambiguous=groups[0].choice.open)

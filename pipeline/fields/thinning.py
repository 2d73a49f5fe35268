"""Keeps the candidates that can still win, so that a document of thousands of pages needs little memory."""

from collections import defaultdict
from collections.abc import Iterable

from pipeline.fields.clues import summed
from pipeline.fields.shapes import FieldCandidate, Outcome

_KEPT = 24  # of one leaf, role and outcome


def thinned(candidates: Iterable[FieldCandidate]) -> list[FieldCandidate]:
    """The best candidates of every leaf, all line items, one sum of clues; may be applied again and again."""
    kept: list[FieldCandidate] = []
    clues: list[FieldCandidate] = []
    rivals: dict[tuple[str, str | None, Outcome], list[FieldCandidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.clues is not None:
            clues.append(candidate)
        elif candidate.row is not None:
            kept.append(candidate)
        else:
            rivals[candidate.path, candidate.role, candidate.outcome].append(candidate)
    for some in rivals.values():
        # Sorting is stable: among equals the earlier page stays.
        kept += sorted(some, key=lambda candidate: -candidate.score)[:_KEPT]
    if clues:
        total = summed(clue.clues for clue in clues if clue.clues is not None)
        kept.append(FieldCandidate("", Outcome.CLUES, page=clues[0].page, clues=total))
    return kept

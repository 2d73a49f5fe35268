"""Gives claims their evidence and their probability: where the quote stands, what speaks for the value."""

from collections import defaultdict
from collections.abc import Sequence

from model_runtime.vlm.values import Claim
from pipeline.confidence import Calibration, Signs, features, probability
from pipeline.fields.found import readings_of
from pipeline.ground import Found, Reference
from schemas.field import Evidence, Match
from schemas.finding import Finding, PageAnswer
from schemas.geometry import Box, union


def locate(claims: Sequence[Claim], reference: Reference | None) -> None:
    """Set each claim's evidence. The values of one row are looked for beside its longest quote."""
    rows: dict[tuple[tuple[str, ...], int], list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.leaf is not None and claim.row is not None:
            rows[claim.leaf.array, claim.row].append(claim)
        else:
            _evidence(claim, reference, claim.native)
    below: dict[tuple[str, ...], Box] = {}
    for (array, _), members in sorted(rows.items(), key=lambda item: item[0]):
        anchor: Box | None = None
        for claim in sorted(members, key=lambda claim: -len(claim.quote or "")):
            found = _evidence(claim, reference, claim.native or anchor or below.get(array))
            if anchor is None and found is not None:
                anchor = union(found.boxes)
        if anchor is not None:
            below[array] = _next_row(anchor)


def _next_row(box: Box) -> Box:
    """Where the row after this one begins, about."""
    high = box[3] - box[1]
    return (box[0], box[3], box[2], box[3] + high)


def _evidence(claim: Claim, reference: Reference | None, near: Box | None) -> Found | None:
    claim.evidence = []
    if claim.leaf is not None:
        readings, supported = readings_of(claim.leaf, claim.value, claim.quote)
        claim.valid = bool(readings) and supported
    if claim.quote is None:
        return None
    found = reference.find(claim.quote, near) if reference is not None else None
    if found is not None:
        boxes, match = list(found.boxes), found.match
    else:
        boxes, match = ([claim.native] if claim.native is not None else []), Match.MODEL
    claim.evidence = [Evidence(page=0, quote=claim.quote, boxes=boxes or None, match=match)]
    return found


def finding(claim: Claim, calibration: Calibration | None) -> Finding:
    assert claim.leaf is not None
    return Finding(
        path=claim.leaf.name,
        row=claim.row,
        value=claim.value,
        quote=claim.quote,
        confidence=_probability(claim, calibration),
        evidence=claim.evidence,
        signs=features(_signs(claim)) if claim.certainty is not None else None,
    )


def answer(claim: Claim, calibration: Calibration | None) -> PageAnswer:
    return PageAnswer(
        question=claim.question,
        answer=str(claim.value),
        confidence=_probability(claim, calibration),
        evidence=claim.evidence,
    )


def _probability(claim: Claim, calibration: Calibration | None) -> float | None:
    return probability(_signs(claim), calibration)


def _signs(claim: Claim) -> Signs:
    match = next((e.match for e in claim.evidence if e.boxes), None)
    return Signs(claim.certainty, match, claim.agreed, claim.valid, claim.adds)

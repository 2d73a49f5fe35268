"""Looks again, larger, at the places of values that are in doubt, and compares what it sees."""

from dataclasses import replace

from model_runtime.vlm.asking import Unanswered, ask_json
from model_runtime.vlm.session import OutOfTries, Session
from model_runtime.vlm.settings import SECOND_LOOKS
from model_runtime.vlm.values import Claim
from pipeline import prompts
from pipeline.certainty import Certainty
from pipeline.cut_page import around, tile_of
from pipeline.decoding import only
from pipeline.fields.folding import fold
from pipeline.parse_values import raw_findings
from schemas.engine import PixelLimits
from schemas.field import Match
from schemas.geometry import Box, union

_DOUBTFUL = 0.5
_SURE = 0.9
_ENLARGED = 2.5
_AROUND = (4.0, 1.5)
"""How much around a place is shown with it, in its heights: labels stand beside values more than above."""


def look_again(session: Session, claims: list[Claim]) -> list[Claim]:
    """The claims, those in doubt compared with a second look; where the two disagree, both stay."""
    doubtful = sorted((claim for claim in claims if _in_doubt(claim)), key=_least)
    looks = SECOND_LOOKS[session.order.profile]
    made = list(claims)
    for claim in doubtful[:looks]:
        try:
            seen = _seen(session, claim)
        except (Unanswered, OutOfTries):
            continue
        if seen is not None:
            at = next(index for index, one in enumerate(made) if one is claim)
            made[at : at + 1] = _settled(session, claim, seen)
    return made


def _in_doubt(claim: Claim) -> bool:
    if claim.leaf is None or not _place(claim):
        return False
    unsure = claim.certainty is not None and claim.certainty.least < _DOUBTFUL
    wrong = not claim.valid or claim.adds is False
    return unsure or wrong or all(e.match is not Match.EXACT for e in claim.evidence)


def _least(claim: Claim) -> float:
    return claim.certainty.least if claim.certainty is not None else 1.0


def _place(claim: Claim) -> Box | None:
    boxes = [box for evidence in claim.evidence for box in evidence.boxes or ()]
    return union(boxes) if boxes else claim.native


def _seen(session: Session, claim: Claim) -> Claim | None:
    """The same leaf, asked of a crop around its place."""
    place = _place(claim)
    assert place is not None
    assert claim.leaf is not None
    limits = session.spec.limits
    # A crop that costs as much as the page would be no second look but a second page.
    small = PixelLimits(
        factor=limits.factor,
        min_pixels=limits.min_pixels,
        max_pixels=max(limits.min_pixels, limits.max_pixels // 4),
    )
    view = session.crop(tile_of(around(place, _AROUND, session.page.box), _ENLARGED, small))
    if view is None:
        return None
    session.warn("looked_again", "a value in doubt was looked at again, enlarged", claim.leaf.name)
    derived = only(claim.leaf)
    answered = ask_json(
        session, view, derived.schema, lambda again: prompts.fields({}, derived.schema, again=again)
    )
    for found in raw_findings(answered.json, derived):
        span = answered.tokens.of(*found.span) if found.span is not None else None
        return replace(claim, value=found.value, quote=found.quote, certainty=span, evidence=[])
    return replace(claim, value=None, quote=None, certainty=None, evidence=[])


def _settled(session: Session, first: Claim, second: Claim) -> list[Claim]:
    """One claim where both agree, or where only one is sure; both where neither gives way."""
    assert first.leaf is not None
    if second.value is not None and fold(str(first.value)) == fold(str(second.value)):
        sure = max(filter(None, (first.certainty, second.certainty)), key=_mean, default=None)
        return [replace(first, agreed=True, certainty=sure)]
    if second.value is None:
        return [replace(first, agreed=False)]
    session.warn("readings_differ", "a second look at the place read something else", first.leaf.name)
    if second.certainty is not None and second.certainty.least >= _SURE and _least(first) < _DOUBTFUL:
        return [replace(second, agreed=False)]
    return [replace(first, agreed=False), replace(second, agreed=False)]


def _mean(certainty: Certainty) -> float:
    return certainty.mean

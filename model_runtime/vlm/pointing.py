"""Asks a model where its own quotes stand, in the way its family points at things."""

from collections.abc import Sequence

from model_runtime.families import Traits
from model_runtime.vlm.session import Session, View
from model_runtime.vlm.settings import SECOND_LOOKS
from model_runtime.vlm.values import Claim
from pipeline import prompts
from pipeline.json_spans import read_json
from pipeline.native_boxes import in_pixels, marked, named_boxes
from schemas.engine import CoordinateConvention


def point_at(session: Session, view: View, traits: Traits, claims: Sequence[Claim]) -> None:
    """Set ``native`` of claims that have no place at all: where nobody else has seen the page.

    It is the model's word alone: it shows people where to look, and earns no confidence.
    """
    if traits.coordinates is CoordinateConvention.NONE:
        return
    lost = [claim for claim in claims if claim.quote and claim.native is None and not _placed(claim)]
    for claim in lost[: SECOND_LOOKS[session.order.profile]]:
        assert claim.quote is not None
        session.tries += 1
        reply = session.ask(view, prompts.place(claim.quote, traits.box_unit), markers=traits.markers)
        found: list[object] = [one.numbers for one in marked(reply.text)]
        if not found:
            found = [numbers for _, numbers in named_boxes(read_json(reply.text).value)]
        box = in_pixels(found[0], traits.coordinates, view.image.width, view.image.height) if found else None
        claim.native = view.on_page(box) if box is not None else None


def _placed(claim: Claim) -> bool:
    return any(evidence.boxes for evidence in claim.evidence)

"""Holds a page's text against what another reader saw: what is missing of it, invented, or in doubt."""

from model_runtime.vlm.blocks import laid
from model_runtime.vlm.closer import look_closer
from model_runtime.vlm.confirming import confirmed
from model_runtime.vlm.session import OutOfTries, Session
from model_runtime.vlm.transcribe import Text, in_halves
from model_runtime.vlm.witness import Witness
from pipeline.align import Alignment
from pipeline.ground import Reference
from schemas.request import BudgetProfile, Task

_COVERED = 0.7
"""Share of the letters another reader saw, below which a transcription is told to be incomplete."""

_SUPPORTED = 0.5
_ENOUGH = 60
"""Letters; of less text no shares are taken."""


def complete(session: Session, text: Text, witness: Witness) -> tuple[Text, Alignment]:
    """The text, perhaps read again in part, over the other reader's words; what stays in doubt is told."""
    if session.settings.plain and not text.transcription.blocks:
        session.warn("nothing_read", "there are marks on the page, and the model read no text in them")
    reference = witness.reference
    alignment = laid(text, reference)
    if reference is None:
        return text, alignment
    thorough = session.order.profile is not BudgetProfile.FAST
    if thorough and len(reference.text) >= _ENOUGH:
        text, alignment = _fuller(session, text, reference, alignment)
    # Of models that give values, what is in doubt of those is looked at again: `second_look`.
    if Task.FIELDS not in session.spec.tasks:
        kept = confirmed(session, text) if thorough and witness.saw_nothing else text
        closer = look_closer(session, kept, reference)
        if closer is not text:
            text, alignment = closer, laid(closer, reference)
    _tell(session, text, reference, alignment)
    return text, alignment


def _fuller(
    session: Session, text: Text, reference: Reference, alignment: Alignment
) -> tuple[Text, Alignment]:
    """A text that leaves much out is read once more, in halves; the one that holds more counts."""
    coverage = alignment.coverage
    if coverage is None or coverage >= _COVERED:
        return text, alignment
    try:
        again = in_halves(session, text, f"only {coverage:.0%} of what another reader saw was transcribed")
    except OutOfTries:
        return text, alignment
    better = laid(again, reference) if again is not None else None
    if again is None or better is None or (better.coverage or 0.0) <= coverage:
        return text, alignment
    return again, better


def _tell(session: Session, text: Text, reference: Reference, alignment: Alignment) -> None:
    """Text that nobody else sees may be invented, above all where another reader finds hardly any."""
    judged = len(reference.text) >= _ENOUGH and alignment.coverage is not None
    if judged and (coverage := alignment.coverage or 0.0) < _COVERED:
        session.warn(
            "coverage_low", f"the text holds {coverage:.0%} of what an independent reading saw on the page"
        )
    judged = judged or sum(map(str.isalnum, text.written.text)) >= _ENOUGH
    if judged and alignment.support is not None and alignment.support < _SUPPORTED:
        session.warn(
            "text_unsupported",
            f"an independent reading saw only {alignment.support:.0%} of the text on the page",
        )

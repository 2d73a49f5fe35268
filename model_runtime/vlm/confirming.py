"""Has text that nobody else sees read a second time: what was invented is not invented twice alike."""

from dataclasses import replace

from model_runtime.vlm.blocks import pieces_of
from model_runtime.vlm.session import OutOfTries, Session
from model_runtime.vlm.transcribe import Text, in_halves
from pipeline.ground import alike, folded
from pipeline.parse_markdown import Transcription, read_page
from pipeline.splice import Written
from schemas.page import BlockKind

_MOST = 2000
"""Letters that are compared: it takes the square of them."""


def confirmed(session: Session, text: Text) -> Text:
    """The text, or none where a second reading, larger, is of something else or of nothing.

    For pages on which an independent reading saw no print at all: handwriting may be unseen by it, and reads
    alike twice; specks and rules do not. Where the second reading fails, nothing is said against the first.
    """
    first = _letters(text.transcription)
    if not first:
        return text
    try:
        again = in_halves(session, text, "nobody else sees text on the page", whole=True)
    except OutOfTries:
        return text
    if again is None:
        return text
    second = _letters(again.transcription)
    if alike(first, second):
        return text
    session.warn(
        "text_unsupported",
        "an independent reading saw no text on the page, and a second look read something else: left out",
    )
    return replace(text, written=Written(""), transcription=read_page(""))


def _letters(page: Transcription) -> str:
    """Without what models say of pictures, in words that differ each time."""
    blocks = [block for block in page.blocks if block.kind is not BlockKind.FIGURE]
    return "".join(folded(piece)[0] for piece in pieces_of(blocks))[:_MOST]

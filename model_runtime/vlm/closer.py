"""Reads lines that the model hesitated over again, each alone and enlarged."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from model_runtime.chat import Finish, Reply
from model_runtime.vlm.session import OutOfTries, Session, View
from model_runtime.vlm.settings import SECOND_LOOKS
from model_runtime.vlm.transcribe import Text, written_of
from pipeline import prompts
from pipeline.certainty import Certainty, Tokens
from pipeline.cut_page import around, tile_of
from pipeline.ground import Reference, alike, folded
from pipeline.line_places import LinePlace, line_places
from pipeline.parse_markdown import Transcription, read_page
from pipeline.splice import Written
from schemas.engine import PixelLimits
from schemas.geometry import Box
from schemas.page import BlockKind

_DOUBTFUL = 0.5
_TALL = 3.0
"""How high a line is to be shown, in heights of a letter x that the engine reads for sure."""

_AROUND = (0.7, 0.12)
"""How much around a line is shown with it, in its heights; its neighbours above and below are not."""

_AS_LONG = (0.7, 1.3)
_LETTERS = 2
"""Length of the second in lengths of the first, and so many letters more or less."""

_ROUNDED = 0.25
"""Of a row of visual tokens, by which a line is rather shown a little lower than it was."""

_SHAPES = (0.5, 100.0)
"""Widths in heights that lines of print have; others are columns of letters, or no lines."""

_QUOTED = 60
_ONE_BY_ONE = frozenset({BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.LIST})
_MARK = re.compile(r"[ \t]*(?:#{1,6}|[-*+])[ \t]+")


@dataclass(frozen=True, slots=True)
class _Line:
    """A stretch of the text, and where another reader saw it. ``marked``: Markdown sets a mark before it."""

    start: int
    end: int
    marked: bool
    certainty: Certainty
    place: LinePlace


def look_closer(session: Session, text: Text, reference: Reference) -> Text:
    """The text, lines in doubt replaced where a second reading is surer. The least sure ones come first."""
    most = SECOND_LOOKS[session.order.profile]
    if text.view.turn or not most:
        return text
    doubtful = sorted(_doubtful(text, reference), key=lambda line: line.certainty.least)
    looked: dict[_Line, Written | None] = {}
    for line in doubtful[:most]:
        view = _view(session, line.place.box)
        if view is None:
            continue
        try:
            reply = session.ask(view, prompts.text(plain=True))
        except OutOfTries:
            break
        looked[line] = _better(text, line, reply)
    return _replaced(session, text, looked) if looked else text


def _replaced(session: Session, text: Text, looked: dict[_Line, Written | None]) -> Text:
    """From the end, so that places before stay what they are. What becomes of the page keeps its shape."""
    made, shape, taken = text.written, _shape(text.transcription), 0
    for line in sorted(looked, key=lambda line: -line.start):
        again = looked[line]
        if again is None:
            continue
        before, after = made.slice(0, line.start), made.slice(line.end, len(made.text))
        tried = before + again + after
        if _shape(read_page(tried.text)) != shape:
            continue
        old = made.text[line.start : line.end]
        session.warn(
            "readings_differ",
            f"a second look at a line reads {again.text[:_QUOTED]!r}, surer than {old[:_QUOTED]!r} before",
        )
        made, taken = tried, taken + 1
    session.warn(
        "looked_again", f"lines in doubt that were read again, enlarged: {len(looked)}; replaced: {taken}"
    )
    return replace(text, written=made, transcription=read_page(made.text)) if taken else text


def _shape(page: Transcription) -> list[BlockKind]:
    return [block.kind for block in page.blocks]


def _doubtful(text: Text, reference: Reference) -> Iterator[_Line]:
    whole = text.written.text
    tokens = Tokens(whole, text.written.pieces)
    spans = [
        span
        for block in text.transcription.blocks
        if block.kind in _ONE_BY_ONE
        for span in _lines(whole, *block.span)
    ]
    known = [tokens.of(start, end) for start, end, _ in spans]
    if all(certainty is None or certainty.least >= _DOUBTFUL for certainty in known):
        return  # the places of lines take a search of the page
    places = line_places([whole[start:end] for start, end, _ in spans], reference)
    for (start, end, marked), certainty, place in zip(spans, known, places, strict=True):
        if certainty is not None and certainty.least < _DOUBTFUL and place is not None:
            yield _Line(start, end, marked, certainty, place)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Where lines stand, without the marks that Markdown sets before some."""
    at = start
    for line in text[start:end].split("\n"):
        mark = _MARK.match(line)
        first = at + (mark.end() if mark is not None else len(line) - len(line.lstrip()))
        last = at + len(line.rstrip())
        if last > first:
            yield first, last, mark is not None
        at += len(line) + 1


def _view(session: Session, box: Box) -> View | None:
    """A line as an image of its own, in whole rows of visual tokens: as high as is wanted, about, and hardly
    lower than it was."""
    limits = session.spec.limits
    width, high = box[2] - box[0], box[3] - box[1]
    if high < 1 or not _SHAPES[0] <= width / high <= _SHAPES[1]:
        return None
    # A line has its own shape: it is not blown up to the least that a page is shown at.
    small = PixelLimits(
        factor=limits.factor,
        min_pixels=limits.factor**2,
        max_pixels=max(limits.min_pixels, limits.max_pixels // 4),
    )
    shown = around(box, _AROUND, session.page.box)
    was = (shown[3] - shown[1]) / limits.factor
    wanted = was * _TALL * session.spec.pixels_per_x_height / high
    rows = max(1, math.ceil(was - _ROUNDED), round(wanted))
    return session.crop(tile_of(shown, rows * limits.factor / (shown[3] - shown[1]), small))


def _better(text: Text, line: _Line, reply: Reply) -> Written | None:
    """What a second look read, where it is of the same line, differs, and is sure where the first was not."""
    if reply.finish is not Finish.STOP:
        return None
    said = written_of(reply)
    mark = _MARK.match(reply.text) if line.marked else None
    start, end = mark.end() if mark is not None else 0, len(reply.text.rstrip())
    start += len(reply.text[start:end]) - len(reply.text[start:end].lstrip())
    first, second = text.written.text[line.start : line.end], reply.text[start:end]
    certainty = Tokens(said.text, said.pieces).of(start, end)
    if certainty is None or certainty.least < max(_DOUBTFUL, line.certainty.least):
        return None
    if "\n" in second or second == first or not _same_line(first, second, line.place):
        return None
    return said.slice(start, end)


def _same_line(first: str, second: str, place: LinePlace) -> bool:
    """Alike, about as long, and with every word of the first that the other reader saw there too."""
    ours, theirs = folded(first)[0], folded(second)[0]
    low, high = (share * len(ours) for share in _AS_LONG)
    if not theirs or not low - _LETTERS <= len(theirs) <= high + _LETTERS:
        return False
    known = {folded(word)[0] for word in first.split()} & place.words
    if not known <= {folded(word)[0] for word in second.split()}:
        return False
    return alike(ours, theirs)

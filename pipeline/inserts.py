"""Completes a text layer with what an engine read on the pictures of the page: letterheads, pasted scans."""

from collections.abc import Sequence
from dataclasses import replace

from schemas.geometry import Box, area, intersection
from schemas.reading import PageReading, ReadLine

UNREAD = "picture_text_unread"
_COVERED = 0.3  # of a word of the layer: the engine has read it again


def completed(layer: PageReading, seen: PageReading, pictures: Sequence[Box]) -> PageReading:
    """The layer, and what was seen on ``pictures``: lines, and places that could not be read."""
    known = [word.bbox for line in layer.lines for word in line.words]
    lines = [line for line in seen.lines if _on(line.bbox, pictures) and not _repeats(line, known)]
    unread = [place for place in seen.unread if _on(place.bbox, pictures)]
    if not lines and not unread:
        return layer  # with its warning: words were suspected there, and none was found
    return replace(
        layer,
        lines=(*layer.lines, *lines),
        unread=(*layer.unread, *unread),
        warnings=(*(w for w in layer.warnings if w.code != UNREAD), *seen.warnings),
    )


def _on(box: Box, pictures: Sequence[Box]) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(picture[0] <= x <= picture[2] and picture[1] <= y <= picture[3] for picture in pictures)


def _repeats(line: ReadLine, known: Sequence[Box]) -> bool:
    return any(intersection(line.bbox, word) > _COVERED * area(word) for word in known)

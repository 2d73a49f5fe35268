"""Finds check boxes on the picture of a scanned page: squares beside a label, ticked or empty."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import cv2
import numpy as np
from PIL import Image

from pipeline.box_places import combed, labelled, ruled
from pipeline.ink import Grey, paper
from pipeline.orders import PageImage
from schemas.geometry import Box, area, intersection, union
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadLine, ReadWord, Region, line_of

_SIDES = (0.6, 2.6)  # of the height of words
_LEAST_SIDE = 9  # pixels
_SQUARE = 1.25  # how much longer one side may be
_STROKE = 0.6  # of the side: a shorter stroke is no side of a frame
_COVERED, _COVERED_CORNER = 0.8, 0.5  # of each side of a frame that is ink, and of its ends
_BEYOND, _RUNS_ON = 0.45, 0.6
"""How far beyond a corner a side is followed, in sides, and how much ink there makes it a table's rule."""

_EMPTY, _FULL = 0.06, 0.72  # of the inside that is ink: less is an empty box, more a bullet or a picture
_RIM = 0.2  # of the side: the frame, and what it is askew
_ACROSS = 0.85  # of the inside that a level stroke must not span
_LEAST_CONTRAST, _HALFWAY = 40, 0.45
_MOST = 300
_SIGNS = frozenset("口回区囗ロ□☐☑☒■▢✓✔[]|×")
_LETTERS = frozenset("oO0DQCUuxXvV")
"""What readers take a box for: a sign by itself or before a word, a letter by itself or before a capital."""

_SPACE = 0.3  # sides between a box and what was read with it
_MASKED = 0.6  # of a word that lies in the box

Ink = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


def with_boxes(image: PageImage, reading: PageReading) -> PageReading:
    """The reading (in pixels of the image) with a mark for each box, in place of what it was read as."""
    words = [word for line in reading.lines for word in line.words]
    if not words or reading.content_rotation:
        return reading
    with Image.open(io.BytesIO(image.data)) as picture:
        grey = np.asarray(picture.convert("L"))
    height = median(word.bbox[3] - word.bbox[1] for word in words)
    found = list(boxes(grey, height))
    squares = [box for box, _ in found]
    lines, marks, regions = reading.lines, list[ReadLine](), list[Region]()
    for box, ticked in found[:_MOST]:
        bared = _without(lines, box)
        if bared is None or ruled(box, reading.rules) or combed(box, squares):
            continue
        if not labelled(box, [word for line in bared for word in line.words]):
            continue
        lines = bared
        marks.append(line_of([ReadWord("☑" if ticked else "☐", box)], size=box[3] - box[1]))
        regions.append(Region(BlockKind.CHECKBOX, box))
    return (
        replace(reading, lines=(*lines, *marks), regions=(*reading.regions, *regions)) if marks else reading
    )


def boxes(grey: Grey, height: float) -> Iterator[tuple[Box, bool]]:
    """Frames of about the ``height`` of words, and whether there is something in them."""
    ink = _ink(grey)
    least, most = max(_LEAST_SIDE, _SIDES[0] * height), _SIDES[1] * height
    length = max(5, round(_STROKE * least))
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    upright = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    strokes = cv2.dilate(cv2.bitwise_or(level, upright), np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    for left, top, across, down, _ in stats[1:].tolist():
        x, y, wide, high = left + 1, top + 1, across - 2, down - 2  # as it was before it was dilated
        short, long = sorted((wide, high))
        if least <= short and long <= most and long <= _SQUARE * short and _framed(ink, x, y, wide, high):
            ticked = _ticked(ink, (x, y, wide, high))
            if ticked is not None:
                yield (float(x), float(y), float(x + wide), float(y + high)), ticked


def _ink(grey: Grey) -> Ink:
    """What is printed, thin as it was printed: halfway between the paper and its darkest strokes."""
    contrast = paper(grey).astype(np.int16) - grey
    dark = contrast[contrast > _LEAST_CONTRAST]
    if dark.size == 0:
        return np.zeros(grey.shape, np.uint8)
    return np.asarray(contrast > _HALFWAY * float(np.percentile(dark, 90)), dtype=np.uint8)


def _framed(ink: Ink, x: int, y: int, wide: int, high: int) -> bool:
    """Ink along all of every side up to the corners, and none that runs on beyond them."""
    band = max(2, round(0.16 * min(wide, high)))
    reach = max(3, round(_BEYOND * min(wide, high)))
    for turned, (left, top, across, down) in ((ink, (x, y, wide, high)), (ink.T, (y, x, high, wide))):
        for start in (top - 1, top + down - band + 1):
            strip = turned[max(0, start) : start + band, :]
            side = strip[:, left : left + across]
            if side.size == 0 or side.any(axis=0).mean() < _COVERED or not _cornered(side):
                return False
            before, after = strip[:, max(0, left - reach) : max(0, left - 1)], strip[:, left + across + 1 :]
            for beyond in (before, after[:, :reach]):
                if beyond.size and beyond.any(axis=0).mean() > _RUNS_ON:
                    return False
    return True


def _cornered(side: Ink) -> bool:
    """Round letters have no ink in the corners of their box."""
    corner = max(3, side.shape[1] // 5)
    return bool(
        min(side[:, :corner].any(axis=0).mean(), side[:, -corner:].any(axis=0).mean()) >= _COVERED_CORNER
    )


def _ticked(ink: Ink, frame: tuple[int, int, int, int]) -> bool | None:
    """None: what is inside is neither nothing nor a tick."""
    x, y, wide, high = frame
    rim = max(2, round(_RIM * min(wide, high)))
    inside = ink[y + rim : y + high - rim, x + rim : x + wide - rim]
    if inside.size == 0:
        return None
    share = float(inside.mean())
    if share <= _EMPTY:
        return False
    return None if share >= _FULL or _crossed(inside) or _crossed(inside.T) else True


def _crossed(inside: Ink) -> bool:
    """Whether a level stroke goes all the way across: that is a letter such as 日."""
    length = max(3, round(_ACROSS * inside.shape[1]))
    padded = np.pad(inside, 1)  # beyond an edge OpenCV takes strokes to go on
    return bool(cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)).any())


def _without(lines: Sequence[ReadLine], box: Box) -> tuple[ReadLine, ...] | None:
    """Lines without what the box was read as; None where it is a letter of a word."""
    kept: list[ReadLine] = []
    for line in lines:
        if intersection(line.bbox, box) <= 0:
            kept.append(line)
            continue
        words: list[ReadWord] = []
        for word in line.words:
            left = _left_of(word, box)
            if left is None:
                return None
            words += left
        if words:
            kept.append(replace(line, words=tuple(words), bbox=union([word.bbox for word in words])))
    return tuple(kept)


def _left_of(word: ReadWord, box: Box) -> list[ReadWord] | None:
    """A word less the box at its beginning; None where the box is inside it."""
    shared = intersection(word.bbox, box)
    if shared <= 0.15 * area(box):
        return [word]
    if word.bbox[0] < box[0] - 0.35 * (box[2] - box[0]):
        return None
    if all(letter in _SIGNS | _LETTERS for letter in word.text) and len(word.text) <= 2:
        return [] if shared >= _MASKED * min(area(word.bbox), area(box)) else None
    bare = (box[2] + _SPACE * (box[2] - box[0]), *word.bbox[1:])
    if bare[0] >= bare[2]:
        return None
    return [replace(word, text=word.text[_boxed(word.text) :], bbox=bare)]


def _boxed(text: str) -> int:
    """How many letters of a word are the box before it: none where only its place begins too early."""
    before_name = text[:1] in _LETTERS and text[1:2].isupper() and text[2:3].islower()
    return int(len(text) > 1 and (text[:1] in _SIGNS or before_name))

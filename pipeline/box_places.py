"""Tells squares that are check boxes from cells and combs for letters, by what stands around them."""

from collections.abc import Sequence

from schemas.geometry import Box
from schemas.reading import ReadWord, Rule

_AWAY = 2.0  # sides of the box that its label may stand away
_IN_LINE = 0.5  # of the label's height that lies beside the box
_APART = 0.35  # sides between two boxes: closer ones are a comb for letters
_LONGER = 1.6  # sides: a rule as long as this along the box is a table's


def ruled(box: Box, rules: Sequence[Rule]) -> bool:
    """Whether a longer rule runs along the box or through it: then it is a cell."""
    x0, y0, x1, y1 = box
    for rule in rules:
        a0, b0, a1, b1 = rule.bbox
        touches = a0 <= x1 + 1 and a1 >= x0 - 1 and b0 <= y1 + 1 and b1 >= y0 - 1
        if touches and max(a1 - a0, b1 - b0) >= _LONGER * (x1 - x0):
            return True
    return False


def combed(box: Box, squares: Sequence[Box]) -> bool:
    side = box[2] - box[0]
    for other in squares:
        beside = other is not box and abs(other[1] - box[1]) < _APART * side
        if beside and max(other[0] - box[2], box[0] - other[2]) < _APART * side:
            return True
    return False


def labelled(box: Box, words: Sequence[ReadWord]) -> bool:
    """Whether a word begins right of the box, or ends left of it, in its line."""
    away = _AWAY * (box[2] - box[0])
    for word in words:
        x0, y0, x1, y1 = word.bbox
        level = min(y1, box[3]) - max(y0, box[1]) >= _IN_LINE * min(y1 - y0, box[3] - box[1])
        if level and (0 <= x0 - box[2] + 1 <= away or 0 <= box[0] - x1 + 1 <= away):
            return any(letter.isalnum() for letter in word.text)
    return False

"""Distances between texts: edits, fuzzy occurrences, character error rate, word F1."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_FOLDED = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("–—‐‑‒−﹘", "-"),
        "µ": "μ",
        "＿": "_",
    }
)
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED_SCRIPTS = frozenset({"ja", "zh"})


def fold(text: str) -> str:
    """Quotes and dashes in one form, runs of white space as one space, characters composed."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).translate(_FOLDED).strip()


def letters(text: str) -> str:
    """Only letters and digits, case folded: a value without its layout and punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _positions(pattern: str) -> dict[str, int]:
    masks: dict[str, int] = {}
    for index, char in enumerate(pattern):
        masks[char] = masks.get(char, 0) | (1 << index)
    return masks


def _scan(pattern: str, text: str, *, anchored: bool) -> list[int]:
    """Myers' bit-parallel columns: after each character of ``text``, the edits to ``pattern``.

    Anchored: of the whole text so far; otherwise of the best stretch that ends there.
    """
    length = len(pattern)
    masks, full, last = _positions(pattern), (1 << length) - 1, 1 << (length - 1)
    positive, negative, score = full, 0, length
    scores = []
    for char in text:
        equal = masks.get(char, 0)
        diagonal = (((equal & positive) + positive) ^ positive) | equal | negative
        up = negative | (~(diagonal | positive) & full)
        down = positive & diagonal
        score += bool(up & last) - bool(down & last)
        up = ((up << 1) | anchored) & full
        down = (down << 1) & full
        positive = down | (~(diagonal | up) & full)
        negative = up & diagonal
        scores.append(score)
    return scores


def edits(a: str, b: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions each cost one."""
    if not a or not b:
        return len(a) + len(b)
    return _scan(a, b, anchored=True)[-1]


def indel(a: str, b: str) -> int:
    """Distance without substitutions: all that is outside a longest common subsequence."""
    masks, full = _positions(a), (1 << len(a)) - 1
    row = full
    for char in b:
        matched = row & masks.get(char, 0)
        row = ((row + matched) | (row - matched)) & full
    common = len(a) - row.bit_count()
    return len(a) + len(b) - 2 * common


def similarity(a: str, b: str) -> float:
    """1 for equal, 0 for nothing in common."""
    return 1.0 - indel(a, b) / (len(a) + len(b)) if a or b else 1.0


def ends_within(needle: str, text: str, allowed: int) -> list[int]:
    """Positions (exclusive) where a stretch at most ``allowed`` edits from ``needle`` ends."""
    if not needle:
        return []
    return [i + 1 for i, score in enumerate(_scan(needle, text, anchored=False)) if score <= allowed]


def starts_within(needle: str, text: str, allowed: int) -> list[int]:
    """Positions where a stretch at most ``allowed`` edits from ``needle`` begins, ascending."""
    return sorted(len(text) - end for end in ends_within(needle[::-1], text[::-1], allowed))


def error_rate(truth: str, read: str, language: str = "") -> float:
    """Character error rate. Spaces count, except in scripts that do not write them; widths are folded."""
    truth, read = (fold(unicodedata.normalize("NFKC", text)) for text in (truth, read))
    if language in _UNSPACED_SCRIPTS:
        truth, read = truth.replace(" ", ""), read.replace(" ", "")
    return edits(truth, read) / len(truth) if truth else float(bool(read))


def words_of(text: str) -> Counter[str]:
    """Runs of letters and digits, case folded; punctuation parts words and is none itself."""
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def tokens_of(text: str) -> Counter[str]:
    """What stands between white space, punctuation and all."""
    return Counter(unicodedata.normalize("NFKC", text).casefold().split())


def overlap(truth: Counter[str], found: Counter[str]) -> tuple[int, int, int]:
    """Items in common, items of the truth, items found: what micro-averaged F1 is made of."""
    return (truth & found).total(), truth.total(), found.total()


def f1(counts: Iterable[tuple[int, int, int]]) -> float:
    """Micro F1 over (right, true, found) counts; 1 when there was nothing to find and nothing was found."""
    triples = list(counts)
    right, true, found = (sum(t[i] for t in triples) for i in range(3))
    return 2 * right / (true + found) if true + found else 1.0

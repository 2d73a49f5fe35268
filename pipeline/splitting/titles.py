"""Finds what a document calls itself among the lines at its head."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.fields.folding import fold
from pipeline.splitting.words import endings, titles
from schemas.split import DocumentClass

_LONGEST = 6  # words of a line that is a title
_MOST_WORDS = 4  # of a title itself
_WIDE = 8  # characters around a title of a script without spaces
_NUMBER_WORDS = frozenset(
    {"nr", "no", "n", "number", "nummer", "num", "numero", "id", "c", "vom", "du", "del", "for"}
)
_LEAST_STEM = 2  # letters before an ending
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Title:
    """``strength``: 2 where the line says nothing else, or is set as a heading; 1 where it may be a label."""

    kind: DocumentClass
    strength: int
    text: str


def title_of(lines: Sequence[tuple[str, bool]]) -> Title | None:
    """The clearest of the lines, given with whether they are headings; of equals the first."""
    best: Title | None = None
    for line, heading in lines:
        found = _of_line(line, heading)
        if found is not None and (best is None or found.strength > best.strength):
            best = found
    return best


def _of_line(line: str, heading: bool) -> Title | None:
    words = fold(line).split()
    if len(words) > 2 and all(len(word) == 1 for word in words):
        words = ["".join(words)]  # R E C H N U N G
    if not words or len(words) > _LONGEST:
        return None
    if _UNSPACED.search(line):
        return _unspaced("".join(words))
    return _leading(words, heading) or _compound(words, heading) or _trailing(words)


def _unspaced(text: str) -> Title | None:
    known = titles()
    found = [phrase for phrase in known if _UNSPACED.search(phrase) and phrase.replace(" ", "") in text]
    if not found:
        return None
    phrase = max(found, key=len)
    return Title(known[phrase], 2 if len(text) <= len(phrase) + _WIDE else 1, phrase)


def _leading(words: Sequence[str], heading: bool) -> Title | None:
    known = titles()
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        phrase = " ".join(words[:count])
        kind = known.get(phrase)
        if kind is None:
            continue
        rest = words[count:]
        if not rest or heading:
            return Title(kind, 2, phrase)
        numbered = rest[0] in _NUMBER_WORDS or any(char.isdigit() for char in rest[0])
        return Title(kind, 1, phrase) if numbered or len(words) <= count + 2 else None
    return None


def _compound(words: Sequence[str], heading: bool) -> Title | None:
    for ending, kind in endings():
        for at, word in enumerate(words[:2]):
            if word.endswith(ending) and len(word) >= len(ending) + _LEAST_STEM:
                alone = len(words) == 1 or heading
                return Title(kind, 2 if alone and at == 0 else 1, word)
    return None


def _trailing(words: Sequence[str]) -> Title | None:
    """A name, then the title: `Muster GmbH Rechnung`."""
    known = titles()
    for count in range(min(_MOST_WORDS, len(words) - 1), 0, -1):
        phrase = " ".join(words[-count:])
        if phrase in known and len(phrase) > 3:
            return Title(known[phrase], 1, phrase)
    return None

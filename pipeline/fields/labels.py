"""Finds where a page prints the labels of a schema, forgiving case, accents, spacing and a misread letter."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pipeline.fields.folding import key, within_edits
from pipeline.fields.layout import Row, Segment, Sheet
from pipeline.fields.shapes import Leaf
from pipeline.fields.vocabulary import concepts

MAX_WORDS = 8
SAYS_SO = 0.45  # weight of a label from which the line that begins with it is about that
_A_WORD = 3  # letters
_COLONS = frozenset(":：")
_ONE_SLIP = 5  # letters a label needs before one misread letter is forgiven
_TWO_SLIPS = 12
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Target:
    """What a label announces: a leaf of the schema, or only a concept (then it merely takes its place)."""

    leaf: str | None
    concept: str | None
    weight: float
    colon: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A label found: the segment, its tokens from ``first`` up to ``last`` (excluded), what it announces."""

    segment: Segment
    first: int
    last: int
    targets: tuple[Target, ...]
    exact: bool
    letters: int

    @property
    def start(self) -> int:
        return self.segment.starts[self.first]

    @property
    def end(self) -> int:
        at = self.last - 1
        return self.segment.starts[at] + len(self.segment.tokens[at].text)


def ends_with_colon(hit: Hit) -> bool:
    after = hit.segment.text[hit.end - 1 : hit.end + 3]
    return after[:1] in _COLONS or after[1:].lstrip(" )")[:1] in _COLONS


class LabelIndex:
    """Labels of some leaves, and of the whole vocabulary so that a longer label hides the shorter in it."""

    def __init__(self, leaves: Iterable[Leaf], *, items: bool) -> None:
        self._targets: dict[str, list[Target]] = defaultdict(list)
        known = set()
        for leaf in leaves:
            for label in leaf.labels:
                self._targets[key(label.text)].append(
                    Target(leaf.name, leaf.concept, label.weight, label.colon)
                )
            known.add(leaf.concept)
        for name, concept in concepts(items=items).items():
            if name not in known:
                for label in concept.labels:
                    self._targets[key(label.text)].append(Target(None, name, label.weight, label.colon))
        self._longest = max(map(len, self._targets), default=0)
        # One slip leaves the beginning or the end of a label whole.
        self._by_edge: dict[str, list[str]] = defaultdict(list)
        for folded in self._targets:
            if len(folded) >= _ONE_SLIP and folded.isascii():
                for edge in _edges(folded):
                    self._by_edge[edge].append(folded)
        self._seen: dict[str, str | None] = {}

    def hits(self, row: Row) -> list[Hit]:
        """Labels of one row, left to right; where they overlap the longest wins."""
        return [hit for segment in row.segments for hit in self._longest_in(segment)]

    def _longest_in(self, segment: Segment) -> list[Hit]:
        found = sorted(self._in_segment(segment), key=lambda hit: (-hit.letters - hit.exact, hit.first))
        kept: list[Hit] = []
        for hit in found:
            if not any(hit.first < other.last and other.first < hit.last for other in kept):
                kept.append(hit)
        return sorted(kept, key=lambda hit: hit.first)

    def match(self, text: str) -> tuple[Target, ...]:
        """What a whole text (a table header) announces as a label."""
        return _without_colon(self._lookup(key(text))[0])

    def _in_segment(self, segment: Segment) -> Iterator[Hit]:
        keys = [key(token.text) for token in segment.tokens]
        for first, head in enumerate(keys):
            if not head:
                continue
            joined, slips = "", True
            for last in range(first, min(first + MAX_WORDS, len(keys))):
                joined += keys[last]
                # Numbers are printed values, not misread letters: `VAT 20%` is not `VAT no`; so is what has a
                # sign: `Total -Rs. 500` is not `Totals`.
                text = segment.tokens[last].text
                slips = slips and not _is_code(text) and not (last > first and text[0] in "-−+")
                if len(joined) > self._longest + 1:
                    break
                targets, exact = self._lookup(joined, slips=slips)
                if not targets or not keys[last]:
                    continue
                hit = Hit(segment, first, last + 1, targets, exact, len(joined))
                if any(target.colon for target in targets) and not (exact and ends_with_colon(hit)):
                    hit = replace(hit, targets=_without_colon(targets))
                if hit.targets:
                    yield hit

    def _lookup(self, text: str, *, slips: bool = True) -> tuple[tuple[Target, ...], bool]:
        if text in self._targets:
            return tuple(self._targets[text]), True
        if not slips:
            return (), False
        label = self._nearest(text)
        return (tuple(self._targets[label]), False) if label else ((), False)

    def _nearest(self, text: str) -> str | None:
        """The label a slip or two away, if any; remembered, for words recur from page to page."""
        if text not in self._seen:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[text] = self._searched(text)
        return self._seen[text]

    def _searched(self, text: str) -> str | None:
        if len(text) < _ONE_SLIP or not text.isascii():
            return None
        near = {label for edge in _edges(text) for label in self._by_edge.get(edge, ())}
        slips = 2 if len(text) >= _TWO_SLIPS else 1
        fits = (label for label in near if within_edits(label, text, slips))
        return min(fits, key=lambda label: (abs(len(label) - len(text)), label), default=None)


def _without_colon(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Those that need none."""
    return tuple(target for target in targets if not target.colon)


def _edges(text: str) -> tuple[str, str]:
    size = 2 if len(text) < 7 else 3
    return f"^{text[:size]}", f"{text[-size:]}$"


def _is_code(text: str) -> bool:
    """Mostly digits, or ending in one: ``20%``, ``invoice_number_1``."""
    digits = sum(char.isdigit() for char in text)
    return digits * 2 > sum(char.isalnum() for char in text) or text[-1:].isdigit()


@lru_cache(maxsize=8)
def index_of(leaves: tuple[Leaf, ...], *, items: bool) -> LabelIndex:
    """One index per schema in a child process that reads many pages of it."""
    return LabelIndex(leaves, items=items)


def opens(row: Row, hit: Hit) -> bool:
    """Whether no words stand before the label in its row; stray marks and numbers may."""
    before = [*(segment.text for segment in row.segments[: hit.segment.index]), hit.segment.text[: hit.start]]
    return sum(char.isalpha() for text in before for char in text) < _A_WORD


@dataclass(frozen=True, slots=True)
class Marked:
    """A page with the labels found on it, by row."""

    sheet: Sheet
    hits: Mapping[int, Sequence[Hit]]

    def all_hits(self) -> Iterator[Hit]:
        return (hit for row in self.sheet.rows for hit in self.hits.get(row.index, ()))


def marked(index: LabelIndex, sheet: Sheet) -> Marked:
    return Marked(sheet, {row.index: index.hits(row) for row in sheet.rows})

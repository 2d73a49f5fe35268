"""Values that stand right of a label or below it."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.fields.evidence import Place
from pipeline.fields.labels import Hit, Marked, ends_with_colon
from pipeline.fields.layout import Segment
from pipeline.fields.values import Parsed

_FARTHEST_BELOW = 2.6  # line heights between the label's bottom and the value's top
_CLEAR = 0.7
_PARTED = re.compile(r"\s+[-–—]\s+(?=\S)")
"""`Total – $150.00`: a dash between label and value, and no sign; `Discount - 5.00` has one."""

_SUMS = frozenset({"total", "net", "tax"})

_PUNCTUATION = " \t:;.,=#|*_°º-–—)("


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of a segment where a label's value may stand; ``near`` 0..1 says how natural that is."""

    segment: Segment
    start: int
    end: int
    near: float
    below: bool = False
    same_segment: bool = False

    @property
    def text(self) -> str:
        return self.segment.text[self.start : self.end]


def label_text(hit: Hit) -> str:
    """The label as printed, with its colon."""
    text = hit.segment.text[hit.start : hit.end].rstrip(" :：")
    return text + ":" if ends_with_colon(hit) else text


def right_of(hit: Hit, page: Marked, *, choices: bool = False) -> Iterator[Zone]:
    """The rest of the label's segment, then segments to the right, up to the next label.

    ``choices``: what follows is a choice of words, so that only the schema's labels and colons end it.
    """
    row = page.sheet.rows[hit.segment.row]
    others = page.hits.get(row.index, ())
    if choices:
        others = [o for o in others if ends_with_colon(o) or any(t.leaf for t in o.targets)]
    stop = _next_label(hit, others)
    colon = ends_with_colon(hit)
    end = stop.start if stop is not None and stop.segment is hit.segment else len(hit.segment.text)
    if hit.segment.text[hit.end : end].strip(_PUNCTUATION):
        summed = not colon and any(target.concept in _SUMS for target in hit.targets)
        parted = _PARTED.match(hit.segment.text, hit.end, end) if summed else None
        first = parted.end() if parted else hit.end
        yield Zone(hit.segment, first, end, 1.0 if colon else 0.9, same_segment=True)
    if stop is not None and stop.segment is hit.segment:
        return
    for segment in row.segments[hit.segment.index + 1 :]:
        limit = len(segment.text)
        if stop is not None and stop.segment is segment:
            limit = stop.start
        gap = (segment.box[0] - hit.segment.box[2]) / max(row.box[2] - row.box[0], 1.0)
        if segment.text[:limit].strip(_PUNCTUATION):
            yield Zone(segment, 0, limit, 0.95 - 0.15 * min(1.0, max(gap, 0.0)))
        if stop is not None and stop.segment is segment:
            return


def _next_label(hit: Hit, hits: Sequence[Hit]) -> Hit | None:
    """The next label of the row; a word inside the value's own text (``Total``, ``tax``) ends nothing."""
    after = bisect_right(hits, (hit.segment.index, hit.first), key=lambda h: (h.segment.index, h.first))
    for other in hits[after:]:
        if (
            any(target.weight >= 0.5 for target in other.targets)
            and (other.exact or other.first == 0 or ends_with_colon(other))
            and not _is_value_itself(hit, other)
        ):
            return other
    return None


def _is_value_itself(hit: Hit, other: Hit) -> bool:
    """``Status: PAID`` has no second label: what ends a line right after a colon is the value."""
    follows = other.segment is hit.segment and other.first == hit.last and ends_with_colon(hit)
    last = other.last == len(other.segment.tokens)
    return follows and last and not ends_with_colon(other) and all(t.leaf is None for t in other.targets)


def below(hit: Hit, page: Marked) -> Iterator[Zone]:
    """Segments under the label in the next lines, aligned with it; the first line that has any."""
    sheet = page.sheet
    x0, x1 = _extent(hit)
    bottom = hit.segment.box[3]
    for row in sheet.rows[hit.segment.row + 1 : hit.segment.row + 5]:
        if row.box[1] - bottom > _FARTHEST_BELOW * sheet.line_height:
            return
        if row.box[3] <= bottom:
            continue
        found = False
        for segment in row.segments:
            near = _aligned(segment, x0, x1, sheet.line_height)
            if near <= 0 or segment.box[1] < bottom - 0.6 * sheet.line_height:
                continue
            found = True
            end = _own_text(segment, page)
            if segment.text[:end].strip(_PUNCTUATION):
                yield Zone(segment, 0, end, 0.8 * near, below=True)
        if found:
            return


def _own_text(segment: Segment, page: Marked) -> int:
    """Where the next label of the segment begins; a name that merely starts like a label is none."""
    for other in page.hits.get(segment.row, ()):
        clear = max(target.weight for target in other.targets)
        whole = other.last - other.first == len(segment.tokens)
        if other.segment is segment and (
            clear >= _CLEAR or ends_with_colon(other) or (whole and clear >= 0.5)
        ):
            return other.start
    return len(segment.text)


def _extent(hit: Hit) -> tuple[float, float]:
    tokens = hit.segment.tokens
    return tokens[hit.first].box[0], tokens[hit.last - 1].box[2]


def _aligned(segment: Segment, x0: float, x1: float, line_height: float) -> float:
    """1 when edges or middles meet, less with bare overlap, 0 apart."""
    a0, a1 = segment.box[0], segment.box[2]
    slack = 1.2 * line_height
    if min(abs(a0 - x0), abs(a1 - x1), abs(a0 + a1 - x0 - x1) / 2) <= slack:
        return 1.0
    overlap = min(a1, x1) - max(a0, x0)
    return 0.7 if overlap > 0.5 * min(a1 - a0, x1 - x0) else 0.0


def place_of(hit: Hit, zone: Zone, value: Parsed) -> Place:
    """Where a value found in a zone stands, quoted with the label beside it."""
    outer = value.outer
    return Place(
        zone.segment,
        zone.start + value.start,
        zone.start + value.end,
        label="" if zone.below else label_text(hit),
        exact=hit.exact,
        outer=(zone.start + outer[0], zone.start + outer[1]) if outer else None,
    )

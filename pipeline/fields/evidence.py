"""Evidence of a value: its page, the words it stands in, the box around the value itself."""

from pipeline.fields.layout import Segment, Sheet, boxes_of
from pipeline.fields.nearby import Zone
from schemas.field import Evidence, Match
from schemas.geometry import Box

_LONGEST_QUOTE = 300


def of_stretch(
    sheet: Sheet, segment: Segment, start: int, end: int, *, label: str = "", exact: bool = True
) -> Evidence:
    """Evidence for characters of a segment; ``label`` is quoted before them when it stands elsewhere."""
    raw = segment.text[start:end]
    quote = f"{label} {raw}" if label else raw
    return Evidence(
        page=sheet.number,
        quote=quote[:_LONGEST_QUOTE],
        boxes=boxes_of(segment, start, end),
        match=Match.EXACT if exact else Match.FUZZY,
    )


def of_zone(sheet: Sheet, zone: Zone, start: int, end: int, label: str, *, exact: bool) -> Evidence:
    """Evidence for a value found beside or below a label; a label in the same run of words is quoted with it."""
    if zone.below:
        return of_stretch(sheet, zone.segment, start, end, exact=exact)
    return of_stretch(sheet, zone.segment, start, end, label=label, exact=exact)


def of_segments(sheet: Sheet, segments: list[Segment]) -> Evidence:
    """Evidence for whole lines: one box a line."""
    boxes: list[Box] = []
    for segment in segments:
        boxes += boxes_of(segment, 0, len(segment.text)) or []
    quote = " ".join(segment.text for segment in segments)
    return Evidence(page=sheet.number, quote=quote[:_LONGEST_QUOTE], boxes=boxes or None)

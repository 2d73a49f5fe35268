"""Line items of till receipts that have no header: an article and its price at the right edge."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.fields.amounts import ROLES
from pipeline.fields.currencies import Amount, amounts_in
from pipeline.fields.dates import dates_in
from pipeline.fields.evidence import Place, lines_at, value_at
from pipeline.fields.labels import index_of, opens
from pipeline.fields.layout import Row, Segment, Sheet
from pipeline.fields.shapes import FieldCandidate, Leaf
from pipeline.fields.values import Parsed, parse

_SCORE = 0.6  # below that of a list with a header
_COUNT = re.compile(r"(?<![\w.,])(\d{1,4})\s?(?:[xX×*@]|pcs?\b)\s?|^(\d{1,3})\s(?=[^\W\d_]{3})")
_EACH = re.compile(r"[xX×*@]\s?(?:[A-Z]{1,3}|[$€£¥])?\s?(\d{1,6}[.,]\d{2})(?!\d)")
_AT_RIGHT = 0.12  # of the width: how far from the right edge of the prices an amount may end
_FEWEST_LETTERS = 3
_ENDS = ROLES | {"discount", "service_charge", "quantity_total"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A row with a price: where the price stands, and the segments left of it."""

    row: Row
    price: tuple[Segment, Amount]
    left: tuple[Segment, ...]


def till_items(sheet: Sheet, leaves: tuple[Leaf, ...]) -> Iterator[FieldCandidate]:
    """Only for lists that ask for an article and its amount, between letterhead and totals."""
    by_concept = {leaf.concept: leaf for leaf in leaves if leaf.concept}
    if not {"description", "amount"} <= set(by_concept):
        return
    if not sheet.rows:
        return
    edge = max(row.box[2] for row in sheet.rows) - _AT_RIGHT * max(sheet.width, 1.0)
    waiting: list[Segment] = []
    number = 0
    for row in sheet.rows[: _end(sheet)]:
        line = _priced(row, edge)
        if line is None:
            waiting = [] if _off_topic(row) else [*waiting, *row.segments][-2:]
            continue
        worded = [segment for segment in line.left if _letters(segment.text) >= _FEWEST_LETTERS]
        article = worded or waiting[:1]
        if article:
            yield from _item(sheet, line, article, by_concept, number)
            number += 1
        waiting = []


def _end(sheet: Sheet) -> int:
    """The first row that begins with the label of a sum."""
    index = index_of((), items=False)
    for row in sheet.rows:
        for hit in index.hits(row)[:1]:
            if opens(row, hit) and any(t.concept in _ENDS and t.weight >= 0.6 for t in hit.targets):
                return row.index
    return 0  # without sums it is no receipt


def _priced(row: Row, edge: float) -> _Line | None:
    """A row that ends with an amount, right of ``edge``."""
    last = row.segments[-1]
    amounts = [a for a in amounts_in(last.text) if "." in (a.readings[0].decimal or "")]
    if not amounts or amounts[-1].end < len(last.text.rstrip()) - 2 or _off_topic(row):
        return None
    if last.box[2] < edge:
        return None
    return _Line(row, (last, amounts[-1]), tuple(row.segments[:-1]) or (last,))


def _off_topic(row: Row) -> bool:
    return any(True for segment in row.segments for _ in dates_in(segment.text)) or ":" in row.text


def _letters(text: str) -> int:
    return sum(char.isalpha() for char in text)


def _item(
    sheet: Sheet, line: _Line, article: list[Segment], leaves: Mapping[str, Leaf], row: int
) -> Iterator[FieldCandidate]:
    segment, amount = line.price
    price = Place(segment, amount.start, amount.end, outer=amount.outer)
    readings = next((p.readings for p in parse(leaves["amount"], price.raw)), ())
    yield value_at(sheet, leaves["amount"].name, price, readings, _SCORE, row=row)
    texts = [_article(part, amount.start if part is segment else len(part.text)) for part in article]
    described = lines_at(sheet, leaves["description"].name, texts, _SCORE, row=row, glue=" ")
    yield described
    for concept, pattern in (("quantity", _COUNT), ("unit_price", _EACH)):
        leaf = leaves.get(concept)
        found = _first(pattern, line) if leaf is not None else None
        if leaf is not None and found is not None:
            values: list[Parsed] = parse(leaf, found.raw)
            for value in values[:1]:
                yield value_at(sheet, leaf.name, found, value.readings, _SCORE, row=row)


def _article(segment: Segment, end: int) -> Place:
    """The words of an article without the count before them."""
    count = _COUNT.match(segment.text)
    start = count.end() if count and _letters(segment.text[count.end() : end]) >= _FEWEST_LETTERS else 0
    return Place(segment, start, max(start, len(segment.text[:end].rstrip(" -.@"))))


def _first(pattern: re.Pattern[str], line: _Line) -> Place | None:
    """The first group that matches in the row."""
    for segment in line.row.segments:
        match = pattern.search(segment.text)
        if match:
            group = next(i for i in range(1, len(match.groups()) + 1) if match.group(i) is not None)
            return Place(segment, match.start(group), match.end(group))
    return None

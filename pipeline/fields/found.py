"""What a model found on a page as candidates: its word is held against the quote it gave."""

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipeline.fields.amounts import ROLES
from pipeline.fields.clues import clues_of
from pipeline.fields.folding import fold, key, within_edits
from pipeline.fields.layout import sheet_of
from pipeline.fields.numbers import usable
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf, Outcome, Reading
from pipeline.fields.shortened import shortened
from pipeline.fields.values import Parsed, json_number, parse
from schemas.field import FieldType
from schemas.finding import Finding
from schemas.page import PageContent

_LOCATED, _NOT_LOCATED = 0.9, 0.6
_DASH = re.compile(r"\w\s+[-–—]\s")
_NUMERIC = frozenset({FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER})
_CHECKED = frozenset({Kind.IBAN, Kind.VAT_ID, Kind.EMAIL})
"""Kinds whose form says whether they can be right: check digits, an @."""

_SOUND = 0.5
"""Quality below which a value's own check digits speak against it."""


def found_candidates(leaves: Sequence[Leaf], content: PageContent) -> list[FieldCandidate]:
    """The findings of a page, and its clues to how dates and numbers are written."""
    by_name = {leaf.name: leaf for leaf in leaves}
    clues = clues_of(sheet_of(content))
    made = [FieldCandidate("", Outcome.CLUES, page=content.page.number, clues=clues)]
    for finding in content.findings or ():
        leaf = by_name.get(finding.path)
        if leaf is not None:
            made.append(_candidate(leaf, finding, content.page.number))
    return [*made, *shortened(leaves, content)]


def _candidate(leaf: Leaf, finding: Finding, page: int) -> FieldCandidate:
    readings, supported = readings_of(leaf, finding.value, finding.quote)
    located = any(evidence.boxes for evidence in finding.evidence)
    return FieldCandidate(
        path=leaf.name,
        outcome=Outcome.VALUE if readings else Outcome.INVALID,
        score=_LOCATED if located else _NOT_LOCATED,
        readings=readings,
        raw=finding.quote if finding.quote is not None else str(finding.value),
        evidence=tuple(finding.evidence),
        page=page,
        row=finding.row if leaf.in_array else None,
        role=leaf.concept if leaf.concept in ROLES else None,
        confidence=finding.confidence if supported else None,
        asserted=True,
    )


def readings_of(leaf: Leaf, value: Any, quote: str | None) -> tuple[tuple[Reading, ...], bool]:
    """Ways to read the quote, else the value; and whether the quote says what the model made of it.

    Where both can be read and differ, the quote counts: it is what is printed. A date that can be read in two
    ways keeps both, whichever the model picked: the document decides.
    """
    if leaf.type in (FieldType.ENUM, FieldType.BOOLEAN):
        return _chosen(leaf, value, quote)
    printed = parse(leaf, quote) if quote is not None else []
    for parsed in printed:
        if any(_same(leaf, reading, value) for reading in parsed.readings):
            sound = leaf.kind not in _CHECKED or parsed.quality >= _SOUND
            return _typed(leaf, parsed, value), sound
    if leaf.type is FieldType.TEXT and leaf.kind not in _CHECKED:
        text = str(value).strip()
        return ((Reading(text),) if text else ()), _says(quote, value)
    if len(printed) == 1 and not _parted(leaf, value, quote or "", printed[0]):
        return printed[0].readings, False
    own = parse(leaf, str(value)) if isinstance(value, str) else []  # of 1e-05 it would find the 5
    if not own and leaf.type in _NUMERIC:
        return _number(leaf, value), False
    return (own[0].readings if own else ()), False


def _parted(leaf: Leaf, value: Any, quote: str, printed: Parsed) -> bool:
    """`Total – $150.00`: the dash may part label and value, and the model saw more of the page than we do."""
    if leaf.type not in _NUMERIC or not _DASH.search(quote[: printed.start + 2]):
        return False
    ours, theirs = _decimal(printed.readings[0].value), _decimal(value)
    return ours is not None and theirs is not None and ours == -theirs


def _chosen(leaf: Leaf, value: Any, quote: str | None) -> tuple[tuple[Reading, ...], bool]:
    """One of a few values, which the page need not spell: a ticked box means true."""
    if leaf.type is FieldType.BOOLEAN:
        return ((Reading(value),) if isinstance(value, bool) else ()), quote is not None
    option = matched_option(leaf.enum, value)
    return ((Reading(option),) if option is not None else ()), _says(quote, value)


def _typed(leaf: Leaf, parsed: Parsed, value: Any) -> tuple[Reading, ...]:
    """Free text as the model cut it out of its quote; everything else as it is printed."""
    if leaf.type is FieldType.TEXT and leaf.kind is Kind.PLAIN:
        return (replace(parsed.readings[0], value=str(value).strip()),)
    return parsed.readings


def _same(leaf: Leaf, reading: Reading, value: Any) -> bool:
    if leaf.type in _NUMERIC:
        return _decimal(reading.value) is not None and _decimal(reading.value) == _decimal(value)
    return fold(str(reading.value)).replace(" ", "") == fold(str(value)).replace(" ", "")


def _decimal(value: Any) -> Decimal | None:
    number = usable(str(value)) if not isinstance(value, bool) else None
    return number.normalize() if number is not None else None


def _number(leaf: Leaf, value: Any) -> tuple[Reading, ...]:
    number = _decimal(value)
    if number is None:
        return ()
    return (Reading(json_number(number, leaf), decimal=format(number, "f")),)


def matched_option(options: Sequence[Any], value: Any) -> Any:
    """The enumerated value that is meant, whatever its case and spacing; None for none of them."""
    if value in options:
        return value
    text = key(str(value))
    same = [option for option in options if key(str(option)) == text]
    near = same or [o for o in options if len(text) >= 6 and within_edits(key(str(o)), text, 1)]
    return near[0] if len(near) == 1 else None


def _says(quote: str | None, value: Any) -> bool:
    return quote is not None and fold(str(value)).replace(" ", "") in fold(quote).replace(" ", "")

"""Sums that a document's own figures should make: items against its totals."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from pipeline.fields.shapes import Leaf, path_text
from schemas.errors import ResultWarning
from schemas.field import Field, FieldType

_ITEM, _TOTALS = "amount", ("net", "total")
_CENT = Decimal("0.011")
_ROUNDED = Decimal("0.006")
"""What each item may be off by, where a total was rounded once and its items one by one."""


def sums_that_differ(leaves: Sequence[Leaf], fields: Sequence[Field]) -> Iterator[ResultWarning]:
    """A warning for each list of items whose amounts add up to none of the totals that were found."""
    by_path = {found.path: found for found in fields}
    totals = {
        concept: total
        for leaf in leaves
        if (concept := leaf.concept) in _TOTALS and not leaf.in_array
        if (total := _amount(by_path.get(leaf.name))) is not None
    }
    for leaf in leaves:
        if not (leaf.in_array and leaf.concept == _ITEM and leaf.type is FieldType.MONEY and totals):
            continue
        amounts = _column(leaf, by_path)
        if len(amounts) < 2 or None in amounts:
            continue
        known = [amount for amount in amounts if amount is not None]
        if not any(add_up_to(known, total) for total in totals.values()):
            made = sum(known, Decimal(0))
            named = ", ".join(f"{concept} {total}" for concept, total in totals.items())
            detail = f"the {len(amounts)} items add up to {made}, which is none of: {named}"
            yield ResultWarning(code="sums_differ", detail=detail, path=leaf.name)


def add_up_to(amounts: Sequence[Decimal], total: Decimal) -> bool:
    """Whether they make it, but for what rounding each of them may cost."""
    return abs(sum(amounts, Decimal(0)) - total) <= max(_CENT, _ROUNDED * len(amounts))


def _column(leaf: Leaf, by_path: dict[str, Field]) -> list[Decimal | None]:
    at = leaf.path.index("[]")
    made: list[Decimal | None] = []
    while True:
        found = by_path.get(path_text((*leaf.path[:at], f"[{len(made)}]", *leaf.path[at + 1 :])))
        if found is None:
            return made
        made.append(_amount(found))


def _amount(found: Field | None) -> Decimal | None:
    return Decimal(found.decimal) if found is not None and found.decimal is not None else None

"""Holds the amounts that are claimed of a page against the sums that they should make."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from model_runtime.vlm.values import Claim
from pipeline.fields.checks import add_up_to
from pipeline.fields.found import readings_of
from schemas.field import FieldType

_Amounts = list[tuple[Claim, Decimal]]


def add_up(claims: Sequence[Claim]) -> None:
    """Set ``adds`` of each amount: whether a sum that it stands in comes out, None where it stands in none.

    Net and tax make the total; the items of a list make the net or the total.
    """
    for claim in claims:
        claim.adds = None
    heads, lists = _sorted(claims)
    for amounts, right in [*_head_sums(heads), *_item_sums(heads, lists)]:
        for claim, _ in amounts:
            claim.adds = right or claim.adds is True


def _sorted(claims: Sequence[Claim]) -> tuple[dict[str, _Amounts], list[_Amounts | None]]:
    """Amounts of the page's foot by what they are, and of each list; None: a list with one that is none."""
    heads: dict[str, _Amounts] = defaultdict(list)
    lists: dict[tuple[str, ...], _Amounts | None] = {}
    for claim in claims:
        leaf = claim.leaf
        if leaf is None or leaf.concept is None or leaf.type is not FieldType.MONEY:
            continue
        amount = _amount(claim)
        if not leaf.in_array:
            heads[leaf.concept] += [(claim, amount)] if amount is not None else []
        elif leaf.concept == "amount":
            known = lists.setdefault(leaf.array, [])
            if amount is None:
                lists[leaf.array] = None
            elif known is not None:
                known.append((claim, amount))
    return heads, list(lists.values())


def _head_sums(heads: dict[str, _Amounts]) -> Iterator[tuple[_Amounts, bool]]:
    parts = [heads.get(concept, []) for concept in ("net", "tax", "total")]
    if all(len(part) == 1 for part in parts):
        net, tax, total = (part[0][1] for part in parts)
        yield [part[0] for part in parts], add_up_to([net, tax], total)


def _item_sums(
    heads: dict[str, _Amounts], lists: Sequence[_Amounts | None]
) -> Iterator[tuple[_Amounts, bool]]:
    sums = [part[0] for concept in ("net", "total") if len(part := heads.get(concept, [])) == 1]
    for items in lists:
        if items is None or len(items) < 2 or not sums:
            continue
        same = [one for one in sums if add_up_to([amount for _, amount in items], one[1])]
        # Without a net they may be before tax, and the total after it.
        if same:
            yield [*items, *same], True
        elif "net" in heads:
            yield items, False


def _amount(claim: Claim) -> Decimal | None:
    """Where it can be read in one way only."""
    assert claim.leaf is not None
    readings, _ = readings_of(claim.leaf, claim.value, claim.quote)
    decimals = {reading.decimal for reading in readings}
    only = decimals.pop() if len(decimals) == 1 else None
    return Decimal(only) if only is not None else None

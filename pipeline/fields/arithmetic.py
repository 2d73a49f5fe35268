"""Sums that must hold on a paper's foot, as evidence for which amount is total, net and tax."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product

from pipeline.fields.choosing import choose
from pipeline.fields.shapes import Clues, FieldCandidate, Leaf, Outcome
from schemas.field import FieldType

_ANY = Leaf(path=(), type=FieldType.MONEY)
_CENT = Decimal("0.011")
_EXACT = Decimal("0.001")
_MOST_ROUNDING = Decimal("0.5")
_SUM, _CASH, _ROUNDED, _NOT_YET_ROUNDED = 0.15, 0.2, 0.25, -0.1
_AT_MOST = 12  # amounts of one role that are tried

_Roles = Mapping[str, Sequence[Decimal]]
_Proof = tuple[str, Decimal, float]
Support = Mapping[tuple[str, Decimal], float]


def support(candidates: Iterable[FieldCandidate], clues: Clues) -> Support:
    """For amounts of a role that sums speak for or against: how much to add to their score."""
    roles = _by_role(candidates, clues)
    gains: dict[tuple[str, Decimal], float] = {}
    losses: dict[tuple[str, Decimal], float] = {}
    for proof in (_net_and_tax, _cash_and_change, _rounding):
        for role, amount, gain in proof(roles):
            if gain > 0:
                gains[role, amount] = max(gains.get((role, amount), 0.0), gain)
            else:
                losses[role, amount] = gain
    return {of: gains.get(of, 0.0) + losses.get(of, 0.0) for of in {*gains, *losses}}


def _by_role(candidates: Iterable[FieldCandidate], clues: Clues) -> _Roles:
    roles: dict[str, list[Decimal]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if candidate.role and candidate.outcome is Outcome.VALUE and candidate.readings:
            amount = Decimal(choose(_ANY, candidate, clues).readings[0].decimal or "0")
            known = roles[candidate.role]
            if amount not in known and len(known) < _AT_MOST:
                known.append(amount)
    return roles


def _net_and_tax(roles: _Roles) -> Iterator[_Proof]:
    for net, tax, total in product(roles["net"], roles["tax"], roles["total"]):
        if tax != 0 and abs(net + tax - total) < _CENT:
            yield "total", total, _SUM
            yield "net", net, _SUM
            yield "tax", tax, _SUM


def _cash_and_change(roles: _Roles) -> Iterator[_Proof]:
    for cash, change, total in product(roles["cash"], roles["change"], roles["total"]):
        if total > 0 and abs(cash - abs(change) - total) < _CENT:
            yield "total", total, _CASH


def _rounding(roles: _Roles) -> Iterator[_Proof]:
    """The amount after rounding is the one that was paid."""
    before_rounding = [*roles["total"], *roles["net"]]
    for before, rounding, total in product(before_rounding, roles["rounding"], roles["total"]):
        if 0 < abs(rounding) <= _MOST_ROUNDING and abs(before + rounding - total) < _EXACT:
            yield "total", total, _ROUNDED
            yield "total", before, _NOT_YET_ROUNDED

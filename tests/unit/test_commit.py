"""A reply already paid for is committed after an outage, and thrown away only when it is no longer wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from pipeline.ledger import Claim, Fenced, Ledger, UnitOfWork
from schemas.errors import QuireError, StoreUnavailable
from workers.commit import Commit

CLAIM = cast("Claim", None)


class Outage:
    """A store that answers with these errors first."""

    def __init__(self, *errors: QuireError) -> None:
        self._errors = list(errors)
        self.asked = 0

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[UnitOfWork]:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        yield cast("Any", self)


def _commit(store: Outage) -> Commit:
    return Commit(cast("Ledger", store))


def test_an_outage_is_outlasted() -> None:
    store = Outage(StoreUnavailable(), StoreUnavailable())
    assert _commit(store)(CLAIM, lambda unit: "written") == "written"
    assert store.asked == 3


def test_a_fence_ends_it() -> None:
    store = Outage(StoreUnavailable(), Fenced())
    with pytest.raises(Fenced):
        _commit(store)(CLAIM, lambda unit: None)
    assert store.asked == 2


def test_an_answer_of_the_store_is_not_taken_for_an_outage() -> None:
    store = Outage(StoreUnavailable("upload_too_slow"))
    with pytest.raises(StoreUnavailable, match="upload_too_slow"):
        _commit(store)(CLAIM, lambda unit: None)
    assert store.asked == 1


def test_stopping_ends_the_patience() -> None:
    store = Outage(*[StoreUnavailable() for _ in range(100)])
    commit = _commit(store)
    commit.stop()
    with pytest.raises(StoreUnavailable):
        commit(CLAIM, lambda unit: None)
    assert store.asked == 1

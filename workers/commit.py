"""Commits that outlast an outage: a reply already paid for is not thrown away because the store is busy."""

import itertools
import threading
from collections.abc import Callable
from typing import TypeVar

from pipeline.ledger import Claim, Ledger, UnitOfWork
from schemas.errors import StoreUnavailable

T = TypeVar("T")

_WAITS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Patience:
    """Writes again and again while the store is out of reach."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def stop(self) -> None:
        """Give up on outages from now on: the process has to end."""
        self._stop.set()

    def __call__(self, write: Callable[[], T]) -> T:
        for tried in itertools.count():
            try:
                return write()
            except StoreUnavailable as error:
                if error.code != StoreUnavailable.code:
                    raise  # the store answered, and what it said will not change by asking again
                if self._stop.wait(_WAITS_S[min(tried, len(_WAITS_S) - 1)]):
                    raise
        raise AssertionError  # the loop has no end of its own


class Commit:
    """Writes in the name of a claim, until it is done or fenced off."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._patience = Patience()

    def stop(self) -> None:
        """Give up on outages from now on: the process has to end."""
        self._patience.stop()

    def __call__(self, claim: Claim, write: Callable[[UnitOfWork], T]) -> T:
        """Raises `Fenced` when the job is no longer ours, and then nothing was written."""

        def once() -> T:
            with self._ledger.holding(claim) as unit:
                return write(unit)

        return self._patience(once)

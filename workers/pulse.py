"""The pulse of a process: renews its leases, and notices which of its jobs are no longer its own."""

import os
import socket
import threading
import time

import structlog

from pipeline.ledger import Claim, Ledger
from schemas.errors import QuireError, StoreUnavailable
from schemas.ids import JobId, ProcessId, process_id

_log = structlog.get_logger(__name__)

LEASE_S = 30.0
"""A process that renewed nothing for so long counts as dead."""

_BEATS = 6
"""Renewals in the time of a lease."""

_LOOK_S = 0.4
"""Cancelling reaches running work within this time."""


class Pulse:
    """The identity of this process in the store. ``at_work`` and ``over`` bracket each job."""

    def __init__(self, ledger: Ledger, lease_s: float = LEASE_S) -> None:
        self._ledger = ledger
        self._beat_s = lease_s / _BEATS
        self._lock = threading.Lock()
        self._mine: set[tuple[JobId, int]] = set()
        self._lost: set[tuple[JobId, int]] = set()
        self._stop = threading.Event()
        self._abandon = False
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self.process: ProcessId = process_id()

    def start(self) -> None:
        self._ledger.enrol(self.process, socket.gethostname(), os.getpid())
        self._thread.start()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Hand back what is still leased, without blame."""
        self._stop.set()
        self._thread.join()
        try:
            self._ledger.resign(self.process)
        except StoreUnavailable as error:
            _log.warning("not_handed_back", code=error.code)  # the leases run out by themselves

    def abandon(self) -> None:
        """From now on every job counts as lost: whoever is at work on one should end soon."""
        self._abandon = True

    def at_work(self, claim: Claim) -> None:
        with self._lock:
            self._mine.add(claim.key)

    def over(self, claim: Claim) -> None:
        with self._lock:
            self._mine.discard(claim.key)
            self._lost.discard(claim.key)

    def lost(self, claim: Claim) -> bool:
        """True once the job was cancelled, deleted or given to another process."""
        return self._abandon or claim.key in self._lost

    def _run(self) -> None:
        beaten = time.monotonic()
        while not self._stop.wait(_LOOK_S):
            try:
                self.look()
                if time.monotonic() - beaten >= self._beat_s:
                    self._beat()
                    beaten = time.monotonic()
            except QuireError:
                continue  # the store is out of reach; leases outlive a short outage

    def look(self) -> None:
        """Compare what we believe to hold with what the store says."""
        with self._lock:
            believed = set(self._mine)
        if not believed:
            return
        gone = believed - self._ledger.held(self.process)
        with self._lock:
            self._lost |= gone & self._mine

    def _beat(self) -> None:
        try:
            self._ledger.beat(self.process)
        except StoreUnavailable as error:
            if error.code != "given_up":
                raise
            # We were frozen past our lease. Our jobs are others' now; start anew under another name.
            fresh = process_id()
            self._ledger.enrol(fresh, socket.gethostname(), os.getpid())
            self.process = fresh

"""`Prefer: wait=N`: hold the answer until a run has finished, for N seconds at most."""

import re
import time

from anyio import to_thread

from schemas.ids import TenantId
from schemas.result import RunState
from services.lookup import Lookup
from services.watch import Watch

MAX_WAIT_S = 60
# Even if an event went by unseen, the row is looked at this often.
_RECHECK_S = 5.0
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?(?=\s*(?:[,;]|$))", re.I)


def wanted_wait(prefer: str | None) -> int | None:
    """Seconds asked for by a Prefer header, at most `MAX_WAIT_S`; None when it asks for none (RFC 7240)."""
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), MAX_WAIT_S) if found else None


async def until_finished(
    lookup: Lookup, watch: Watch, tenant: TenantId, run: tuple[str, str], seconds: float
) -> bool:
    """True once the run (ids of document and run) has finished, False when the time is over."""
    document_id, run_id = run
    deadline = time.monotonic() + seconds
    async with watch.waiting(document_id) as waiter:
        while True:
            found = await to_thread.run_sync(lookup.run, tenant, document_id, run_id)
            if found.state.terminal:
                return True
            left = deadline - time.monotonic()
            look_again = time.monotonic() + _RECHECK_S
            while left > 0 and not watch.closed:
                event = await waiter.next(min(left, max(0.0, look_again - time.monotonic())))
                if event is None or waiter.lost or _ends(event.run_id, event.type, run_id):
                    break
                left = deadline - time.monotonic()
            waiter.lost = False
            if watch.closed or time.monotonic() >= deadline:
                return False


def _ends(event_run: str, kind: str, run_id: str) -> bool:
    return event_run == run_id and kind in _ENDS


_ENDS = frozenset(f"document.{state}" for state in RunState if state.terminal)

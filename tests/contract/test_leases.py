"""A process that dies takes nobody's work with it, and convicts only what was alone when it died."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.ledger import Fenced, Later, Queue
from schemas.errors import StoreUnavailable
from schemas.ids import ProcessId
from services.stores.work_tables import jobs, processes
from tests.contract.store import Store, ended

_ALLOWED = 2


def _die(store: Store, process: ProcessId) -> None:
    """Nothing is heard of the process any more."""
    assert store.ledger.bury(0, _ALLOWED) >= 1
    assert store.ledger.held(process) == set()


def test_only_silent_processes_are_buried(store: Store) -> None:
    process = store.process()
    assert store.ledger.bury(60, _ALLOWED) == 0
    store.ledger.beat(process)
    assert store.ledger.bury(0, _ALLOWED) == 1
    with pytest.raises(StoreUnavailable, match="given_up"):
        store.ledger.beat(process)


def test_what_a_dead_process_had_in_flight_runs_alone_next(store: Store) -> None:
    store.planned(3)
    process = store.process()
    dead = [store.claim(Queue.RASTER, process) for _ in range(2)]
    assert not any(claim.alone for claim in dead)
    _die(store, process)
    again = store.process()
    claims = [store.claim(Queue.RASTER, again) for _ in range(3)]
    assert sorted((claim.pages, claim.alone) for claim in claims) == [
        ((1,), True),
        ((2,), True),
        ((3,), False),
    ]


def test_what_may_take_the_engine_down_runs_alone_from_then_on(store: Store) -> None:
    """Also after further tries that ended for other reasons; waiting meanwhile, it is not alone at work."""
    store.planned(1)
    claim = store.claim(Queue.RASTER, store.process())
    with store.ledger.holding(claim) as unit:
        unit.later(Later(0, counted=False, alone=True))
    claim = store.claim(Queue.RASTER, store.process())
    assert (claim.alone, claim.attempts, claim.setbacks) == (True, 0, 1)
    with store.ledger.holding(claim) as unit:
        unit.alone()
        unit.later(Later(0, counted=True))
    process = store.process()
    claim = store.claim(Queue.RASTER, process)
    assert (claim.alone, claim.attempts) == (True, 1)
    for _ in range(2 * _ALLOWED):  # processes that die before it is its turn convict nothing
        _die(store, process)
        process = store.process()
        assert store.claim(Queue.RASTER, process).alone


def test_of_a_chunk_only_the_page_at_work_becomes_suspect(store: Store) -> None:
    run = store.planned(5, chunk=5)
    process = store.process()
    claim = store.claim(Queue.RASTER, process)
    with store.ledger.holding(claim) as unit:
        unit.end_page(ended(1))
        unit.work_on(2)
    _die(store, process)
    again = store.process()
    claims = [store.claim(Queue.RASTER, again) for _ in range(2)]
    assert sorted((c.pages, c.page, c.alone) for c in claims) == [((2,), 2, True), ((3, 4, 5), 3, False)]
    assert store.ledger.claim(Queue.RASTER, again) is None
    assert store.run(run).pages_left == 4


def test_only_deaths_while_alone_lead_to_quarantine(store: Store) -> None:
    run = store.planned(2)
    for _ in range(5):  # killed again and again, but never while a page was alone
        process = store.process()
        store.claim(Queue.RASTER, process)
        store.claim(Queue.RASTER, process)
        _die(store, process)
    assert store.page_states(run) == {1: "pending", 2: "pending"}


def test_a_poison_page_is_quarantined_and_its_neighbours_are_not(store: Store) -> None:
    run = store.planned(3)
    process = store.process()
    poison = [store.claim(Queue.RASTER, process) for _ in range(3)][1]
    _die(store, process)
    process = store.process()
    claims = {claim.pages: claim for claim in [store.claim(Queue.RASTER, process) for _ in range(3)]}
    for pages, claim in claims.items():
        if pages != poison.pages:
            store.alone(claim)
            with store.ledger.holding(claim) as unit:
                unit.end_page(ended(pages[0]))
                unit.done()
    for _ in range(_ALLOWED):
        store.alone(claims[poison.pages])
        _die(store, process)
        process = store.process()
        _hurry(store)
        again = store.ledger.claim(Queue.RASTER, process)
        if again is not None:
            claims[poison.pages] = again
    assert store.page_states(run) == {1: "read", 2: "quarantined", 3: "read"}
    row = store.run(run)
    assert (row.pages_left, row.pages_failed) == (0, 1)
    assert [job.queue for job in store.jobs(run)] == ["finish"]


def _hurry(store: Store) -> None:
    """Let delays pass."""
    with store.database.write() as connection:
        connection.execute(sa.update(jobs).values(run_after=0))


def test_a_document_that_kills_while_it_is_opened_fails(store: Store) -> None:
    _, run = store.document()
    for alone in (False, True, True):
        process = store.process()
        claim = store.claim(Queue.PLAN, process)
        assert claim.alone is alone
        if alone:
            store.alone(claim)
        _die(store, process)
        _hurry(store)
    row = store.run(run)
    assert (row.state, row.error["code"]) == ("failed", "quarantined")


def test_what_is_handed_back_bears_no_blame(store: Store) -> None:
    store.planned(1)
    process = store.process()
    claim = store.claim(Queue.RASTER, process)
    store.ledger.resign(process)
    with pytest.raises(Fenced), store.ledger.holding(claim):
        pass
    again = store.claim(Queue.RASTER, store.process())
    assert (again.alone, again.attempts, again.setbacks) == (False, 0, 0)


def test_a_suspect_handed_back_stays_suspect(store: Store) -> None:
    store.planned(1)
    process = store.process()
    store.claim(Queue.RASTER, process)
    _die(store, process)
    process = store.process()
    store.alone(store.claim(Queue.RASTER, process))
    store.ledger.resign(process)
    process = store.process()
    assert store.claim(Queue.RASTER, process).alone
    store.ledger.bury(0, 1)  # it died before the suspect had run alone in it
    assert store.claim(Queue.RASTER, store.process()).alone


def test_a_process_given_up_claims_nothing_until_it_has_enrolled_anew(store: Store) -> None:
    store.planned(1)
    process = store.process()
    _die(store, process)
    assert store.ledger.claim(Queue.RASTER, process) is None
    assert store.ledger.claim(Queue.RASTER, store.process()) is not None


def test_a_lease_of_a_process_nobody_knows_is_voided_too(store: Store) -> None:
    store.planned(1)
    process = store.process()
    store.claim(Queue.RASTER, process)
    with store.database.write() as connection:  # it was given up in the moment of its claim
        connection.execute(sa.delete(processes))
    store.ledger.bury(3600, _ALLOWED)
    assert store.claim(Queue.RASTER, store.process()).alone


@contextmanager
def _statements(store: Store) -> Iterator[list[tuple[str, list[Any]]]]:
    """What is sent to the database meanwhile, with the values bound to it."""
    sent: list[tuple[str, list[Any]]] = []

    def heard(_c: Any, _cursor: Any, text: str, values: Any, _context: Any, _many: bool) -> None:
        sent.append((text, list(values.values() if isinstance(values, dict) else values)))

    sa.event.listen(store.database.engine, "before_cursor_execute", heard)
    try:
        yield sent
    finally:
        sa.event.remove(store.database.engine, "before_cursor_execute", heard)


def test_a_heartbeat_is_one_update_however_much_is_held(store: Store) -> None:
    store.planned(20)
    process = store.process()
    for _ in range(20):
        store.claim(Queue.RASTER, process)
    with _statements(store) as sent:
        store.ledger.beat(process)
    writes = [text for text, _ in sent if not text.startswith(("BEGIN", "COMMIT"))]
    assert len(writes) == 1
    assert writes[0].startswith("UPDATE processes")
    assert len(store.ledger.held(process)) == 20


def test_whether_a_lease_has_run_out_is_told_by_the_clock_of_the_database_alone(store: Store) -> None:
    """No time of ours is sent: clocks of machines that disagree can neither void a lease nor keep it."""
    store.planned(2)
    an_hour, a_year = 3_600_000_000, 365 * 24 * 3_600_000_000
    with _statements(store) as sent:
        process = store.process()
        store.claim(Queue.RASTER, process)
        store.ledger.beat(process)
        assert store.ledger.bury(an_hour / 1e6, _ALLOWED) == 0
    assert not [value for _, values in sent for value in values if isinstance(value, int) and value > a_year]
    with store.database.write() as connection:  # the database's clock moves on by an hour
        silent = processes.c.seen_at - an_hour
        connection.execute(sa.update(processes).values(seen_at=silent))
    assert store.ledger.bury(an_hour / 1e6, _ALLOWED) >= 1
    assert store.ledger.held(process) == set()

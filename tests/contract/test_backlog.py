"""How long queues are and how long work has waited, as metrics show it."""

import sqlalchemy as sa

from pipeline.ledger import Later, Queue
from services.stores.backlog import QueueLength, lengths
from services.stores.engine import now_us
from services.stores.work_tables import jobs
from tests.contract.store import Store


def _length(store: Store, queue: Queue) -> QueueLength:
    return next(found for found in lengths(store.database) if found.queue is queue)


def test_every_queue_is_told_even_when_empty(store: Store) -> None:
    found = lengths(store.database)
    assert [queue.queue for queue in found] == list(Queue)
    assert {(queue.waiting, queue.running) for queue in found} == {(0, 0)}
    assert {age for queue in found for age in queue.age_s.values()} == {0.0}


def test_waiting_and_running_jobs_are_counted_apart(store: Store) -> None:
    store.planned(5)
    store.claim(Queue.RASTER, store.process())
    assert (_length(store, Queue.RASTER).waiting, _length(store, Queue.RASTER).running) == (4, 1)


def test_age_is_that_of_the_longest_wait_by_priority(store: Store) -> None:
    store.document(priority=1)
    with store.database.write() as connection:
        connection.execute(sa.update(jobs).values(created_at=now_us() - 90_000_000, run_after=0))
    store.document(priority=0)
    ages = _length(store, Queue.PLAN).age_s
    assert 89 < ages[1] < 300
    assert ages[0] < 60


def test_work_that_was_put_off_is_not_late(store: Store) -> None:
    store.document()
    claim = store.claim(Queue.PLAN, store.process())
    with store.ledger.holding(claim) as unit:
        unit.later(Later(3600, counted=False))
    found = _length(store, Queue.PLAN)
    assert found.waiting == 1
    assert found.age_s[0] == 0

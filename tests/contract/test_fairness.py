"""Who has much waiting holds up nobody: turns are taken page by page, within each priority."""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ledger import Queue
from schemas.ids import RunId, TenantId
from services.stores import commands, jobs
from services.stores.work_tables import jobs as job_rows
from services.stores.work_tables import queues, turns
from tests.contract.store import Store

MANY = 100_000


def _post(store: Store, tenant: str, pages: int, priority: int = commands.BULK) -> RunId:
    """A planned document of single-page jobs; the rows of many are made at once."""
    document, run = store.document(TenantId(tenant), priority=priority)
    work = [jobs.Work({"pages": [number]}, page=number) for number in range(1, pages + 1)]
    with store.database.write() as connection:
        jobs.add(connection, (TenantId(tenant), document, run), Queue.RASTER, priority, work)
    return run


def test_a_hundred_thousand_pages_do_not_hold_up_the_single_page_of_another(store: Store) -> None:
    _post(store, "many", MANY)
    process = store.process()
    for _ in range(5):
        store.claim(Queue.RASTER, process)
    one = _post(store, "one", 1)
    assert one in [store.claim(Queue.RASTER, process).run for _ in range(2)]


def test_who_cancelled_much_is_not_made_to_wait_for_it(store: Store) -> None:
    run = _post(store, "many", 1000)
    with store.database.write() as connection:
        connection.execute(sa.delete(job_rows).where(job_rows.c.run_id == run))
    again = _post(store, "many", 1)
    assert store.claim(Queue.RASTER, store.process()).run == again


@pytest.mark.parametrize("priority", [commands.INTERACTIVE, commands.BULK])
def test_turns_of_one_priority_are_its_own(store: Store, priority: int) -> None:
    other = commands.BULK if priority == commands.INTERACTIVE else commands.INTERACTIVE
    _post(store, "many", 500, other)
    one = _post(store, "one", 1, priority)
    claims = [store.claim(Queue.RASTER, store.process()).run for _ in range(501)]
    assert claims.index(one) == (0 if priority == commands.INTERACTIVE else 500)


POSTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 12), st.integers(0, 6)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(posts=POSTS)
def test_between_two_turns_of_a_tenant_every_other_gets_about_one(store: Store, posts: list[Any]) -> None:
    """While two tenants both have work, neither gets two pages ahead of the other."""
    with store.database.write() as connection:
        for table in (job_rows, queues, turns):
            connection.execute(sa.delete(table))
    process = store.process()
    waiting: dict[str, int] = {}
    ahead: dict[tuple[str, str], int] = {}

    def serve() -> None:
        claim = store.ledger.claim(Queue.RASTER, process)
        if claim is None:
            assert not any(waiting.values())
            return
        tenant = str(claim.tenant)
        for other in [name for name, left in waiting.items() if left and name != tenant]:
            ahead[tenant, other] = max(0, ahead.get((tenant, other), 0)) + 1
            ahead[other, tenant] = ahead.get((other, tenant), 0) - 1
            assert ahead[tenant, other] <= 2, posts
        waiting[tenant] -= 1
        if not waiting[tenant]:  # who has nothing waiting starts afresh
            for pair in [pair for pair in ahead if tenant in pair]:
                del ahead[pair]

    for tenant, pages, served in posts:
        _post(store, tenant, pages)
        waiting[tenant] = waiting.get(tenant, 0) + pages
        for _ in range(served):
            serve()
    while any(waiting.values()):
        serve()

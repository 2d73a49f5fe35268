"""Events reach their receivers: written with what they tell, tried until they are delivered, never lost."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from opentelemetry.trace import NoOpTracer

from pipeline.ledger import Fenced, Outcome, Queue
from schemas.errors import Conflict, NotFound
from schemas.ids import DEFAULT_TENANT, BatchId, DocumentId, RunId, TenantId
from schemas.result import RunState
from schemas.webhook import DeliveryState, EventType, Try
from services.stores import commands, delivery_log, outbox_rows
from services.stores.delivery_rows import SqlDeliveries
from services.stores.engine import now_us
from services.stores.hook_tables import webhook_deliveries, webhook_messages, webhooks
from services.stores.work_tables import jobs
from services.webhooks import CALLBACKS, MAX_SECRETS, MAX_WEBHOOKS, Webhooks
from tests.contract.store import Store
from tests.docs.webhook_page import verify
from tests.e2e.workers import Nobody
from workers.deliver import Deliverer, Reply
from workers.meter import Unmeasured
from workers.rests import Rests

URL = "https://receiver.example/quire"
OTHER = TenantId("other")
DAY_US = 86_400_000_000


class Receivers:
    """A `Post` that leads nowhere: answers as told, by URL, and remembers what it was given."""

    def __init__(self) -> None:
        self.answers: dict[str, Reply] = {}
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.during: Callable[[], object] = lambda: None

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.calls.append((url, dict(headers), body))
        self.during()
        return self.answers.get(url, Reply(204))

    def events(self, url: str = URL) -> list[dict[str, Any]]:
        return [orjson.loads(body) for to, _, body in self.calls if to == url]


class House:
    """A store with endpoints, and whoever delivers to them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database
        self.hooks = Webhooks(store.database, Nobody(), ())
        self.receivers = Receivers()
        self.deliveries = SqlDeliveries(store.database)
        self.process = store.process()

    def deliver(self) -> int:
        """Everything that is due; how many jobs that were."""
        rests = Rests(clock=lambda: 0.0)  # no machine is so slow that a rest is over before its time
        deliverer = Deliverer(self.deliveries, self.receivers, Unmeasured(), NoOpTracer(), rests=rests)
        done = 0
        while deliverer.one(self.process):
            done += 1
        return done

    def register(
        self, url: str = URL, events: Sequence[EventType] | None = None, tenant: TenantId = DEFAULT_TENANT
    ) -> tuple[str, str]:
        made = self.hooks.add(tenant, url, None, events)
        return made.row.id, made.secret

    def read(
        self,
        state: RunState = RunState.SUCCEEDED,
        tenant: TenantId = DEFAULT_TENANT,
        **request: Any,
    ) -> tuple[DocumentId, RunId]:
        """A document that was posted, planned and has come to its end."""
        key = self.store.blob(tenant)
        new = commands.NewDocument(tenant, key, "application/pdf", 5, external_id="erp-1")
        with self.database.write() as connection:
            document, run = commands.create_document(connection, new, commands.NewRun(request))
        claim = self.store.claim(Queue.PLAN, self.process)
        with self.store.ledger.holding(claim) as unit:
            unit.end_run(Outcome(state, None, {}))
        return document, run

    def log(self, webhook: str, tenant: TenantId = DEFAULT_TENANT) -> Sequence[Any]:
        return self.hooks.deliveries(tenant, webhook, None, None, 100)

    def due(self, in_us: int = 0) -> None:
        """Let all delays pass, or begin."""
        with self.database.write() as connection:
            connection.execute(sa.update(jobs).values(run_after=now_us() + in_us))

    def age(self, micros: int) -> None:
        """Let so much time pass for what is on its way."""
        with self.database.write() as connection:
            connection.execute(sa.update(jobs).values(created_at=jobs.c.created_at - micros, run_after=0))
            connection.execute(sa.update(webhooks).values(failing_since=webhooks.c.failing_since - micros))

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def test_an_endpoint_is_told_of_a_document_with_a_signature_it_can_check(house: House) -> None:
    webhook, secret = house.register()
    document, run = house.read()
    assert house.deliver() == 1
    ((_, headers, body),) = house.receivers.calls
    event = verify(secret, headers, body)
    assert set(event) == {"type", "timestamp", "data"}
    assert event["type"] == "document.succeeded"
    assert event["data"].pop("sequence") > 0
    assert event["data"] == {
        "document_id": document,
        "run_id": run,
        "batch_id": None,
        "external_id": "erp-1",
        "state": "succeeded",
    }
    (row,) = house.log(webhook)
    assert (row.state, row.tries, row.log[0]["status"]) == ("delivered", 1, 204)
    assert headers["webhook-id"] == row.message_id
    assert house.count(jobs) == 0


@pytest.mark.parametrize("state", [state for state in RunState if state.terminal])
def test_every_end_of_a_run_has_its_event_and_filters_choose(house: House, state: RunState) -> None:
    house.register()
    house.register("https://only.example/", [EventType.DOCUMENT_FAILED])
    if state is RunState.CANCELLED:
        document, _ = house.store.document()
        with house.database.write() as connection:
            commands.cancel_run(connection, DEFAULT_TENANT, document)
    else:
        house.read(state)
    house.deliver()
    assert [event["type"] for event in house.receivers.events()] == [f"document.{state}"]
    assert len(house.receivers.events("https://only.example/")) == int(state is RunState.FAILED)


def test_who_listens_to_nothing_costs_nothing(house: House) -> None:
    house.register(tenant=OTHER)
    house.read()
    assert (house.count(webhook_messages), house.count(webhook_deliveries)) == (0, 0)


def test_a_callback_is_signed_with_the_secret_of_its_tenant(house: House) -> None:
    for tenant in (DEFAULT_TENANT, OTHER):
        house.read(tenant=tenant, callback_url=f"https://callback.example/{tenant}")
    house.deliver()
    secrets = {tenant: house.hooks.callback_secret(tenant).secret for tenant in (DEFAULT_TENANT, OTHER)}
    assert len(set(secrets.values())) == 2
    for url, headers, body in house.receivers.calls:
        verify(secrets[TenantId(url.rsplit("/", 1)[1])], headers, body)
    (row,) = house.log(CALLBACKS)
    assert (row.to, row.webhook_id, row.state) == ("https://callback.example/default", None, "delivered")


def test_sequences_order_what_happened(house: House) -> None:
    house.register()
    runs = [house.read()[1] for _ in range(5)]
    house.deliver()
    found = sorted(house.receivers.events(), key=lambda event: event["data"]["sequence"])
    assert [event["data"]["run_id"] for event in found] == runs


def test_a_run_that_is_undone_tells_nobody(house: House) -> None:
    house.register()
    house.store.document()
    claim = house.store.claim(Queue.PLAN, house.process)

    def break_off() -> None:
        with house.store.ledger.holding(claim) as unit:
            unit.end_run(Outcome(RunState.SUCCEEDED, None, {}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert house.count(webhook_messages) == 0


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(500, start=b"no"), "refused_by_receiver"),
        (Reply(302), "redirected"),
        (Reply(404), "refused_by_receiver"),
        (Reply(error="timed_out"), "timed_out"),
        (Reply(error="connection_failed"), "connection_failed"),
        (Reply(503), "refused_by_receiver"),
    ],
)
def test_a_failing_receiver_is_tried_again_with_the_same_id(house: House, reply: Reply, error: str) -> None:
    webhook, secret = house.register()
    house.read()
    house.receivers.answers[URL] = reply
    house.deliver()
    (row,) = house.log(webhook)
    assert (row.state, row.tries, row.log[0]["error"]) == ("pending", 1, error)
    assert house.hooks.get(DEFAULT_TENANT, webhook).failing_since is not None
    assert row.run_after is not None, "it waits"
    house.due()
    del house.receivers.answers[URL]
    house.deliver()
    (row,) = house.log(webhook)
    assert (row.state, row.tries, [one["error"] for one in row.log]) == ("delivered", 2, [error, None])
    assert house.hooks.get(DEFAULT_TENANT, webhook).failing_since is None
    first, second = house.receivers.calls
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    verify(secret, second[1], second[2])


def test_after_a_day_it_is_given_up_the_endpoint_disabled_and_the_others_told(house: House) -> None:
    dead, _ = house.register()
    house.register("https://watcher.example/", [EventType.WEBHOOK_DISABLED])
    house.read()
    house.receivers.answers[URL] = Reply(error="connection_failed")
    house.deliver()
    house.age(DAY_US)
    house.deliver()
    assert house.log(dead)[0].state == "failed"
    row = house.hooks.get(DEFAULT_TENANT, dead)
    assert row.disabled_reason == "failing"
    (event,) = house.receivers.events("https://watcher.example/")
    assert (event["type"], event["data"]["webhook_id"]) == ("webhook.disabled", dead)
    calls = len(house.receivers.events())
    house.read()
    house.deliver()
    assert len(house.receivers.events()) == calls, "a disabled endpoint is sent nothing"


def test_an_endpoint_that_is_gone_is_disabled_at_once(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    house.receivers.answers[URL] = Reply(410)
    house.deliver()
    row = house.hooks.get(DEFAULT_TENANT, webhook)
    assert (row.disabled_reason, house.log(webhook)[0].state) == ("gone", "failed")


def test_what_waits_for_a_disabled_endpoint_goes_on_when_it_is_enabled(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    house.hooks.change(DEFAULT_TENANT, webhook, {}, enabled=False)
    assert house.deliver() == 1
    assert house.receivers.calls == []
    with pytest.raises(Conflict, match="webhook_disabled"):
        house.hooks.test(DEFAULT_TENANT, webhook)
    house.hooks.change(DEFAULT_TENANT, webhook, {}, enabled=True)
    house.deliver()
    assert house.log(webhook)[0].state == "delivered"


def test_what_waited_a_day_for_a_disabled_endpoint_can_still_be_sent_by_hand(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    house.hooks.change(DEFAULT_TENANT, webhook, {}, enabled=False)
    house.age(DAY_US)
    house.deliver()
    (row,) = house.log(webhook)
    assert (row.state, row.log[-1]["error"]) == ("failed", "webhook_disabled")
    with pytest.raises(Conflict, match="webhook_disabled"):
        house.hooks.redeliver(DEFAULT_TENANT, webhook, row.id)
    house.hooks.change(DEFAULT_TENANT, webhook, {}, enabled=True)
    assert house.hooks.redeliver(DEFAULT_TENANT, webhook, row.id).state == "pending"
    house.deliver()
    assert house.log(webhook)[0].state == "delivered"


def test_redelivering_sends_the_same_message_once_more(house: House) -> None:
    webhook, secret = house.register()
    house.read()
    house.deliver()
    (row,) = house.log(webhook)
    for _ in range(2):  # asked for twice before it is sent: once is enough
        house.hooks.redeliver(DEFAULT_TENANT, webhook, row.id)
    assert house.deliver() == 1
    assert [call[1]["webhook-id"] for call in house.receivers.calls] == [row.message_id] * 2
    verify(secret, *house.receivers.calls[1][1:])
    with pytest.raises(NotFound, match="delivery_not_found"):
        house.hooks.redeliver(DEFAULT_TENANT, CALLBACKS, row.id)


def test_a_delivery_that_waits_is_sent_at_once_when_asked_for(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    house.receivers.answers[URL] = Reply(500)
    house.deliver()
    house.receivers.answers.clear()
    house.hooks.redeliver(DEFAULT_TENANT, webhook, house.log(webhook)[0].id)
    house.deliver()
    assert house.log(webhook)[0].state == "delivered"


def test_two_secrets_sign_while_one_replaces_the_other(house: House) -> None:
    webhook, old = house.register()
    new = house.hooks.rotate(DEFAULT_TENANT, webhook, 3600)
    assert new.previous_expires_at is not None
    house.read()
    house.deliver()
    _, headers, body = house.receivers.calls[0]
    for secret in (old, new.secret):
        verify(secret, headers, body)
    last = house.hooks.rotate(DEFAULT_TENANT, webhook, 0)
    house.read()
    house.deliver()
    _, headers, body = house.receivers.calls[1]
    verify(last.secret, headers, body)
    for secret in (old, new.secret):
        with pytest.raises(ValueError, match="signature"):
            verify(secret, headers, body)
    for _ in range(MAX_SECRETS - 1):
        house.hooks.rotate(DEFAULT_TENANT, webhook, 3600)
    with pytest.raises(Conflict, match="too_many_secrets"):
        house.hooks.rotate(DEFAULT_TENANT, webhook, 3600)


def test_a_test_event_passes_any_filter(house: House) -> None:
    webhook, secret = house.register(events=[EventType.BATCH_FINISHED])
    assert house.hooks.test(DEFAULT_TENANT, webhook).state == "pending"
    house.deliver()
    event = verify(secret, *house.receivers.calls[0][1:])
    assert (event["type"], event["data"]["webhook_id"]) == ("webhook.test", webhook)


def test_a_batch_tells_in_the_transaction_that_ends_it(house: House) -> None:
    house.register()
    with house.database.write() as connection:
        outbox_rows.batch_finished(connection, DEFAULT_TENANT, BatchId("bat_1"), "partial", external_id="b")
    house.deliver()
    (event,) = house.receivers.events()
    assert event["type"] == "batch.finished"
    assert (event["data"]["batch_id"], event["data"]["state"]) == ("bat_1", "partial")


def test_a_process_that_dies_while_it_delivers_costs_a_second_delivery_and_no_event(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    parcel = house.deliveries.claim(house.process)
    assert parcel is not None
    house.store.ledger.bury(0, 3)
    with pytest.raises(Fenced):
        house.deliveries.delivered(parcel, Try(at="", duration_ms=1))
    assert house.log(webhook)[0].state == "pending"
    house.process = house.store.process()
    assert house.deliver() == 1
    assert house.log(webhook)[0].state == "delivered"


def test_no_transaction_is_open_during_the_call(house: House) -> None:
    """Somebody else can write to the same rows meanwhile."""
    webhook, _ = house.register()
    house.read()

    def write() -> None:
        thread = threading.Thread(
            target=house.hooks.change, args=(DEFAULT_TENANT, webhook, {"description": "changed"})
        )
        thread.start()
        thread.join(30)
        assert not thread.is_alive()

    house.receivers.during = write
    house.deliver()
    assert house.hooks.get(DEFAULT_TENANT, webhook).description == "changed"
    assert house.log(webhook)[0].state == "delivered"


def test_an_endpoint_deleted_while_it_is_called_is_gone_with_its_log(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    house.receivers.during = lambda: house.hooks.remove(DEFAULT_TENANT, webhook)
    house.deliver()
    assert [house.count(table) for table in (webhooks, webhook_deliveries, jobs)] == [0, 0, 0]
    with pytest.raises(NotFound, match="webhook_not_found"):
        house.hooks.get(DEFAULT_TENANT, webhook)


def test_a_silent_receiver_does_not_hold_up_the_others(house: House) -> None:
    house.register()
    house.register("https://well.example/")
    for _ in range(20):
        house.read()
    house.receivers.answers[URL] = Reply(error="timed_out")
    house.deliver()
    assert len(house.receivers.events()) == 1, "after the first silence it is left alone for a while"
    assert len(house.receivers.events("https://well.example/")) == 20
    house.receivers.answers.clear()
    house.due(in_us=3_600_000_000)
    house.read()
    house.deliver()  # by a process that knows nothing of the silence; what was put off goes along
    assert len(house.receivers.events()) == 1 + 20
    house.due()  # what was tried has a delay of its own
    house.deliver()
    assert len({event["data"]["run_id"] for event in house.receivers.events()}) == 21


def test_what_is_not_due_stands_in_nobody_s_way_and_comes_when_it_is(house: House) -> None:
    house.register()
    house.read()
    house.receivers.answers[URL] = Reply(500)
    house.deliver()
    house.due(in_us=3_600_000_000)
    assert house.store.ledger.runnable() == {}
    with house.database.read() as connection:
        assert connection.scalars(sa.select(jobs.c.state)).all() == ["waiting"]
    house.due()
    assert house.store.ledger.runnable() == {Queue.DELIVER: 1}
    house.receivers.answers.clear()
    assert house.deliver() == 1


def test_deleting_a_document_takes_what_was_said_of_it(house: House) -> None:
    webhook, _ = house.register()
    document, _ = house.read(callback_url="https://callback.example/secret-path")
    house.receivers.answers[URL] = Reply(500, start=b"cannot take erp-1")
    house.deliver()
    with house.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, document)
    assert house.log(CALLBACKS) == []
    (row,) = house.log(webhook)
    assert (row.external_id, row.log, row.state) == (None, [], "pending")
    house.due()
    house.receivers.answers.clear()
    house.deliver()
    assert house.receivers.events()[-1]["data"]["document_id"] == document


def test_a_tenant_sees_and_touches_only_its_own(house: House) -> None:
    webhook, _ = house.register()
    house.read()
    house.deliver()
    (row,) = house.log(webhook)
    for touch in (
        lambda: house.hooks.get(OTHER, webhook),
        lambda: house.hooks.change(OTHER, webhook, {}, enabled=False),
        lambda: house.hooks.remove(OTHER, webhook),
        lambda: house.hooks.rotate(OTHER, webhook, 0),
        lambda: house.hooks.test(OTHER, webhook),
        lambda: house.hooks.deliveries(OTHER, webhook, None, None, 1),
        lambda: house.hooks.delivery(OTHER, webhook, row.id),
        lambda: house.hooks.redeliver(OTHER, webhook, row.id),
    ):
        with pytest.raises(NotFound):
            touch()
    assert house.hooks.some(OTHER, "", 10) == []
    house.register(tenant=OTHER)
    house.read()
    assert house.log(house.hooks.some(OTHER, "", 10)[0].id, OTHER) == []


def test_endpoints_are_limited(house: House) -> None:
    for _ in range(MAX_WEBHOOKS):
        house.register()
    with pytest.raises(Conflict, match="too_many_webhooks"):
        house.register()


def test_old_messages_go_unless_they_are_on_their_way(house: House) -> None:
    house.register()
    house.read()
    house.deliver()
    house.read()
    with house.database.write() as connection:
        long_ago = webhook_messages.c.created_at - delivery_log.KEPT_US - 1
        connection.execute(sa.update(webhook_messages).values(created_at=long_ago))
        delivery_log.drop_old(connection)
        states = connection.scalars(sa.select(webhook_deliveries.c.state)).all()
    assert states == [DeliveryState.PENDING]


def test_of_two_who_make_the_secret_for_callbacks_both_get_the_same(house: House) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(house.hooks.callback_secret(DEFAULT_TENANT).secret))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1

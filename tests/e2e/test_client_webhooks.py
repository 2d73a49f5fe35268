"""The client's webhooks against the real service and a real receiver: made, signed, rotated, sent again."""

import time
from collections.abc import Iterator

import pytest

from quire_client import CALLBACKS, Conflict, NotFound, Quire, SignatureInvalid, verify
from tests.e2e.conftest import Running
from tests.servers.receiver import Receiver


@pytest.fixture(scope="module")
def quire(running: Running) -> Iterator[Quire]:
    with Quire(running.url, trust_env=False) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def delivered(quire: Quire, hook: str, delivery: str) -> str:
    """The state of a delivery once it has one that lasts."""
    until = time.monotonic() + 30
    while quire.webhooks.delivery(hook, delivery)["state"] == "pending" and time.monotonic() < until:
        time.sleep(0.05)
    return quire.webhooks.delivery(hook, delivery)["state"]


def test_an_endpoint_is_made_changed_and_forgotten(quire: Quire, receiver: Receiver) -> None:
    hook = quire.webhooks.create(f"{receiver.url}/a", events=["document.failed"], description="ours")
    assert hook["secret"].startswith("whsec_")
    assert "secret" not in quire.webhooks.get(hook["id"])
    assert hook["id"] in [one["id"] for one in quire.webhooks.list()]
    changed = quire.webhooks.update(hook["id"], events=None, enabled=False)
    assert (changed["events"], changed["enabled"], changed["disabled_reason"]) == (None, False, "requested")
    with pytest.raises(Conflict, match="webhook_disabled"):
        quire.webhooks.test(hook["id"])
    assert quire.webhooks.update(hook["id"], enabled=True)["enabled"]
    quire.webhooks.delete(hook["id"])
    with pytest.raises(NotFound):
        quire.webhooks.get(hook["id"])


def test_what_is_delivered_is_signed_with_the_secrets_of_the_moment(quire: Quire, receiver: Receiver) -> None:
    hook = quire.webhooks.create(f"{receiver.url}/b")
    old = hook["secret"]
    quire.webhooks.test(hook["id"])
    first = receiver.at("/b")[0]
    assert verify(first.headers, first.body, old)["type"] == "webhook.test"

    overlapping = quire.webhooks.rotate(hook["id"], overlap_s=3600)
    assert overlapping["previous_expires_at"] is not None
    quire.webhooks.test(hook["id"])
    second = receiver.at("/b", 2)[1]
    for secret in (old, overlapping["secret"], [old, overlapping["secret"]]):
        assert verify(second.headers, second.body, secret)["data"]["sequence"] > 0

    newest = quire.webhooks.rotate(hook["id"], overlap_s=0)
    assert newest["previous_expires_at"] is None
    quire.webhooks.test(hook["id"])
    third = receiver.at("/b", 3)[2]
    assert verify(third.headers, third.body, newest["secret"])
    for secret in (old, overlapping["secret"]):
        with pytest.raises(SignatureInvalid):
            verify(third.headers, third.body, secret)
    quire.webhooks.delete(hook["id"])


def test_events_of_documents_are_ordered_listed_and_sent_again(
    quire: Quire, receiver: Receiver, invoice: bytes
) -> None:
    hook = quire.webhooks.create(f"{receiver.url}/c", events=["document.succeeded", "document.corrected"])
    document = quire.documents.submit(invoice, schema="invoice", wait_s=60)
    quire.documents.correct(document["id"], [{"path": "number", "value": "RE-1"}])
    came = [one for one in receiver.at("/c", 2) if document["id"].encode() in one.body]
    events = [verify(one.headers, one.body, hook["secret"]) for one in came]
    ordered = sorted(events, key=lambda event: event["data"]["sequence"])
    assert [event["type"] for event in ordered] == ["document.succeeded", "document.corrected"]

    listed = [one for one in quire.webhooks.deliveries(hook["id"]) if one["type"] == "document.corrected"]
    (one,) = [each for each in listed if each["data"]["document_id"] == document["id"]]
    assert delivered(quire, hook["id"], one["id"]) == "delivered"
    again = quire.webhooks.redeliver(hook["id"], one["id"])
    assert again["message_id"] == one["message_id"]
    last = receiver.at("/c", 3)[-1]
    assert last.headers["webhook-id"] == one["message_id"]
    assert verify(last.headers, last.body, hook["secret"])["type"] == "document.corrected"
    assert [*quire.webhooks.deliveries(hook["id"], state="failed")] == []
    quire.webhooks.delete(hook["id"])


def test_callbacks_are_signed_with_their_own_secret(quire: Quire, receiver: Receiver, invoice: bytes) -> None:
    before = quire.webhooks.callback_secret()["secret"]
    rotated = quire.webhooks.rotate(CALLBACKS, overlap_s=600)
    document = quire.documents.submit(invoice, callback_url=f"{receiver.url}/d", wait_s=60)
    came = receiver.at("/d")[0]
    for secret in (before, rotated["secret"]):
        event = verify(came.headers, came.body, secret)
        assert (event["type"], event["data"]["document_id"]) == ("document.succeeded", document["id"])
    sent = [
        one for one in quire.webhooks.deliveries(CALLBACKS) if one["data"]["document_id"] == document["id"]
    ]
    assert [one["webhook_id"] for one in sent] == [None]
    assert quire.webhooks.redeliver(CALLBACKS, sent[0]["id"])["message_id"] == came.headers["webhook-id"]
    assert len(receiver.at("/d", 2)) == 2

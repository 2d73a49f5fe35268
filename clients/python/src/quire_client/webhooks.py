"""Registered webhooks: where events go, and what became of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NotRequired, TypedDict

from quire_client.shapes import EventData
from quire_client.transport import Call, Transport, json_body, paged, path

CALLBACKS = "callbacks"
"""In place of an endpoint's id: the callback URLs of all requests."""


class Webhook(TypedDict):
    """An endpoint. ``events`` None: all of them. ``secret``: only in the answer that made it."""

    id: str
    url: str
    description: str | None
    events: list[str] | None
    enabled: bool
    disabled_at: str | None
    disabled_reason: str | None
    failing_since: str | None
    created_at: str
    secret: NotRequired[str]


class Secret(TypedDict):
    """The newest secret; until ``previous_expires_at`` another one signs beside it."""

    secret: str
    previous_expires_at: str | None


class Delivery(TypedDict):
    """An event on its way to one receiver; ``message_id`` is what comes there as `webhook-id`."""

    id: str
    webhook_id: str | None
    message_id: str
    type: str
    data: EventData
    url: str
    state: str
    tries: int
    next_try_at: str | None
    created_at: str
    finished_at: str | None
    log: list[dict[str, Any]]


class Webhooks:
    """``webhook_id`` of secrets and deliveries may be `CALLBACKS`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, url: str, *, events: Iterable[str] | None = None, **more: Any) -> Webhook:
        """Only this answer holds the secret; see `quire_client.verify`."""
        given = {"url": url, **({"events": [*events]} if events is not None else {}), **more}
        made: Webhook = self._change("POST", given)
        return made

    def list(self) -> Iterator[Webhook]:
        yield from paged(self._transport, Call("GET", path("webhooks")))

    def get(self, webhook_id: str) -> Webhook:
        found: Webhook = self._json(Call("GET", path("webhooks", webhook_id)))
        return found

    def update(self, webhook_id: str, **changes: Any) -> Webhook:
        """`enabled=True` also sends what waited while it was disabled."""
        changed: Webhook = self._change("PATCH", changes, webhook_id)
        return changed

    def delete(self, webhook_id: str) -> None:
        self._transport.send(Call("DELETE", path("webhooks", webhook_id)))

    def test(self, webhook_id: str) -> Delivery:
        """Send a test event now."""
        sent: Delivery = self._change("POST", None, webhook_id, "test")
        return sent

    def rotate(self, webhook_id: str, *, overlap_s: int | None = None) -> Secret:
        """A new secret; the old one signs beside it for ``overlap_s`` (None: a day; 0: not at all)."""
        given = {} if overlap_s is None else {"overlap_s": overlap_s}
        new: Secret = self._change("POST", given, webhook_id, "rotate")
        return new

    def callback_secret(self) -> Secret:
        """What signs events sent to the `callback_url` of requests; `rotate(CALLBACKS)` replaces it."""
        secret: Secret = self._json(Call("GET", path("webhooks", CALLBACKS, "secret")))
        return secret

    def deliveries(self, webhook_id: str, **filters: Any) -> Iterator[Delivery]:
        yield from paged(self._transport, Call("GET", path("webhooks", webhook_id, "deliveries"), filters))

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        found: Delivery = self._json(Call("GET", path("webhooks", webhook_id, "deliveries", delivery_id)))
        return found

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send it once more, under the same `webhook-id`."""
        again: Delivery = self._change("POST", None, webhook_id, "deliveries", delivery_id, "redeliver")
        return again

    def _change(self, method: str, body: Mapping[str, Any] | None, *where: str) -> Any:
        made = json_body(dict(body)) if body is not None else None
        return self._json(Call(method, path("webhooks", *where), body=made, repeatable=False))

    def _json(self, call: Call) -> Any:
        return self._transport.json(call)

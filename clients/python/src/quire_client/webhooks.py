"""Registered webhooks: where events go, and what became of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from quire_client.transport import Call, Transport, json_body, paged, path

Webhook = dict[str, Any]
Delivery = dict[str, Any]


class Webhooks:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, url: str, *, events: Iterable[str] | None = None, **more: Any) -> Webhook:
        """Only this answer holds the secret; see `quire_client.verify`."""
        given = {"url": url, **({"events": [*events]} if events is not None else {}), **more}
        return self._change("POST", given)

    def list(self) -> Iterator[Webhook]:
        yield from paged(self._transport, Call("GET", path("webhooks")))

    def get(self, webhook_id: str) -> Webhook:
        return self._json(Call("GET", path("webhooks", webhook_id)))

    def update(self, webhook_id: str, **changes: Any) -> Webhook:
        return self._change("PATCH", changes, webhook_id)

    def delete(self, webhook_id: str) -> None:
        self._transport.send(Call("DELETE", path("webhooks", webhook_id)))

    def test(self, webhook_id: str) -> dict[str, Any]:
        """Send a test event now."""
        return self._change("POST", None, webhook_id, "test")

    def rotate(self, webhook_id: str) -> Webhook:
        """A new secret; the old one goes on signing beside it for a while."""
        return self._change("POST", None, webhook_id, "rotate")

    def deliveries(self, webhook_id: str, **filters: Any) -> Iterator[Delivery]:
        yield from paged(self._transport, Call("GET", path("webhooks", webhook_id, "deliveries"), filters))

    def redeliver(self, webhook_id: str, delivery_id: str) -> dict[str, Any]:
        return self._change("POST", None, webhook_id, "deliveries", delivery_id, "redeliver")

    def _change(self, method: str, body: Mapping[str, Any] | None, *where: str) -> dict[str, Any]:
        made = json_body(dict(body)) if body is not None else None
        return self._json(Call(method, path("webhooks", *where), body=made, repeatable=False))

    def _json(self, call: Call) -> dict[str, Any]:
        answer = self._transport.send(call)
        return dict(answer.json()) if answer.content else {}

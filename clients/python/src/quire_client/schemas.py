"""Named JSON Schemas."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from quire_client.shapes import NamedSchema, Proposal, SchemaInfo
from quire_client.transport import Call, Transport, json_body, paged, path


class Schemas:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[SchemaInfo]:
        """The newest version of each, built in or your own."""
        yield from paged(self._transport, Call("GET", path("schemas")))

    def get(self, name: str, version: int | None = None) -> NamedSchema:
        address = path("schemas", name) if version is None else path("schemas", name, "versions", version)
        return cast("NamedSchema", self._transport.json(Call("GET", address)))

    def put(
        self, name: str, schema: Mapping[str, Any], *, newest: int | None = None, absent: bool = False
    ) -> NamedSchema:
        """A new version; only if ``newest`` is the newest now, or only if there is none (``absent``)."""
        headers = {"If-Match": f'"{newest}"'} if newest is not None else {}
        if absent:
            headers["If-None-Match"] = "*"
        # The content of the newest version makes no new one, so without a condition twice is as good as once.
        call = Call(
            "PUT",
            path("schemas", name),
            headers=headers,
            body=json_body({"schema": dict(schema)}),
            repeatable=not headers,
        )
        return cast("NamedSchema", self._transport.json(call))

    def delete(self, name: str) -> None:
        self._transport.send(Call("DELETE", path("schemas", name)))

    def infer(self, document_id: str, *, run_id: str | None = None, title: str | None = None) -> Proposal:
        """A schema proposed from a document that was read; nothing is stored."""
        asked = {"document_id": document_id, "run_id": run_id, "title": title}
        body = json_body({name: value for name, value in asked.items() if value is not None})
        return cast("Proposal", self._transport.json(Call("POST", path("schemas", "infer"), body=body)))

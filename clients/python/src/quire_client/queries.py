"""What is asked across documents: queries, fields one by one, words on pages."""

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, cast

from quire_client import exports
from quire_client.shapes import Hit, Listing
from quire_client.transport import Call, Transport, json_body, paged, path

Row = dict[str, Any]


class RowFormat(StrEnum):
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Queries:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def page(self, query: Mapping[str, Any]) -> Listing[Row]:
        """One page of a query's rows, with what else its answer says."""
        return cast("Listing[Row]", self._transport.json(_query(query)))

    def rows(self, query: Mapping[str, Any]) -> Iterator[Row]:
        """All rows, fetched page by page; ``limit`` in the query is the size of a page."""
        asked = dict(query)
        while True:
            found = self.page(asked)
            yield from found["items"]
            if found["next_cursor"] is None:
                return
            asked["cursor"] = found["next_cursor"]

    def save(self, query: Mapping[str, Any], to: "str | os.PathLike[str]", form: RowFormat) -> int:
        """All rows to a file, whole or not at all."""
        return exports.save(self._transport, _query(query, Accept=form), to)

    def fields(self, field: str, *, labels: Mapping[str, str] | None = None, **filters: Any) -> Iterator[Row]:
        """One field in all documents; filters such as op, value, state, confidence_below, schema."""
        marks = {f"label.{name}": value for name, value in (labels or {}).items()}
        yield from paged(self._transport, Call("GET", path("fields"), {"field": field, **filters, **marks}))

    def search(
        self,
        words: str,
        *,
        document_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Hit]:
        """Pages that hold all the words, the best first; ``limit`` is the size of a page of the listing."""
        marks = {f"label.{name}": value for name, value in (labels or {}).items()}
        params = {"q": words, "document_id": document_id, "limit": limit, **marks}
        yield from paged(self._transport, Call("GET", path("search"), params))


def _query(query: Mapping[str, Any], **headers: str) -> Call:
    return Call("POST", path("query"), headers=headers, body=json_body(dict(query)))

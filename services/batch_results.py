"""The results of a batch as streams: NDJSON in the order of their ends, a table, a file of files."""

import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from pipeline.fields.leaves import leaves
from pipeline.fields.shapes import EACH, path_text
from schemas.errors import Conflict, NotFound
from schemas.ids import TenantId
from schemas.result import RunState
from services.batches import Batches
from services.lookup import Lookup
from services.results import Results, Wanted, coalesced, corrected
from services.spreadsheet import csv_lines
from services.stores.batch_tables import batch_log, batch_members
from services.stores.engine import Database
from services.stores.tables import documents, runs

_LINES_AT_ONCE = 50
_ROWS_AT_ONCE = 200
_COLUMNS = (
    "number", "name", "external_id", "document_id", "run_id", "state", "error", "detail", "bytes", "pages",
)  # fmt: skip
_READ = (RunState.SUCCEEDED, RunState.PARTIAL, RunState.CANCELLED)


class BatchResults:
    """No connection is held between two pieces of a stream."""

    def __init__(self, database: Database, batches: Batches, lookup: Lookup, results: Results) -> None:
        self._database = database
        self._batches = batches
        self._lookup = lookup
        self._results = results

    def lines(
        self, tenant: TenantId, batch: str, after: int, wanted: Wanted
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Some of the lines behind sequence ``after``, each with its number; none: there are none yet."""
        number = batch_members.c.number
        query = (
            sa.select(
                batch_log, number, batch_members.c.name, batch_members.c.external_id, batch_members.c.error
            )
            .outerjoin(
                batch_members,
                sa.and_(batch_members.c.batch_id == batch_log.c.batch_id, number == batch_log.c.number),
            )
            .where(
                batch_log.c.batch_id == batch, batch_log.c.tenant_id == tenant, batch_log.c.sequence > after
            )
            .order_by(batch_log.c.sequence)
            .limit(_LINES_AT_ONCE)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            yield row.sequence, coalesced(self._line(tenant, row, wanted))

    def _line(self, tenant: TenantId, row: Any, wanted: Wanted) -> Iterator[bytes]:
        head = {
            "sequence": row.sequence,
            "number": row.number,
            "name": row.name,
            "external_id": row.external_id,
            "state": row.state,
            "document_id": row.document_id,
            "run_id": row.run_id,
            "error": row.error,
        }
        try:
            pieces = self._result(tenant, row, head, wanted)
        except NotFound:
            return  # deleted since: nothing is said of it any more
        yield orjson.dumps(head)[:-1] + b',"result":'
        yield from pieces
        yield b"}\n"

    def _result(self, tenant: TenantId, row: Any, head: dict[str, Any], wanted: Wanted) -> Iterator[bytes]:
        if row.document_id is None:
            return iter((b"null",))
        document = self._lookup.document(tenant, row.document_id, row.run_id)
        head["error"] = document.error.model_dump() if document.error else None
        if document.state not in _READ:
            return iter((b"null",))
        run = self._lookup.finished_run(tenant, row.document_id, row.run_id)
        return self._results.stream(tenant, document, run, wanted)

    def table(self, tenant: TenantId, batch: str) -> Iterator[bytes]:
        """A row for each member as it stands now; what the batch's schema asks for once has columns."""
        schema = self._batches.row(tenant, batch).schema
        paths = [leaf.path for leaf in leaves(schema) if EACH not in leaf.path] if schema else []
        header = [*_COLUMNS, *(f"extraction.{path_text(path)}" for path in paths)]
        return coalesced(csv_lines(self._table(tenant, batch, header, paths)))

    def _table(
        self, tenant: TenantId, batch: str, header: list[str], paths: Sequence[tuple[str, ...]]
    ) -> Iterator[list[str]]:
        yield header
        for row in self._members(tenant, batch):
            error = row.run_error or row.error or {}
            values = (
                row.number, row.name, row.external_id, row.document_id, row.newest_run_id,
                row.document_state or row.state, error.get("code"), error.get("detail"), row.bytes,
                row.pages_total,
            )  # fmt: skip
            found = corrected(row.outcome or {}).get("extraction")
            yield [*map(_text, values), *(_text(_at(found, path)) for path in paths)]

    def archive(self, tenant: TenantId, batch: str) -> Iterator[bytes]:
        """A ZIP file: `members.csv`, and a result for each member that has one, named by its number."""
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
            yield from sink.file(made, "members.csv", self.table(tenant, batch))
            for row in self._members(tenant, batch):
                if row.document_state not in _READ:
                    continue
                try:
                    document = self._lookup.document(tenant, row.document_id)
                    run = self._lookup.finished_run(tenant, row.document_id, row.newest_run_id)
                except (NotFound, Conflict):
                    continue  # deleted, or read again, in this moment
                pieces = self._results.stream(tenant, document, run, Wanted())
                yield from sink.file(made, f"{row.number:06}.json", pieces)
        yield sink.taken()

    def _members(self, tenant: TenantId, batch: str) -> Iterator[Any]:
        last = 0
        while True:
            query = (
                sa.select(
                    batch_members,
                    documents.c.state.label("document_state"),
                    documents.c.newest_run_id,
                    runs.c.error.label("run_error"),
                    runs.c.pages_total,
                    runs.c.outcome,
                )
                .outerjoin(
                    documents,
                    sa.and_(documents.c.id == batch_members.c.document_id, documents.c.deleted_at.is_(None)),
                )
                .outerjoin(runs, runs.c.id == documents.c.newest_run_id)
                .where(
                    batch_members.c.batch_id == batch,
                    batch_members.c.tenant_id == tenant,
                    batch_members.c.number > last,
                )
                .order_by(batch_members.c.number)
                .limit(_ROWS_AT_ONCE)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield from (row for row in rows if row.document_id is None or row.document_state is not None)
            last = rows[-1].number


class _Sink:
    """What a ZIP writer writes to: it cannot go back, and is emptied as it fills."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes, /) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held open."""

    def taken(self) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        return data

    def file(self, made: zipfile.ZipFile, name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        with made.open(name, "w", force_zip64=True) as written:
            for piece in pieces:
                written.write(piece)
                if len(self._held) > _FLUSH:
                    yield self.taken()
        yield self.taken()


_FLUSH = 65_536


def _at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()

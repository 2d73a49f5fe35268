"""The journal of a bulk run: what was found, sent and written, so that a run cut off anywhere goes on."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from schemas.errors import Conflict, RequestInvalid
from services.intake import names

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  origin BLOB NOT NULL UNIQUE,
  shown TEXT NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  output TEXT NOT NULL,
  claim TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL DEFAULT 'waiting',
  attempt INTEGER NOT NULL DEFAULT 0,
  remote_id TEXT,
  code TEXT,
  detail TEXT,
  retryable INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS items_of_state ON items (state, id);
"""


class OtherRequest(RequestInvalid):
    """The folder holds results of another request."""

    code = "other_request"


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    """The service has it; ``remote_id`` names it there."""

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    UNPACKED = "unpacked"
    """An archive whose documents stand in rows of their own."""


class Kind(StrEnum):
    FILE = "file"
    ARCHIVE = "archive"
    MEMBER = "member"
    """Of an archive: the service has it, there is nothing here to send."""


@dataclass(frozen=True, slots=True)
class New:
    """Something found; ``origin`` tells it from everything else: the bytes of its path."""

    kind: Kind
    origin: bytes
    parts: tuple[str, ...]
    size: int = 0
    mtime_ns: int = 0
    remote_id: str | None = None
    code: str | None = None
    detail: str | None = None

    @property
    def shown(self) -> str:
        return names.shown("/".join(self.parts))


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    kind: Kind
    origin: bytes
    shown: str
    output: str
    """Where its results go, below the folder of results, without an ending."""

    state: State
    attempt: int
    remote_id: str | None


class Journal:
    """Used by all threads of one run. A row is written before what it speaks of is done outside."""

    def __init__(self, path: Path, results: Path) -> None:
        self._results = results
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Losing the last rows with the power costs nothing: what they say is asked again under the same key.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)

    def close(self) -> None:
        self._db.close()

    def bind(self, request: str) -> None:
        """The one request whose results this folder holds."""
        with self._changing() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES ('request', ?)", (request,))
            (kept,) = db.execute("SELECT value FROM meta WHERE name = 'request'").fetchone()
        if kept != request:
            raise OtherRequest(detail="the folder holds results of another request; give another --out")

    def add(self, found: Iterable[New]) -> None:
        """What is known already stays as it is, unless it has changed since: then it is to be done again."""
        with self._changing() as db:
            for new in found:
                row = db.execute(
                    "SELECT id, size, mtime_ns FROM items WHERE origin = ?", (new.origin,)
                ).fetchone()
                if row is None:
                    self._insert(db, new)
                elif new.remote_id is not None:
                    # Its archive was sent once more: of what is not done, what was noted is gone.
                    db.execute(
                        "UPDATE items SET remote_id = ?, state = 'sent' WHERE id = ? AND remote_id != ? "
                        "AND state IN ('sent', 'failed')",
                        (new.remote_id, row[0], new.remote_id),
                    )
                elif (row[1], row[2]) != (new.size, new.mtime_ns):
                    db.execute(
                        "UPDATE items SET size = ?, mtime_ns = ?, state = 'waiting', remote_id = NULL, "
                        "code = NULL, detail = NULL, retryable = 0, attempt = attempt + 1 WHERE id = ?",
                        (new.size, new.mtime_ns, row[0]),
                    )
                    self._forget_members(db, new.origin)

    def _forget_members(self, db: sqlite3.Connection, archive: bytes) -> None:
        """Of an archive that has changed, with their results: its members have other numbers now."""
        theirs = "kind = 'member' AND origin >= ? AND origin < ?"
        bounds = (archive + b"\0", archive + b"\1")
        for (output,) in db.execute(f"SELECT output FROM items WHERE {theirs}", bounds).fetchall():  # noqa: S608
            for path in self._files(output):
                path.unlink(missing_ok=True)
        db.execute(f"DELETE FROM items WHERE {theirs}", bounds)  # noqa: S608  # nothing of anybody's

    def _insert(self, db: sqlite3.Connection, new: New) -> None:
        if new.remote_id is not None:
            state = State.SENT
        else:
            state = State.FAILED if new.code is not None else State.WAITING
        own = names.safe(new.parts)
        for output in (own, names.apart(own, new.origin)):
            if self._taken(output):
                continue
            made = db.execute(
                "INSERT INTO items (kind, origin, shown, size, mtime_ns, output, claim, state, remote_id, "
                "code, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (claim) DO NOTHING",
                (
                    new.kind, new.origin, new.shown, new.size, new.mtime_ns, output, names.claim(output),
                    state, new.remote_id, new.code, new.detail,
                ),
            )  # fmt: skip
            if made.rowcount:
                return
        raise Conflict("name_taken", f"{new.shown}: files that are none of ours have the name of its results")

    def _taken(self, output: str) -> bool:
        """Files that lie there although no row speaks of them are somebody else's."""
        return any(path.exists() for path in self._files(output))

    def _files(self, output: str) -> list[Path]:
        target = self._results / output
        return [target.with_name(target.name + end) for end in (".json", ".md", ".csv")]

    def again(self, *, failed: bool) -> None:
        """Make ready to be sent anew what failed for a reason that may have passed, or all that failed."""
        with self._changing() as db:
            db.execute(
                "UPDATE items SET state = 'waiting', remote_id = NULL, code = NULL, detail = NULL, "
                "retryable = 0, attempt = attempt + 1 "
                "WHERE state = 'failed' AND kind != 'member' AND (retryable OR ?)",
                (failed,),
            )

    def open_after(self, last: int, limit: int = 200) -> list[Item]:
        """What is not done, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, kind, origin, shown, output, state, attempt, remote_id FROM items "
                "WHERE id > ? AND state IN ('waiting', 'sent') ORDER BY id LIMIT ?",
                (last, limit),
            ).fetchall()
        return [Item(r[0], Kind(r[1]), r[2], r[3], r[4], State(r[5]), r[6], r[7]) for r in rows]

    def sent(self, item: Item, remote_id: str) -> None:
        self._set(item, "state = 'sent', remote_id = ?", remote_id)

    def anew(self, item: Item) -> Item:
        """The service does not know it any more: the next sending is another one."""
        self._set(item, "state = 'waiting', remote_id = NULL, attempt = attempt + 1")
        return replace(item, state=State.WAITING, remote_id=None, attempt=item.attempt + 1)

    def ended(self, item: Item, state: State) -> None:
        self._set(item, "state = ?, code = NULL, detail = NULL, retryable = 0", state)

    def failed(self, item: Item, code: str, detail: str, *, retryable: bool = False) -> None:
        self._set(
            item, "state = 'failed', code = ?, detail = ?, retryable = ?", code, detail[:500], retryable
        )

    def counts(self) -> Mapping[State, int]:
        """Of documents: archives count by what is in them, unless they could not be opened."""
        with self._lock:
            rows = self._db.execute("SELECT state, count(*) FROM items GROUP BY state").fetchall()
        found = {State(state): count for state, count in rows}
        return {state: found.get(state, 0) for state in State}

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Name, code and detail of what failed."""
        last = 0
        while True:
            with self._lock:
                rows = self._db.execute(
                    "SELECT id, shown, code, detail FROM items WHERE state = 'failed' AND id > ? "
                    "ORDER BY id LIMIT 200",
                    (last,),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from ((row[1], row[2] or "", row[3] or "") for row in rows)

    def _set(self, item: Item, change: str, *values: object) -> None:
        with self._changing() as db:
            statement = f"UPDATE items SET {change} WHERE id = ?"  # noqa: S608  # words of this module
            db.execute(statement, (*values, item.id))

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

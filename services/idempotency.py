"""Idempotency keys: a key is held while its request runs, then replays what was answered, for 24 hours."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from schemas.errors import Conflict, RequestInvalid
from schemas.ids import BatchId, DocumentId, ProcessId, TenantId
from services.stores.engine import Database, now_us
from services.stores.tables import idempotency
from services.stores.work_tables import processes

KEPT_US = 24 * 3600 * 1_000_000
# A key whose holder died is free again after this; longer than any upload that is still worth waiting for.
HELD_US = 3600 * 1_000_000
MAX_KEY = 255


class KeyInUse(Conflict):
    code = "idempotency_key_in_use"
    retryable = True


class KeyReused(RequestInvalid):
    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered under a key."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A key that this request holds, or (with ``answer``) one that was answered before."""

    tenant: TenantId
    key: str
    fingerprint: str
    """Of the answered request; while the key is held, a token that only its holder knows."""

    answer: Answer | None = None

    def replay(self, fingerprint: str) -> Answer | None:
        """The earlier answer if there is one and the request is the same; another request is refused."""
        if self.answer is not None and self.fingerprint != fingerprint:
            raise KeyReused(detail="this Idempotency-Key was used with another request")
        return self.answer


class Keys:
    """The keys of one database. ``process`` says who holds them, where there are several processes:
    when that one is given up for dead, its keys are free."""

    def __init__(self, database: Database, process: Callable[[], ProcessId | None] = lambda: None) -> None:
        self._database = database
        self._process = process

    def hold(self, tenant: TenantId, key: str) -> Held:
        """Take a key before the body is read, so that of two requests at once only one does the work."""
        if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
            raise RequestInvalid(
                "idempotency_key_malformed", f"an Idempotency-Key has 1 to {MAX_KEY} printable characters"
            )
        mine = sa.and_(idempotency.c.tenant_id == tenant, idempotency.c.key == key)
        stale = sa.or_(
            idempotency.c.created_at < now_us() - KEPT_US,
            sa.and_(idempotency.c.state == "running", idempotency.c.created_at < now_us() - HELD_US),
            sa.and_(idempotency.c.state == "running", _holder_is_dead()),
        )
        token = secrets.token_hex(16)
        new = idempotency.insert().values(
            tenant_id=tenant,
            key=key,
            fingerprint=token,
            state="running",
            process_id=self._process(),
            created_at=now_us(),
        )
        try:
            with self._database.write() as connection:
                connection.execute(sa.delete(idempotency).where(mine, stale))
                row = connection.execute(sa.select(idempotency).where(mine)).one_or_none()
                if row is None:
                    connection.execute(new)
                    return Held(tenant, key, token)
        except IntegrityError:
            row = None
        if row is None or row.state != "done":
            raise KeyInUse(detail="a request with this Idempotency-Key is still running", retry_after_s=1.0)
        return Held(tenant, key, row.fingerprint, Answer(row.status, row.headers or {}, row.body or b""))

    def release(self, held: Held) -> None:
        """Give up a key whose request came to nothing, so that it can be tried again."""
        with self._database.write() as connection:
            connection.execute(sa.delete(idempotency).where(_held(held)))

    def void_running(self) -> None:
        """At the start of a sole process: whoever held a key is dead."""
        with self._database.write() as connection:
            connection.execute(sa.delete(idempotency).where(idempotency.c.state == "running"))


def settle(
    connection: sa.Connection,
    held: Held,
    fingerprint: str,
    answer: Answer,
    about: DocumentId | BatchId | None = None,
) -> None:
    """Record the answer in the transaction that does the work: both happen, or neither.

    It is forgotten with the document or the batch that it speaks of.
    """
    changed = connection.execute(
        sa.update(idempotency)
        .where(_held(held))
        .values(
            fingerprint=fingerprint,
            state="done",
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body,
            document_id=about,
        )
    ).rowcount
    if not changed:
        raise KeyInUse(detail="the Idempotency-Key was taken over by another request", retry_after_s=1.0)


def _holder_is_dead() -> sa.ColumnElement[bool]:
    return sa.and_(
        idempotency.c.process_id.is_not(None),
        ~sa.exists().where(processes.c.id == idempotency.c.process_id),
    )


def _held(held: Held) -> sa.ColumnElement[bool]:
    return sa.and_(
        idempotency.c.tenant_id == held.tenant,
        idempotency.c.key == held.key,
        idempotency.c.state == "running",
        idempotency.c.fingerprint == held.fingerprint,
    )


def sweep(connection: sa.Connection) -> int:
    """Forget keys older than 24 hours."""
    old = idempotency.c.created_at < now_us() - KEPT_US
    return int(connection.execute(sa.delete(idempotency).where(old)).rowcount)

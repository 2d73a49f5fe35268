"""The work behind POSTs that make documents and runs: hold the idempotency key, receive, commit, answer."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from anyio import to_thread
from fastapi import Request
from fastapi.responses import Response

from schemas.ids import DocumentId, RunId, TenantId
from services import idempotency
from services.api.answers import JSON
from services.container import Parts
from services.idempotency import Answer, Held
from services.ingest import Commit

Shown = Callable[[sa.Connection, TenantId, str, str], bytes]
"""The JSON to record for a document and run, read in the transaction that made them."""


@dataclass(frozen=True, slots=True)
class Once:
    """One POST under an Idempotency-Key, or under none."""

    tenant: TenantId
    path: str
    held: Held | None

    def fingerprint(self, origin: str, members: dict[str, Any]) -> str:
        """Over path, document and request. A password counts, but only as a slow hash of it is kept."""
        members = dict(members)
        password = members.pop("password", None)
        digest = hashlib.sha256(f"POST {self.path}\n{origin}\n".encode())
        digest.update(orjson.dumps(members, option=orjson.OPT_SORT_KEYS))
        if password is not None:
            salt = digest.digest()
            digest.update(hashlib.scrypt(str(password).encode(), salt=salt, n=2**14, r=8, p=1))
        return digest.hexdigest()

    def replay(self, fingerprint: str) -> Answer | None:
        return self.held.replay(fingerprint) if self.held is not None else None

    def commit(self, fingerprint: str, shown: Shown, location: Callable[[str, str], str]) -> Commit | None:
        """What records the answer in the creating transaction."""
        held = self.held
        if held is None:
            return None

        def record(connection: sa.Connection, document: DocumentId, run: RunId) -> None:
            body = shown(connection, self.tenant, document, run)
            headers = {"Location": location(document, run), "X-Quire-Ids": f"{document} {run}"}
            idempotency.settle(connection, held, fingerprint, Answer(202, headers, body), document)

        return record


@asynccontextmanager
async def once(request: Request, parts: Parts, tenant: TenantId, key: str | None) -> AsyncIterator[Once]:
    """Hold the key for the length of the request; a request that fails gives it back.

    Refused before the body is read when too much waits already; what was answered before is answered again.
    """
    if key is None:
        await to_thread.run_sync(parts.admission.admit, tenant)
        yield Once(tenant, request.url.path, None)
        return
    held = await to_thread.run_sync(parts.keys.hold, tenant, key)
    try:
        if held.answer is None:
            await to_thread.run_sync(parts.admission.admit, tenant)
        yield Once(tenant, request.url.path, held)
    except BaseException:
        await to_thread.run_sync(parts.keys.release, held)
        raise


def together(*commits: Commit | None) -> Commit:
    """Several things in one transaction."""

    def commit(connection: sa.Connection, document: DocumentId, run: RunId) -> None:
        for each in commits:
            if each is not None:
                each(connection, document, run)

    return commit


def ids_of(answer: Answer) -> tuple[str, str]:
    """Document and run of a recorded answer."""
    document, run = answer.headers["X-Quire-Ids"].split()
    return document, run


def replayed(answer: Answer) -> Response:
    """The recorded answer again, byte for byte."""
    headers = {"Location": answer.headers["Location"], "Idempotency-Replayed": "true"}
    return Response(answer.body, status_code=answer.status, media_type=JSON, headers=headers)

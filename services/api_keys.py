"""The life of API keys: made and shown once, listed, rotated with an overlap, revoked."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from schemas.errors import Conflict, NotFound, RequestInvalid
from schemas.ids import KeyId, TenantId, key_id
from services.access import PREFIX, Scope, digest_of, spelled
from services.stores import audit_rows, key_rows
from services.stores.audit_rows import Action
from services.stores.engine import Database
from services.stores.key_rows import KeyRow

_BYTES = 32
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_MAX_NAME = 100
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key. The secret is not stored and cannot be shown again."""

    id: KeyId
    secret: str


class ApiKeys:
    """The keys of one database; what may be done with them is `services.access`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        tenant: TenantId,
        name: str,
        scopes: Collection[Scope],
        lifetime_s: int | None = None,
        rate_per_minute: int | None = None,
    ) -> Issued:
        """A key of a tenant, which need not exist before."""
        check_tenant(tenant)
        if not 1 <= len(name) <= _MAX_NAME or not name.isprintable():
            detail = f"a key's name has 1 to {_MAX_NAME} printable characters"
            raise RequestInvalid("key_name_malformed", detail)
        if not scopes:
            raise RequestInvalid("scopes_missing", f"name at least one scope: {', '.join(Scope)}")
        issued = _issue()
        with self._database.write() as connection:
            key_rows.add(
                connection,
                issued.id,
                tenant,
                digest_of(issued.secret),
                name=name,
                scopes=spelled(scopes),
                lifetime_us=lifetime_s * _SECOND if lifetime_s is not None else None,
                rate_per_minute=rate_per_minute,
            )
            audit_rows.note(connection, tenant, Action.KEY_CREATED, issued.id)
        return issued

    def all(self, tenant: TenantId | None = None) -> list[KeyRow]:
        with self._database.read() as connection:
            return key_rows.all_of(connection, tenant)

    def rotate(self, key: str, overlap_s: int) -> Issued:
        """Another key with the same rights and as long a life; the old one works for a while yet."""
        issued = _issue()
        with self._database.write() as connection:
            row = key_rows.get(connection, key)
            if row is None:
                raise _no_key()
            if row.revoked_at is not None or row.expired:
                raise Conflict("key_over", "this key has ended; make a new one")
            life = row.expires_at - row.created_at if row.expires_at is not None else None
            key_rows.add(
                connection,
                issued.id,
                row.tenant,
                digest_of(issued.secret),
                name=row.name,
                scopes=row.scopes,
                lifetime_us=life,
                rate_per_minute=row.rate_per_minute,
                replaces=row.id,
            )
            key_rows.end_within(connection, row.id, overlap_s * _SECOND)
            audit_rows.note(connection, row.tenant, Action.KEY_ROTATED, row.id)
        return issued

    def revoke(self, key: str) -> None:
        """From the next request on it opens nothing; twice is once."""
        with self._database.write() as connection:
            row = key_rows.get(connection, key)
            if row is None:
                raise _no_key()
            key_rows.revoke(connection, row.id)
            audit_rows.note(connection, row.tenant, Action.KEY_REVOKED, row.id)


def check_tenant(tenant: str) -> None:
    if not _TENANT.fullmatch(tenant):
        detail = "a tenant's name has 1 to 63 of a-z, 0-9, '_', '-' and begins with a letter or digit"
        raise RequestInvalid("tenant_malformed", detail)


def _issue() -> Issued:
    return Issued(key_id(), PREFIX + secrets.token_urlsafe(_BYTES))


def _no_key() -> NotFound:
    return NotFound("key_not_found", "there is no key of this id")

"""Who calls and what they may: a key decides; where none is asked for, whoever gets here is local."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import Refused
from schemas.ids import DEFAULT_TENANT, KeyId, TenantId
from services import mode
from services.rates import Allowance, Rates
from services.settings import Settings
from services.stores import key_rows
from services.stores.engine import Database

PREFIX = "qk_"


class Scope(StrEnum):
    """What a key may do. ``admin`` may do everything in its tenant; the others do not imply one another."""

    SUBMIT = "submit"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Unauthorized(Refused):
    """No key, or one that does not open anything (401)."""

    status = 401
    code = "unauthorized"
    challenge = 'Bearer realm="quire"'


class KeyRefused(Unauthorized):
    code = "key_unknown"
    challenge = 'Bearer realm="quire", error="invalid_token"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose documents a request may see, and who answers for what it changes."""

    tenant: TenantId
    name: str
    scopes: frozenset[Scope]
    key: KeyId | None = None
    rate_per_minute: int | None = None
    """None: the service's; 0: without limit."""

    def require(self, scope: Scope) -> None:
        """Raises `Refused` (403) when the key may not do this."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            missing = Refused("scope_missing", f"this key lacks the scope {scope}")
            missing.challenge = f'Bearer realm="quire", error="insufficient_scope", scope="{scope}"'
            raise missing


LOCAL = Caller(DEFAULT_TENANT, "local", frozenset(Scope))


class Access:
    """Tells callers by their keys. ``required``: without one nobody gets in.

    Where keys are not required one may be used all the same; other bearer tokens are none of ours there.
    """

    def __init__(self, database: Database, *, required: bool, per_minute: int = 0) -> None:
        self._database = database
        self._rates = Rates(database, per_minute)
        self.required = required

    def admit(self, key: str | None, scopes: Iterable[Scope]) -> tuple[Caller, Allowance | None]:
        """Who calls, if they may do this, and now; and how often they still may, where that is bounded."""
        caller = self.caller(key)
        for scope in scopes:
            caller.require(scope)
        if caller.key is None:
            return caller, None
        return caller, self._rates.take(caller.tenant, caller.key, caller.rate_per_minute)

    def caller(self, key: str | None) -> Caller:
        if not self.required and (key is None or not key.startswith(PREFIX)):
            return LOCAL
        if key is None:
            raise Unauthorized(detail="send an API key: Authorization: Bearer qk_…")
        with self._database.read() as connection:
            row = key_rows.find(connection, digest_of(key))
        if row is None:
            raise KeyRefused(detail="there is no such API key")
        if row.revoked_at is not None:
            raise KeyRefused("key_revoked", "this API key has been revoked")
        if row.expired:
            raise KeyRefused("key_expired", "this API key has expired")
        if row.idle:
            with self._database.write() as connection:
                key_rows.used(connection, row.id)
        return Caller(row.tenant, row.name, scopes_of(row.scopes), row.id, row.rate_per_minute)

    def any_key(self) -> bool:
        """Whether anybody could get in."""
        with self._database.read() as connection:
            return key_rows.any_alive(connection)


def access_for(settings: Settings, role: mode.Role, database: Database) -> Access:
    """As the settings have it. A service that nobody could call does not start."""
    required = mode.keys_required(settings, role)
    access = Access(database, required=required, per_minute=settings.rate_per_minute)
    if access.required and not access.any_key():
        raise mode.SettingsRefused(
            detail="callers need an API key here (QUIRE_REQUIRE_KEYS) and there is none: "
            "make one with quire keys create"
        )
    return access


def digest_of(key: str) -> str:
    """Keys are random, so a fast hash keeps them as secret as a slow one would."""
    return hashlib.sha256(key.encode()).hexdigest()


def spelled(scopes: Collection[Scope]) -> str:
    return ",".join(scope for scope in Scope if scope in scopes)


def scopes_of(text: str) -> frozenset[Scope]:
    """A name that is not known, written by a newer version, gives no right."""
    return frozenset(Scope(name) for name in text.split(",") if name in set(Scope))

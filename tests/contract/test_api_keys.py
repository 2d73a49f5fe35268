"""API keys on both databases: what opens, for whom, until when; the secret is nowhere."""

import re

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Conflict, NotFound, Refused, RequestInvalid
from schemas.ids import DEFAULT_TENANT, TenantId
from services.access import LOCAL, Access, Scope, Unauthorized, scopes_of, spelled
from services.api_keys import ApiKeys
from services.stores.access_tables import api_keys
from services.stores.engine import Database, now_us

ACME = TenantId("acme")


@pytest.fixture
def keys(database: Database) -> ApiKeys:
    return ApiKeys(database)


@pytest.fixture
def access(database: Database) -> Access:
    return Access(database, required=True)


def _refused(access: Access, key: str | None) -> str:
    with pytest.raises(Unauthorized) as refused:
        access.caller(key)
    assert refused.value.status == 401
    assert refused.value.challenge is not None
    assert refused.value.challenge.startswith("Bearer")
    return refused.value.code


def test_a_key_says_who_calls_and_what_they_may(keys: ApiKeys, access: Access) -> None:
    issued = keys.create(ACME, "robot", [Scope.READ, Scope.SUBMIT])
    caller = access.caller(issued.secret)
    assert (caller.tenant, caller.name, caller.key) == (ACME, "robot", issued.id)
    caller.require(Scope.READ)
    with pytest.raises(Refused, match="scope_missing") as refused:
        caller.require(Scope.WRITE)
    assert refused.value.status == 403
    assert 'scope="write"' in (refused.value.challenge or "")
    admin = access.caller(keys.create(ACME, "boss", [Scope.ADMIN]).secret)
    for scope in Scope:
        admin.require(scope)


def test_what_is_no_key_opens_nothing(keys: ApiKeys, access: Access) -> None:
    secret = keys.create(ACME, "robot", [Scope.READ]).secret
    assert _refused(access, None) == "unauthorized"
    for other in ("", "qk_", secret[:-1], secret + "x", secret.swapcase(), f"{secret}\x00", "qk_é"):
        assert _refused(access, other) == "key_unknown"


def test_where_none_is_needed_everybody_is_local_but_a_key_still_counts(
    database: Database, keys: ApiKeys
) -> None:
    access = Access(database, required=False)
    assert access.caller(None) == access.caller("a token of something in front") == LOCAL
    assert access.caller(keys.create(ACME, "robot", [Scope.READ]).secret).tenant == ACME
    assert _refused(access, "qk_other") == "key_unknown"


def test_a_key_ends_at_its_time_or_at_once(database: Database, keys: ApiKeys, access: Access) -> None:
    brief = keys.create(ACME, "brief", [Scope.READ], lifetime_s=3600)
    access.caller(brief.secret)
    _let_pass(database, 3601)
    assert _refused(access, brief.secret) == "key_expired"
    lasting = keys.create(ACME, "lasting", [Scope.READ])
    for _ in range(2):
        keys.revoke(lasting.id)
    assert _refused(access, lasting.secret) == "key_revoked"
    assert not access.any_key()
    with pytest.raises(NotFound):
        keys.revoke("key_none")


def test_rotation_leaves_time_to_change_over(database: Database, keys: ApiKeys, access: Access) -> None:
    old = keys.create(ACME, "robot", [Scope.READ], lifetime_s=90 * 86_400)
    new = keys.rotate(old.id, overlap_s=60)
    for key in (old, new):
        caller = access.caller(key.secret)
        assert (caller.tenant, caller.name, caller.scopes) == (ACME, "robot", frozenset({Scope.READ}))
    _let_pass(database, 61)
    assert _refused(access, old.secret) == "key_expired"
    access.caller(new.secret)
    rows = {row.id: row for row in keys.all(ACME)}
    assert rows[new.id].replaces == old.id
    life = (rows[new.id].expires_at or 0) - rows[new.id].created_at
    assert abs(life - 90 * 86_400_000_000) < 1_000_000
    with pytest.raises(Conflict, match="key_over"):
        keys.rotate(old.id, 60)


def test_rotation_never_lengthens_the_life_of_the_old_key(keys: ApiKeys) -> None:
    old = keys.create(ACME, "robot", [Scope.READ], lifetime_s=60)
    before = keys.all(ACME)[0].expires_at
    keys.rotate(old.id, overlap_s=3600)
    assert keys.all(ACME)[0].expires_at == before


def test_last_use_is_noted_to_the_minute(database: Database, keys: ApiKeys, access: Access) -> None:
    issued = keys.create(ACME, "robot", [Scope.READ])
    assert keys.all()[0].last_used_at is None
    access.caller(issued.secret)
    first = keys.all()[0].last_used_at
    assert first is not None
    access.caller(issued.secret)
    assert keys.all()[0].last_used_at == first
    _let_pass(database, 61)
    access.caller(issued.secret)
    assert (keys.all()[0].last_used_at or 0) >= first


def test_only_a_hash_is_stored(database: Database, keys: ApiKeys) -> None:
    issued = keys.create(ACME, "robot", [Scope.READ])
    assert re.fullmatch(r"qk_[A-Za-z0-9_-]{43}", issued.secret)
    with database.read() as connection:
        stored = str(connection.execute(sa.select(api_keys)).all())
    assert issued.secret not in stored
    assert issued.secret.removeprefix("qk_")[:12] not in stored
    assert issued.secret not in repr(keys.all())


def test_keys_are_listed_by_tenant(keys: ApiKeys) -> None:
    first = keys.create(ACME, "a", [Scope.READ])
    second = keys.create(DEFAULT_TENANT, "b", list(Scope))
    assert [row.id for row in keys.all()] == [first.id, second.id]
    assert [row.id for row in keys.all(ACME)] == [first.id]
    assert keys.all()[1].scopes == "submit,read,write,admin"


@pytest.mark.parametrize("tenant", ["", "Acme", "a b", "-a", "a/b", "x" * 64, "ä"])
def test_tenants_have_plain_names(keys: ApiKeys, tenant: str) -> None:
    with pytest.raises(RequestInvalid, match="tenant_malformed"):
        keys.create(TenantId(tenant), "robot", [Scope.READ])


@given(st.sets(st.sampled_from(Scope)))
def test_scopes_are_read_as_they_were_written(scopes: set[Scope]) -> None:
    assert scopes_of(spelled(scopes)) == scopes
    assert scopes_of(spelled(scopes) + ",future") == scopes


def _let_pass(database: Database, seconds: int) -> None:
    """As if every key had been made, and its end set, so much earlier."""
    us = seconds * 1_000_000
    with database.write() as connection:
        connection.execute(
            sa.update(api_keys).values(
                {name: api_keys.c[name] - us for name in ("created_at", "expires_at", "last_used_at")}
            )
        )
        assert connection.scalar(sa.select(now_us()))

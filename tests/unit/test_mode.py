"""Which processes the URLs allow; what cannot work is refused by the name of the setting."""

import pytest

from pipeline.ledger import Queue
from services.cli_processes import queues_of
from services.mode import Role, SettingsRefused, keys_required, require
from services.settings import SettingsInvalid, from_environment

SHARED = {
    "QUIRE_DATABASE_URL": "postgresql://me:hunter2@db/x",
    "QUIRE_BROKER_URL": "redis://broker",
    "QUIRE_BLOBS_URL": "s3://store/bucket",
}


def _require(role: Role, **settings: str) -> None:
    require(from_environment(settings), role)


def test_an_empty_environment_serves_and_nothing_else() -> None:
    _require(Role.SERVE)
    for role in (Role.API, Role.WORKER, Role.SWEEP):
        with pytest.raises(SettingsRefused, match=r"QUIRE_DATABASE_URL.*SQLite"):
            _require(role)


def test_shared_services_carry_every_process() -> None:
    for role in Role:
        _require(role, **SHARED)


@pytest.mark.parametrize("missing", SHARED)
def test_processes_need_all_three(missing: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        _require(Role.WORKER, **{name: url for name, url in SHARED.items() if name != missing})
    assert missing in refused.value.detail or missing == "QUIRE_DATABASE_URL"
    assert "hunter2" not in refused.value.detail


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("QUIRE_DATABASE_URL", "mysql://db/x"),
        ("QUIRE_BROKER_URL", "amqp://broker"),
        ("QUIRE_BLOBS_URL", "gs://bucket"),
        ("QUIRE_BLOBS_URL", "bucket"),
    ],
)
def test_what_has_no_adapter_is_refused_by_name(name: str, url: str) -> None:
    with pytest.raises(SettingsRefused, match=name):
        _require(Role.SERVE, **{**SHARED, name: url})


def test_a_broker_beside_sqlite_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="SQLite"):
        _require(Role.SERVE, QUIRE_BROKER_URL="redis://broker")


@pytest.mark.parametrize(
    ("settings", "serve", "api"),
    [
        ({}, False, True),
        ({"QUIRE_HOST": "::1"}, False, True),
        ({"QUIRE_HOST": "0.0.0.0"}, True, True),
        ({"QUIRE_REQUIRE_KEYS": "true"}, True, True),
        ({"QUIRE_REQUIRE_KEYS": "false"}, False, False),
        ({"QUIRE_HOST": "0.0.0.0", "QUIRE_INSECURE_NO_KEYS": "true"}, False, False),
    ],
)
def test_only_a_laptop_asks_nobody_for_a_key_unless_told_to(
    settings: dict[str, str], serve: bool, api: bool
) -> None:
    for role, expected in ((Role.SERVE, serve), (Role.API, api)):
        _require(role, **SHARED, **settings)
        assert keys_required(from_environment(settings), role) == expected


def test_beyond_loopback_keys_are_given_up_only_by_saying_that_it_is_insecure() -> None:
    for role in (Role.SERVE, Role.API):
        with pytest.raises(SettingsRefused, match="others can reach"):
            _require(role, **SHARED, QUIRE_HOST="0.0.0.0", QUIRE_REQUIRE_KEYS="false")
        with pytest.raises(SettingsRefused, match="contradict"):
            _require(role, **SHARED, QUIRE_REQUIRE_KEYS="true", QUIRE_INSECURE_NO_KEYS="true")


def test_queues_are_given_once_or_often_and_raster_brings_plan() -> None:
    assert queues_of([]) == tuple(Queue)
    assert queues_of(["read, finish", "deliver"]) == (Queue.READ, Queue.FINISH, Queue.DELIVER)
    assert queues_of(["raster"]) == (Queue.PLAN, Queue.RASTER, Queue.BATCH)
    assert queues_of(["plan"]) == (Queue.PLAN,)
    with pytest.raises(SettingsInvalid, match="--queue ocr: the queues are plan, raster"):
        queues_of(["ocr"])

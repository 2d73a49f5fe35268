"""Settings come from QUIRE_* names alone, and a wrong one is refused by its name."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from services.settings import Settings, SettingsInvalid, from_environment


def test_an_empty_environment_is_the_embedded_service() -> None:
    settings = from_environment({"HOME": "/home/x", "DATABASE_URL": "postgresql://elsewhere"})
    assert (settings.database_url, settings.broker_url, settings.blobs_url) == (None, None, None)
    assert settings.host == "127.0.0.1"
    assert settings.engine_url == "cpu://"


def test_a_misspelt_name_is_refused_with_the_right_one() -> None:
    with pytest.raises(SettingsInvalid, match="QUIRE_DATABSE_URL; did you mean QUIRE_DATABASE_URL"):
        from_environment({"QUIRE_DATABSE_URL": "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIRE_PORT", "70000"),
        ("QUIRE_PORT", "http"),
        ("QUIRE_SOURCE_ALLOW", "10.0.0.1/8"),
        ("QUIRE_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        from_environment({name: value})


def test_options_win_over_the_environment_and_empty_values_do_not_count() -> None:
    settings = from_environment(
        {"QUIRE_PORT": "1", "QUIRE_DATA_DIR": "/x", "QUIRE_BLOBS_URL": " "}, port=2, data_dir=None
    )
    assert (settings.port, settings.data_dir, settings.blobs_url) == (2, Path("/x"), None)


def test_lists_are_separated_by_commas() -> None:
    settings = from_environment({"QUIRE_SOURCE_ALLOW": "10.0.0.0/8, 192.168.7.0/24"})
    assert settings.source_allow == (IPv4Network("10.0.0.0/8"), IPv4Network("192.168.7.0/24"))


def test_constructing_settings_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_PORT", "1234")
    assert Settings().port == 8088
    assert from_environment({"QUIRE_PORT": "1235"}).port == 1235


def test_secrets_in_urls_are_not_shown() -> None:
    settings = from_environment({"QUIRE_DATABASE_URL": "postgresql://me:hunter2@db/x"})
    assert "hunter2" not in repr(settings)

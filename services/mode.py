"""Which processes the URLs in the settings allow, and which combinations are refused by name."""

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import SecretStr

from schemas.errors import Unsupported
from services.retention import SERVER_HOURS, Retention
from services.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Role(StrEnum):
    """What a process is, as its command says."""

    SERVE = "serve"
    API = "api"
    WORKER = "worker"
    SWEEP = "sweep"


class SettingsRefused(Unsupported):
    """Settings that contradict each other or the command; the text names them."""

    code = "unsupported_setting"


def database_url(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return f"sqlite:///{settings.data_dir / 'quire.db'}"


def shared(settings: Settings) -> bool:
    """Whether other processes may work on the same store."""
    return _scheme(settings.database_url) == "postgresql"


def require(settings: Settings, role: Role) -> None:
    """Refuse by name what cannot work; nothing is reached for here (see `quire doctor`)."""
    _known(settings)
    if role is not Role.SERVE:
        _require_shared(settings, role)
    if role in (Role.SERVE, Role.API):
        _require_keys(settings)


def keys_required(settings: Settings, role: Role) -> bool:
    """Whether a process that answers requests asks callers for an API key."""
    if settings.require_keys is not None:
        return settings.require_keys
    return not settings.insecure_no_keys and (role is Role.API or settings.host not in _LOOPBACK)


def retention(settings: Settings) -> Retention:
    """How long documents are kept where nobody says: a server's are not there for ever."""
    if settings.retention_hours is None:
        return Retention(SERVER_HOURS if shared(settings) else None)
    return Retention(settings.retention_hours)


def _require_keys(settings: Settings) -> None:
    if settings.require_keys and settings.insecure_no_keys:
        raise SettingsRefused(detail="QUIRE_REQUIRE_KEYS and QUIRE_INSECURE_NO_KEYS contradict each other")
    open_to_all = settings.require_keys is False and settings.host not in _LOOPBACK
    if open_to_all and not settings.insecure_no_keys:
        raise SettingsRefused(
            detail=f"QUIRE_HOST is {settings.host}, which others can reach, and QUIRE_REQUIRE_KEYS is false: "
            "listen on 127.0.0.1, ask for keys, or set QUIRE_INSECURE_NO_KEYS=true where something in front "
            "checks callers"
        )


def _known(settings: Settings) -> None:
    database, broker, blobs = (
        _scheme(url) for url in (settings.database_url, settings.broker_url, settings.blobs_url)
    )
    _expect("QUIRE_DATABASE_URL", database, ("", "postgresql"), "postgresql://user:password@host/name")
    _expect("QUIRE_BROKER_URL", broker, ("", "redis", "rediss"), "redis://host:6379/0")
    _expect("QUIRE_BLOBS_URL", blobs, ("", "file", "s3"), "file:///folder or s3://")
    if broker and not database:
        raise SettingsRefused(
            detail="QUIRE_BROKER_URL carries wakes between processes, but several processes cannot share "
            "SQLite: set QUIRE_DATABASE_URL to a postgresql:// URL, or leave both empty"
        )


def _require_shared(settings: Settings, role: Role) -> None:
    missing = {
        "QUIRE_DATABASE_URL": (
            settings.database_url,
            "several processes cannot share SQLite",
            "postgresql://",
        ),
        "QUIRE_BROKER_URL": (settings.broker_url, "wakes would stay inside this process", "redis://"),
        "QUIRE_BLOBS_URL": (settings.blobs_url, "all processes must see the same files", "s3:// or file://"),
    }
    for name, (url, why, form) in missing.items():
        if url is None:
            raise SettingsRefused(
                detail=f"quire {role} needs {name} ({form}): {why}; quire serve needs none of them"
            )


def _expect(name: str, scheme: str, known: tuple[str, ...], form: str) -> None:
    if scheme not in known:
        raise SettingsRefused(
            detail=f"{name} is set to a {scheme} URL, for which this version has no adapter; "
            f"the form is {form}, and empty means inside this process"
        )


def _scheme(url: SecretStr | None) -> str:
    """Empty when there is none; SQLAlchemy's driver suffix is not ours to judge."""
    if url is None:
        return ""
    return urlsplit(url.get_secret_value()).scheme.partition("+")[0][:20] or "malformed"

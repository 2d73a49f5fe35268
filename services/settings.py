"""What can be set from outside: the QUIRE_* variables, their defaults and their limits."""

import difflib
import os
import sys
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.errors import BadInput

PREFIX = "QUIRE_"
_OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


class SettingsInvalid(BadInput):
    """A QUIRE_* variable that does not exist or whose value does not fit; the text names it."""

    code = "settings_invalid"


def default_data_dir() -> Path:
    """The user's own data folder, as the platform has it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "quire"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "quire"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "quire"


class Settings(BaseSettings):
    """Everything has a default: an empty environment is the embedded service."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir)
    """Folder of the embedded service: database, blobs, uploads in progress."""

    database_url: SecretStr | None = None
    """``postgresql://user:password@host/name``. Unset: SQLite in the data folder."""

    broker_url: SecretStr | None = None
    """``redis://host:6379/0``. Unset: wakes stay inside the one process."""

    blobs_url: SecretStr | None = None
    """``s3://KEY:SECRET@host:port/bucket/prefix``; unset: a folder under the data folder."""

    blob_cache_bytes: int = Field(default=4_294_967_296, ge=0)
    """Of local copies that one process keeps of files in a bucket; those being read are kept beyond it."""

    engine_url: str = "cpu://"
    """Which engine reads pages: ``cpu://`` (OCR on this machine) or ``scripted://`` (for tests)."""

    engine_key: SecretStr | None = None
    """Sent as a bearer token to engines that are spoken to over HTTP."""

    vllm: str | None = None
    """vLLM's program, for `quire model serve`; unset: ``vllm`` on PATH."""

    host: str = "127.0.0.1"
    port: int = Field(default=8088, ge=0, le=65535)
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Host names the service answers to besides those of loopback."""

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call the service besides its own."""

    max_upload_bytes: int = Field(default=1_073_741_824, ge=1)
    max_request_bytes: int = Field(default=1_048_576, ge=1024)
    """Of everything in a POST that is not the document: schema, questions, labels."""

    max_json_bytes: int = Field(default=67_108_864, ge=1024)
    """Of a JSON body that carries a document as base64; larger ones are sent as multipart."""

    max_archive_bytes: int = Field(default=10_737_418_240, ge=1)
    """Of an archive posted to ``/v1/batches``; for each of its members, ``max_upload_bytes`` holds."""

    max_batch_members: int = Field(default=200_000, ge=1, le=1_000_000)
    """Entries of an archive, objects below a prefix, or sources; empty ones and folders count too."""

    max_batch_bytes: int = Field(default=68_719_476_736, ge=1)
    """That may come out of one archive."""

    max_archive_ratio: int = Field(default=200, ge=1)
    """Bytes that may come out of an archive for each of its own, beyond the first 64 MiB."""

    max_backlog_pages: int = Field(default=200_000, ge=1)
    """Of one tenant that may wait to be read; further POSTs answer 429. A document not yet opened is one."""

    source_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks that URL sources may reach although they are private, e.g. ``10.1.0.0/16``."""

    source_buckets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Where documents may be read from: ``TENANT=s3://KEY:SECRET@host/bucket/prefix``, ``*=…`` for all."""

    reach_public: bool = True
    """Whether URL sources and webhooks may reach public addresses; if not, only the networks that are listed
    in ``source_allow`` and ``webhook_allow``."""

    upload_url_s: int = Field(default=3600, ge=60, le=86_400)
    """How long a client may begin to use the URL it got from ``POST /v1/uploads``."""

    source_timeout_s: float = Field(default=60.0, gt=0, le=3600)

    webhook_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks that webhooks may be delivered to although they are private, e.g. ``127.0.0.0/8``."""

    webhook_timeout_s: float = Field(default=10.0, gt=0, le=60)
    """How long a receiver may take to accept a delivery."""

    webhook_retry_s: float = Field(default=86_400.0, ge=0, le=604_800)
    """How long a delivery is tried again; an endpoint that nothing reached for so long is disabled."""

    cpu_processes: int | None = Field(default=None, ge=1, le=256)
    """Child processes that render and read pages; unset: the number of cores."""

    cpu_step_timeout_s: float = Field(default=50.0, gt=0, le=3600)
    """How long one step on one page may take in a child process before it is ended."""

    cpu_memory_bytes: int = Field(default=2_147_483_648, ge=268_435_456)
    """How much memory one child process may use before it is ended."""

    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Where a process shows `/metrics` and `/healthz`: the first free port from here on; unset: nowhere."""

    otlp_url: str | None = Field(default=None, pattern="^https?://[^/]")
    """Collector of traces, ``http://127.0.0.1:4318``; or OTEL_EXPORTER_OTLP_ENDPOINT. Unset: no traces."""

    lease_s: float = Field(default=30.0, ge=1, le=3600)
    """A process silent for so long is given up, and others do its work; the same for all processes."""

    shutdown_s: float = Field(default=20.0, ge=0, le=3600)
    """How long a worker that is asked to stop may go on with what it has begun, before it hands it back."""

    imap_password: SecretStr | None = None
    """Of the mailbox that `quire imap` reads."""

    api_key: SecretStr | None = None
    """For commands that talk to a service elsewhere (``--url``): the key they show it."""

    require_keys: bool | None = None
    """Whether callers need an API key. Unset: not from `quire serve` on loopback, otherwise they do."""

    rate_per_minute: int = Field(default=6000, ge=0, le=1_000_000)
    """Requests of one key a minute, unless the key has its own rate; 0: as many as it likes."""

    retention_hours: int | None = Field(default=None, ge=0, le=876_000)
    """How long documents are kept where neither request nor tenant says; 0: until they are deleted. Unset:
    until then in the embedded service, 30 days on Postgres."""

    audit_days: int = Field(default=365, ge=1, le=36_500)
    """How long entries of the audit log are kept."""

    insecure_no_keys: bool = False
    """Ask nobody for a key, on any address: anybody there may then do anything."""

    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(default="auto", pattern="^(auto|console|json)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment is read in `from_environment` alone, so that constructing settings never does."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


_LISTS = ("allowed_hosts", "allowed_origins", "source_allow", "source_buckets", "webhook_allow")


def from_environment(environment: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings of an environment; options of the command line (``overrides`` that are not None) win.

    pydantic-settings ignores misspelt names in the environment; here they are refused by name.
    """
    given = {name: text for name, text in environment.items() if name.upper().startswith(PREFIX)}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(given):
        if name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsInvalid(detail=f"unknown setting {name}{hint}")
    values: dict[str, Any] = {}
    for name, text in given.items():
        field = name.upper().removeprefix(PREFIX).lower()
        if text.strip():
            values[field] = _items(text) if field in _LISTS else text.strip()
    if "otlp_url" not in values and environment.get(_OTLP):
        values["otlp_url"] = environment[_OTLP]
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        faults = [f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        raise SettingsInvalid(detail="; ".join(faults)) from None


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]

"""Asks each service that a URL names whether it answers, for a few seconds at most."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.ports import BlobKey
from schemas.errors import QuireError, StoreUnavailable
from schemas.ids import DEFAULT_TENANT, Digest
from services import mode
from services.settings import Settings
from services.stores import migrate, s3_bucket
from services.stores.choose import blobs_of, bucket_of
from services.stores.engine import Database

_PATIENCE_S = 3
_NO_DIGEST = Digest("0" * 64)


def database(settings: Settings) -> str:
    """Which server answers, and that it is on the right revision; raises our errors, with how to mend it."""
    url = sa.make_url(mode.database_url(settings))
    store = Database(url.update_query_dict({"connect_timeout": str(_PATIENCE_S)}).render_as_string(False))
    try:
        with store.read() as connection:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        migrate.require(store)
    finally:
        store.close()
    return f"Postgres {version} at {_place(str(url.host), url.port)}, revision {migrate.wanted()}"


def broker(settings: Settings) -> str:
    assert settings.broker_url is not None
    url = settings.broker_url.get_secret_value()
    client: Any = redis.Redis.from_url(
        url,
        socket_timeout=_PATIENCE_S,
        socket_connect_timeout=_PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        version = client.info("server")["redis_version"]
    except (redis.RedisError, OSError, ValueError) as error:
        raise StoreUnavailable("broker_unavailable", f"no answer: {type(error).__name__}") from None
    finally:
        with suppress(redis.RedisError, OSError):
            client.close()
    parts = urlsplit(url)
    return f"Redis {version} at {_place(parts.hostname or 'localhost', parts.port)}"


def blobs(settings: Settings) -> str:
    """Tries the bucket out; asks a folder for something that is not there."""
    assert settings.blobs_url is not None
    location = bucket_of(settings)
    if location is not None:
        s3_bucket.probe(location)
        return f"bucket {location.bucket} on {location.host}"
    store = blobs_of(settings)
    try:
        store.size(BlobKey(DEFAULT_TENANT, _NO_DIGEST, 0))
    finally:
        store.close()
    parts = urlsplit(settings.blobs_url.get_secret_value())
    return f"{parts.scheme}://{parts.path}"


def _place(host: str, port: int | None) -> str:
    return f"{host}:{port}" if port else host


def why(error: QuireError) -> str:
    """What stopped us, without the address, which may hold a password."""
    cause = error.__cause__
    return f"{error.detail}" + (f" ({type(cause).__name__})" if cause is not None else "")

"""Chooses where blobs are kept, by QUIRE_BLOBS_URL."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.ports import Blobs
from schemas.errors import Unsupported
from services.settings import Settings
from services.stores.blob_cache import FileCache
from services.stores.blobs_local import LocalBlobs
from services.stores.blobs_s3 import S3Blobs
from services.stores.s3_client import connect
from services.stores.s3_url import S3Location, parse_s3_url

BLOBS_URL = "QUIRE_BLOBS_URL"


def blobs_of(settings: Settings, environment: Mapping[str, str] = os.environ) -> Blobs:
    """A folder, by default one below the data folder, or a bucket; nothing is connected to yet."""
    location = bucket_of(settings, environment)
    if location is None:
        return LocalBlobs(_folder_of(settings))
    cache = FileCache(settings.data_dir / "blob-cache", settings.blob_cache_bytes)
    return S3Blobs(connect(location), location, cache)


def bucket_of(settings: Settings, environment: Mapping[str, str] = os.environ) -> S3Location | None:
    """The bucket that QUIRE_BLOBS_URL names; None when it is a folder."""
    text = settings.blobs_url.get_secret_value() if settings.blobs_url is not None else "file:"
    scheme = text.partition(":")[0]
    if scheme == "file":
        return None
    if scheme != "s3":
        raise Unsupported(
            "unsupported_setting",
            f"{BLOBS_URL}: there is no adapter for it; leave it empty for a folder in QUIRE_DATA_DIR, or use "
            "file:///folder or s3://KEY:SECRET@host:port/bucket/prefix",
        )
    return parse_s3_url(text, environment, BLOBS_URL)


def _folder_of(settings: Settings) -> Path:
    if settings.blobs_url is None:
        return settings.data_dir / "blobs"
    parts = urlsplit(settings.blobs_url.get_secret_value())
    if parts.netloc or not parts.path.startswith("/"):
        raise Unsupported("unsupported_setting", f"{BLOBS_URL}: a folder is written file:///the/whole/path")
    return Path(unquote(parts.path))

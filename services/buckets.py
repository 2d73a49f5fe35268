"""Buckets outside of Quire that tenants may read documents from: which ones, and what is in them."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from minio import Minio
from minio.datatypes import Object

from schemas.errors import NotFound, StoreUnavailable
from schemas.ids import DEFAULT_TENANT, TenantId
from services.guard import SourceFailed, SourceRefused
from services.settings import SettingsInvalid
from services.stores.s3_client import connect, translated
from services.stores.s3_url import S3Location, parse_s3_url
from services.uploads import PayloadTooLarge, Receiver

SETTING = "QUIRE_SOURCE_BUCKETS"
_ITEM = re.compile(r"(?:(?P<tenant>\*|[A-Za-z0-9_-]{1,64})=)?(?P<url>s3://.*)", re.DOTALL)
_CHUNK = 65_536
_KEY_BYTES = 1024


class SourceObject(NamedTuple):
    """A file in a bucket, under the name that ``{"source": {"object": …}}`` takes."""

    url: str
    size: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """A bucket, or what lies below a prefix of it, and who may read it."""

    tenant: TenantId | None
    """None: every tenant."""

    location: S3Location

    def serves(self, tenant: TenantId, bucket: str, key: str) -> bool:
        here = self.location
        return self.tenant in (None, tenant) and bucket == here.bucket and key.startswith(here.prefix)


def parse_allowed(
    items: Sequence[str], environment: Mapping[str, str], own: S3Location | None
) -> list[Allowed]:
    """The items of QUIRE_SOURCE_BUCKETS: `TENANT=s3://…`, `*=s3://…` for all; without a name: default.

    Quire's own bucket is refused here, once, by its name on whatever host: one host has many names.
    """
    allowed = []
    for number, item in enumerate(items, 1):
        name = f"{SETTING}, item {number}"
        found = _ITEM.fullmatch(item)
        if found is None:
            raise SettingsInvalid(detail=f"{name}: neither s3://… nor TENANT=s3://…")
        location = parse_s3_url(found["url"], environment, name)
        if own is not None and location.bucket == own.bucket:
            raise SettingsInvalid(
                detail=f"{name}: {location.bucket} is the bucket of QUIRE_BLOBS_URL, "
                "which holds the files of all tenants and cannot be a source"
            )
        tenant = found["tenant"]
        allowed.append(Allowed(None if tenant == "*" else TenantId(tenant or DEFAULT_TENANT), location))
    return allowed


class Buckets:
    """Reads objects for tenants; a bucket that is not allowed and one that does not exist sound the same."""

    def __init__(self, allowed: Sequence[Allowed]) -> None:
        self._allowed = [(entry, connect(entry.location)) for entry in allowed]

    def fetch(self, tenant: TenantId, url: str, receiver: Receiver, timeout_s: float) -> None:
        """Stream an object to ``receiver``, which enforces size and type."""
        bucket, key = _split(url)
        if not key or key.endswith("/"):
            raise SourceRefused(detail="the address names no object: s3://bucket/key")
        client = self._client(tenant, bucket, key)
        deadline = time.monotonic() + timeout_s
        with _failures():
            response = client.get_object(bucket, key)
        try:
            if int(response.headers.get("content-length", 0)) > receiver.limit:
                raise PayloadTooLarge(detail=f"the document is larger than {receiver.limit} bytes")
            while True:
                with _failures():
                    data = response.read(_CHUNK)
                if not data:
                    return
                if time.monotonic() > deadline:
                    raise SourceFailed(detail=f"the source took longer than {timeout_s:g} s", retryable=True)
                receiver.write(data)
        finally:
            response.close()
            response.release_conn()

    def check(self, tenant: TenantId, url: str) -> None:
        """Raises `SourceRefused` for what this tenant may not read."""
        self._client(tenant, *_split(url))

    def objects(self, tenant: TenantId, url: str, after: str | None = None) -> Iterator[SourceObject]:
        """What lies below `s3://bucket/prefix`, in the order of names, a page of them in memory at a time.

        ``after`` is the URL of an object: the listing goes on behind it.
        """
        bucket, prefix = _split(url)
        client = self._client(tenant, bucket, prefix)
        start = after.removeprefix(f"s3://{bucket}/") if after is not None else None
        listed = client.list_objects(bucket, prefix, recursive=True, start_after=start)
        while True:
            with _failures():
                item: Object | None = next(listed, None)
            if item is None:
                return
            name = str(item.object_name)
            if not name.endswith("/"):  # what consoles make to show a folder
                yield SourceObject(f"s3://{bucket}/{name}", item.size or 0)

    def _client(self, tenant: TenantId, bucket: str, key: str) -> Minio:
        for entry, client in self._allowed:
            if entry.serves(tenant, bucket, key):
                return client
        raise SourceRefused(
            detail=f"this address is not among the buckets that documents may come from ({SETTING})"
        )


def _split(url: str) -> tuple[str, str]:
    """Bucket and key; a key is taken as it stands, without any escapes.

    Keys are only names, but some servers and clients take dots in them for folders to go up to.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise SourceRefused(detail="the address of an object is s3://bucket/key")
    climbs = any(segment in (".", "..") for segment in key.split("/"))
    if climbs or not key.isprintable() or len(key.encode()) > _KEY_BYTES:
        raise SourceRefused(
            detail="the key is too long, or has '.' or '..' for a segment, or control characters"
        )
    return bucket, key


@contextmanager
def _failures() -> Iterator[None]:
    """The other side's failures are the request's, not ours."""
    try:
        with translated("the bucket"):
            yield
    except NotFound:
        raise SourceFailed(detail="there is no such object") from None
    except StoreUnavailable as error:
        raise SourceFailed(detail=error.detail, retryable=True) from error

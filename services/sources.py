"""Documents named in a JSON body (url, base64, object, upload) brought to the staging folder."""

import base64
import os
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.ids import TenantId
from services import guard
from services.buckets import Buckets, parse_allowed
from services.faults import fault
from services.presigned import Presigned
from services.settings import Settings
from services.stores.choose import bucket_of
from services.stores.engine import Database
from services.uploads import PayloadTooLarge, Receiver, Staged

_OK = 200
_CHUNK = 65_536


class Source(BaseModel):
    """Where the document is: exactly one of ``url``, ``base64``, ``object``, ``upload``."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=4096)] | None = None
    base64: str | None = None
    object: Annotated[str, Field(max_length=4096)] | None = None
    upload: Annotated[str, Field(max_length=64)] | None = None
    filename: Annotated[str, Field(max_length=1024)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "Source":
        if sum(value is not None for value in (self.url, self.base64, self.object, self.upload)) != 1:
            raise ValueError("give exactly one of url, base64, object, upload")
        return self


@dataclass(frozen=True, slots=True)
class Sources:
    """Everywhere a document may be brought from."""

    outward: guard.Guard
    buckets: Buckets
    presigned: Presigned
    timeout_s: float

    def receive(self, tenant: TenantId, source: Source, receiver: Receiver) -> Staged:
        """The document behind a source. ``receiver`` enforces size and type while it comes in."""
        with receiver:
            if source.upload is not None:
                return self.presigned.receive(tenant, source.upload, receiver, source.filename)
            if source.object is not None:
                self.buckets.fetch(tenant, source.object, receiver, self.timeout_s)
                return receiver.finish(source.filename or source.object.rsplit("/", 1)[-1])
            if source.base64 is not None:
                _decode(source.base64, receiver)
                return receiver.finish(source.filename)
            assert source.url is not None
            _fetch(source.url, receiver, self.outward, self.timeout_s)
            return receiver.finish(source.filename or _name_in(source.url))


def sources_of(settings: Settings, database: Database) -> Sources:
    items = [item.get_secret_value() for item in settings.source_buckets]
    buckets = Buckets(parse_allowed(items, os.environ, bucket_of(settings)))
    outward = guard.Guard(guard.PinnedBackend(settings.source_allow, public=settings.reach_public))
    return Sources(outward, buckets, presigned_of(settings, database), settings.source_timeout_s)


def presigned_of(settings: Settings, database: Database) -> Presigned:
    # An archive may be larger than a document; what is made of it is measured again when it is fetched.
    most = max(settings.max_upload_bytes, settings.max_archive_bytes)
    return Presigned(database, bucket_of(settings), settings.upload_url_s, most)


def _decode(text: str, receiver: Receiver) -> None:
    text = text.partition(",")[2] if text.startswith("data:") else text
    text = "".join(text.split())
    try:
        # In steps that hold whole groups of four characters.
        for start in range(0, len(text), _CHUNK):
            receiver.write(base64.b64decode(text[start : start + _CHUNK], validate=True))
    except ValueError:  # `binascii.Error` is one, and what is not ASCII is another
        raise fault("/source/base64", "base64_malformed", "not base64", whole="source_malformed") from None


def _fetch(url: str, receiver: Receiver, outward: guard.Guard, timeout_s: float) -> None:
    with outward.client(timeout_s) as http, closing(guard.open_stream(http, url)) as response:
        try:
            if response.status_code != _OK:
                raise guard.SourceFailed(detail=f"the source answered {response.status_code}")
            if int(response.headers.get("content-length", 0)) > receiver.limit:
                raise PayloadTooLarge(detail=f"the document is larger than {receiver.limit} bytes")
            for chunk in response.iter_raw(_CHUNK):
                receiver.write(chunk)
        except httpx.HTTPError as error:
            raise guard.SourceFailed(detail=f"the source broke off ({type(error).__name__})") from None
        except ValueError:
            raise guard.SourceFailed(detail="the source answered with malformed headers") from None


def name_of(source: Source) -> str | None:
    """What a document is called by where it is."""
    if source.filename is not None:
        return source.filename
    return _name_in(source.url) if source.url is not None else source.object


def _name_in(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:  # no URL; it is refused by itself when it is fetched
        path = url
    return unquote(path).rsplit("/", 1)[-1]

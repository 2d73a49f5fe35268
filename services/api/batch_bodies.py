"""Bodies of `POST /v1/batches`: an archive in one of four ways, a bucket prefix, or a list of sources."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.archives import kinds
from schemas.ids import TenantId
from services.api.bodies import (
    Received,
    Takes,
    UnsupportedBody,
    content_type_of,
    document_of,
    json_body,
    multipart,
    origin_of,
    raw,
)
from services.asks import Ask
from services.batches import PostedSource
from services.container import Parts
from services.faults import fault, invalid
from services.sources import Source, name_of

_RAW = frozenset(kinds.Kind) | {
    "application/octet-stream",
    "application/x-zip-compressed",
    "application/x-gtar",
}
_HOW = "send an archive as multipart/form-data with a part 'file' or as the body itself, or application/json"


class PrefixSource(BaseModel):
    """Everything below a prefix of a bucket."""

    model_config = ConfigDict(extra="forbid")

    prefix: Annotated[str, Field(max_length=4096, pattern="^s3://")]


class MemberSource(BaseModel):
    """One document of many, with what is asked of it in particular."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=4096)] | None = None
    base64: str | None = None
    object: Annotated[str, Field(max_length=4096)] | None = None
    filename: Annotated[str, Field(max_length=1024)] | None = None
    external_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    request: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one(self) -> "MemberSource":
        if sum(value is not None for value in (self.url, self.base64, self.object)) != 1:
            raise ValueError("give exactly one of url, base64, object")
        return self

    def source(self) -> Source:
        return Source(url=self.url, base64=self.base64, object=self.object, filename=self.filename)


class BatchPost(BaseModel):
    """`POST /v1/batches` as JSON."""

    model_config = ConfigDict(extra="forbid")

    source: PrefixSource | Source | None = None
    sources: Annotated[list[MemberSource], Field(min_length=1)] | None = None
    request: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one(self) -> "BatchPost":
        if (self.source is None) == (self.sources is None):
            raise ValueError("give either source or sources")
        return self


@dataclass(slots=True)
class PostedBatch:
    """What is to become a batch: an archive, a prefix or sources."""

    request: dict[str, Any]
    origin: str
    archive: Received | None = None
    prefix: str | None = None
    sources: list[MemberSource] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """What tells this request from another under the same key; passwords by themselves."""
        passwords = [source.request.get("password") for source in self.sources if source.request]
        given = [word for word in [self.request.get("password"), *passwords] if word]
        return {**self.request, "password": "\n".join(map(str, given))} if given else self.request


@asynccontextmanager
async def received_batch(request: Request, parts: Parts, tenant: TenantId) -> AsyncIterator[PostedBatch]:
    """What was posted, the archive in the staging folder; the staged file is removed at the end."""
    takes = Takes(kinds.sniff, parts.settings.max_archive_bytes)
    kind = content_type_of(request)
    if kind == "multipart/form-data":
        found = _of_archive(await multipart(request, parts, takes))
    elif kind == "application/json":
        found = await _json(request, parts, tenant, takes)
    elif kind in _RAW:
        found = _of_archive(await raw(request, parts, takes))
    else:
        raise UnsupportedBody(detail=_HOW)
    try:
        yield found
    finally:
        if found.archive is not None and found.archive.staged is not None:
            found.archive.staged.discard()


def _of_archive(archive: Received) -> PostedBatch:
    return PostedBatch(archive.members, archive.origin, archive)


async def _json(request: Request, parts: Parts, tenant: TenantId, takes: Takes) -> PostedBatch:
    try:
        post = BatchPost.model_validate(await json_body(request, parts))
    except ValidationError as error:
        raise invalid(error) from None
    if post.sources is not None:
        most = parts.settings.max_batch_members
        if len(post.sources) > most:
            raise fault("/sources", "too_many_members", f"at most {most}", whole="too_many_members")
        return PostedBatch(post.request, _origin(post.sources), sources=post.sources)
    if isinstance(post.source, PrefixSource):
        return PostedBatch(post.request, post.source.prefix, prefix=post.source.prefix)
    assert post.source is not None
    archive = Received(post.request, origin_of(post.source), takes, source=post.source)
    if post.source.base64 is not None:
        archive.origin = (await archive.stage(parts, tenant)).digest
    return _of_archive(archive)


def _origin(sources: list[MemberSource]) -> str:
    digest = hashlib.sha256()
    for at, source in enumerate(sources):
        plain = source.model_dump()
        if plain["request"] is not None:
            plain["request"] = {name: value for name, value in plain["request"].items() if name != "password"}
        try:
            digest.update(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS))
        except TypeError:  # it reads what is nested more deeply than it writes
            raise fault(f"/sources/{at}/request", "too_deep", "is nested too deeply") from None
    return digest.hexdigest()


def posted_sources(
    parts: Parts, tenant: TenantId, posted: PostedBatch, check: Callable[[dict[str, Any], str], Ask]
) -> list[PostedSource]:
    """The members, each request checked; all faults of requests are told before anything is stored."""
    return [_posted(parts, tenant, posted, at, check) for at in range(len(posted.sources))]


def _posted(
    parts: Parts,
    tenant: TenantId,
    posted: PostedBatch,
    at: int,
    check: Callable[[dict[str, Any], str], Ask],
) -> PostedSource:
    member = posted.sources[at]
    ask = None
    if member.request is not None:
        ask = check({**posted.request, **member.request}, f"/sources/{at}/request")
    source = member.source()
    external_id = member.external_id or (ask.request.external_id if ask is not None else None)
    name = name_of(source) or f"{at + 1}"
    if member.base64 is None:
        return PostedSource(name, external_id, ask, source.model_dump(exclude_none=True))
    receive = partial(parts.sources.receive, tenant, source)
    return PostedSource(name, external_id, ask, receive=lambda: receive(document_of(parts).receiver(parts)))

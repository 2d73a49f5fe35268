"""Request bodies: read in bounded pieces, off the event loop, never whole in memory unless small."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.sniff import sniff
from schemas.errors import BadInput, RequestInvalid
from schemas.ids import TenantId
from services.asks import members_of_form, parse_json
from services.container import Parts
from services.faults import invalid
from services.multipart import Form, MultipartReader, boundary_of
from services.sources import Source
from services.uploads import EmptyBody, PayloadTooLarge, Receiver, Sniffer, Staged

_PIECE = 262_144


class UnsupportedBody(BadInput):
    code = "unsupported_media_type"
    status = 415


@dataclass(frozen=True, slots=True)
class Takes:
    """What a POST takes for a file: which types, and how large."""

    sniff: Sniffer
    limit: int

    def receiver(self, parts: Parts) -> Receiver:
        return Receiver(parts.staging, self.limit, self.sniff)


def document_of(parts: Parts) -> Takes:
    return Takes(sniff, parts.settings.max_upload_bytes)


@dataclass(slots=True)
class Received:
    """A document that came in, or that is to be fetched, and what was asked of it."""

    members: dict[str, Any]
    origin: str
    """What identifies the document for idempotency: its digest, or where it is to be fetched from."""

    takes: Takes
    staged: Staged | None = None
    source: Source | None = None

    async def stage(self, parts: Parts, tenant: TenantId) -> Staged:
        """The whole document, fetched now if need be: a repeated POST fetches nothing again."""
        if self.staged is None:
            assert self.source is not None
            receiver = self.takes.receiver(parts)
            self.staged = await to_thread.run_sync(
                parts.sources.receive, tenant, self.source, receiver, limiter=parts.fetching
            )
        return self.staged

    @property
    def upload(self) -> str | None:
        return self.source.upload if self.source is not None else None


class JsonPost(BaseModel):
    """`POST /v1/documents` as JSON."""

    model_config = ConfigDict(extra="forbid")

    source: Source
    request: dict[str, Any] = {}


def content_type_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def received(request: Request, parts: Parts, tenant: TenantId) -> AsyncIterator[Received]:
    """The document of a POST in the staging folder; the staged file is removed at the end."""
    kind = content_type_of(request)
    if kind == "multipart/form-data":
        found = await multipart(request, parts, document_of(parts))
    elif kind == "application/json":
        found = await _json(request, parts, tenant)
    else:
        raise UnsupportedBody(detail="send multipart/form-data with a part 'file', or application/json")
    try:
        yield found
    finally:
        if found.staged is not None:
            found.staged.discard()


async def json_members(request: Request, parts: Parts) -> dict[str, Any]:
    """A small JSON object; an absent body is an empty one."""
    text = await _whole(request, parts.settings.max_request_bytes)
    if not text.strip():
        return {}
    if content_type_of(request) != "application/json":
        raise UnsupportedBody(detail="send application/json")
    members = parse_json(text)
    if not isinstance(members, dict):
        raise RequestInvalid(detail="the body must be a JSON object")
    return members


async def multipart(request: Request, parts: Parts, takes: Takes) -> Received:
    """A form with a part `file`."""
    text_limit = parts.settings.max_request_bytes
    check_announced(request, takes.limit + text_limit)
    boundary = boundary_of(request.headers["content-type"])
    reader = MultipartReader(boundary, lambda: takes.receiver(parts), text_limit)
    try:
        form = await _feed(request, reader)
        if form.file is None:
            raise EmptyBody("no_file", "the form has no part 'file'")
        return Received(members_of_form(form.texts), form.file.digest, takes, form.file)
    except BaseException:
        reader.discard()
        raise


async def raw(request: Request, parts: Parts, takes: Takes) -> Received:
    """A body that is the file itself."""
    check_announced(request, takes.limit)
    receiver = takes.receiver(parts)
    with receiver:
        await _pass_on(request, receiver.write)
        staged = receiver.finish()
    return Received({}, staged.digest, takes, staged)


async def _feed(request: Request, reader: MultipartReader) -> Form:
    await _pass_on(request, reader.feed)
    return reader.finish()


async def _pass_on(request: Request, feed: Callable[[bytes], None]) -> None:
    held, wanted = bytearray(), 1  # the first piece at once: it may be of a type that is refused
    async for chunk in request.stream():
        held += chunk
        if len(held) >= wanted:
            await to_thread.run_sync(feed, bytes(held))
            held.clear()
            wanted = _PIECE
    if held:
        await to_thread.run_sync(feed, bytes(held))


async def _json(request: Request, parts: Parts, tenant: TenantId) -> Received:
    members = await json_body(request, parts)
    try:
        post = JsonPost.model_validate(members)
    except ValidationError as error:
        raise invalid(error) from None
    source = post.source
    found = Received(post.request, origin_of(source), document_of(parts), source=source)
    if source.base64 is not None:
        found.origin = (await found.stage(parts, tenant)).digest
    return found


def origin_of(source: Source) -> str:
    """Where it is to be fetched from; nothing for what came with the request."""
    return source.url or source.object or source.upload or ""


async def json_body(request: Request, parts: Parts) -> Any:
    """A body that may carry documents as base64."""
    text = await _whole(request, parts.settings.max_json_bytes)
    if not text:
        raise EmptyBody(detail="the body is empty")
    return await to_thread.run_sync(parse_json, text)


async def _whole(request: Request, limit: int) -> bytes:
    check_announced(request, limit)
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > limit:
            raise _too_large(limit)
    return bytes(held)


def check_announced(request: Request, limit: int) -> None:
    """Refuse by Content-Length before the first byte, where there is one."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(detail=f"the body is larger than {limit} bytes")

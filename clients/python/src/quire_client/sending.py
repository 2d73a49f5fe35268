"""How a document goes to the service: its bytes in a form, or the address it is to be fetched from."""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from quire_client.errors import RequestInvalid, Unavailable
from quire_client.shapes import Request
from quire_client.transport import Body, Call, Transport, json_body, path

File: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes themselves, or a seekable file open for reading, sent from its beginning."""

Source: TypeAlias = File
"""What `File` is; or a text with `://`: a URL, or an object such as `s3://inbox/a.pdf`."""


def body_of(source: Source, request: Mapping[str, Any], filename: str | None = None) -> Body:
    """The body of a POST that makes a document."""
    if isinstance(source, str) and "://" in source:
        kind = "object" if source.startswith("s3://") else "url"
        return source_body({kind: source}, request, filename)
    name = Path(source).name if isinstance(source, str | os.PathLike) else "document"
    return form_body(source, filename or name, request)


def source_body(source: Mapping[str, str], request: Mapping[str, Any], filename: str | None = None) -> Body:
    named = {**source, "filename": filename} if filename is not None else dict(source)
    return json_body({"source": named, "request": dict(request)})


def form_body(source: File, name: str, request: Mapping[str, Any]) -> Body:
    """The bytes as they are on disk, never whole in memory."""

    def files(stack: ExitStack) -> Mapping[str, Any]:
        content = _opened(source, stack)
        described = json.dumps(request).encode()
        # The request goes first: the service can refuse it before the bytes have come.
        parts = {
            "request": (None, described, "application/json"),
            "file": (_sendable(name), content, "application/octet-stream"),
        }
        return {"files": parts}

    return files


def upload(transport: Transport, source: str | os.PathLike[str], filename: str | None) -> str | None:
    """Send a file straight to the service's bucket; the upload's id, or None where there is no bucket."""
    place = Path(source)
    announced = {
        "filename": _sendable(filename or place.name),
        "bytes": place.stat().st_size,
        "sha256": _digest(place),
    }
    try:
        ticket = transport.json(Call("POST", path("uploads"), body=json_body(announced)))
    except (RequestInvalid, Unavailable) as error:
        if error.code == "unsupported":
            return None
        raise
    length = str(announced["bytes"])

    def content(stack: ExitStack) -> Mapping[str, Any]:
        return {"content": _opened(place, stack)}

    transport.put(ticket["url"], {"Content-Length": length, **ticket["headers"]}, content)
    return str(ticket["upload_id"])


def members(request: Request) -> dict[str, Any]:
    """What was given; None is as good as left out."""
    return {name: value for name, value in request.items() if value is not None}


def _opened(source: File, stack: ExitStack) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | os.PathLike):
        source.seek(0)
        return source
    return stack.enter_context(Path(source).open("rb"))


def _digest(place: Path) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sendable(name: str) -> str:
    """File systems hold names that are not text."""
    return name.encode("utf-8", "replace").decode("utf-8")

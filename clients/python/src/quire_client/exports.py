"""Bodies of answers, written to files as they come."""

import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from quire_client.errors import Unreachable
from quire_client.retries import Tries
from quire_client.transport import Call, Transport, translated


class Export(StrEnum):
    """What there is of every result, by the end of its address."""

    JSON = "result"
    MARKDOWN = "result.md"
    SEARCHABLE_PDF = "searchable.pdf"
    HOCR = "hocr"
    ALTO = "alto"
    CHUNKS = "chunks.json"
    XLSX = "result.xlsx"


def copy(transport: Transport, call: Call, to: BinaryIO) -> int:
    """The body to an open file; the number of bytes."""
    written = 0
    with transport.stream(call, read=False) as answer:
        chunks = answer.iter_bytes()
        while True:
            with translated(transport.url):
                chunk = next(chunks, b"")
            if not chunk:
                return written
            written += to.write(chunk)


def save(transport: Transport, call: Call, to: "os.PathLike[str] | str") -> int:
    """The body to a path: whole or not at all, begun again when the connection breaks in the middle."""
    target = Path(to)
    part = target.with_name(f".quire-{secrets.token_hex(8)}.part")
    tries: Tries | None = None
    try:
        while True:
            try:
                with part.open("wb") as file:
                    written = copy(transport, call, file)
                    file.flush()
                    os.fsync(file.fileno())
                break
            except Unreachable:
                tries = tries or Tries(transport.retries)  # patience is for what broke, not for what was long
                if not tries.again():
                    raise
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return written

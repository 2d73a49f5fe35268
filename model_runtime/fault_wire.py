"""HTTP as a fault server speaks it: requests taken apart, answers put together, connections cut."""

import asyncio
import base64
import binascii
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any, NoReturn

from model_runtime.fault_script import Rule
from model_runtime.image_check import size_of
from pipeline.orders import PageImage

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests",
            500: "Internal Server Error", 503: "Service Unavailable"}  # fmt: skip
START = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_BODY_LIMIT = 256 * 1024 * 1024
_TEMPLATE_TOKENS = 11


@dataclass(slots=True)
class Chat:
    """A request taken apart."""

    prompt: str
    images: list[bytes]
    sizes: list[tuple[int, int]]
    prefix: str
    schema: Any
    body: dict[str, Any]


class Close(Exception):
    """The connection ends here."""


def cut(writer: asyncio.StreamWriter, rule: Rule) -> NoReturn:
    if rule.reset:
        wire: socket.socket = writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    raise Close


def delta(text: str, number: int | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    if number is not None:
        scored = {"token": text, "logprob": -0.01 * (1 + number % 7), "bytes": list(text.encode())}
        choice["logprobs"] = {"content": [scored]}
    return {"choices": [choice]}


def event(writer: asyncio.StreamWriter, content: dict[str, Any]) -> None:
    writer.write(chunk(b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def request_from(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, *_ = first.split(" ")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = int(headers.get("content-length", "0"))
    if length > _BODY_LIMIT:
        return None
    return method, path, headers, await reader.readexactly(length)


async def send(
    writer: asyncio.StreamWriter, status: int, content: Any, extra: dict[str, str] | None = None
) -> None:
    plain = isinstance(content, str)
    data = content.encode() if plain else json.dumps(content).encode()
    head = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Scripted')}", f"Content-Length: {len(data)}"]
    head.append("Content-Type: " + ("text/plain" if plain else "application/json"))
    head += [f"{name}: {value}" for name, value in (extra or {}).items()]
    writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + data)
    await writer.drain()


def chat_of(body: dict[str, Any]) -> Chat:
    user: str | list[dict[str, Any]] = body["messages"][0]["content"]
    parts: list[dict[str, Any]] = [{"type": "text", "text": user}] if isinstance(user, str) else user
    images = [_image(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
    last = body["messages"][-1]
    return Chat(
        prompt="".join(part["text"] for part in parts if part["type"] == "text"),
        images=[image.data for image in images],
        sizes=[size_of(image) for image in images],
        prefix=str(last["content"]) if last["role"] == "assistant" else "",
        schema=((body.get("response_format") or {}).get("json_schema") or {}).get("schema"),
        body=body,
    )


def _image(url: str) -> PageImage:
    head, _, data = url.partition(";base64,")
    try:
        return PageImage(base64.b64decode(data, validate=True), head.removeprefix("data:"), 0, 0)
    except binascii.Error:
        raise ValueError from None


def text_tokens(prompt: str) -> int:
    return _TEMPLATE_TOKENS + len(prompt) // 4

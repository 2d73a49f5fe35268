"""An OpenAI-compatible server without a model that fails as it is told: a double for tests and drills.

It speaks HTTP itself, on plain sockets, because half of its faults are things a web framework prevents.
``PUT /script`` changes what it does, ``GET /log`` lists what it was asked, both for tests in other processes.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pydantic import ValidationError

from model_runtime.fault_script import Rule, Rules, Script, pieces
from model_runtime.fault_wire import (
    START,
    Chat,
    Close,
    chat_of,
    chunk,
    cut,
    delta,
    event,
    request_from,
    send,
    text_tokens,
)
from schemas.errors import DocumentUnreadable


@dataclass(slots=True)
class Asked:
    """One request for a reply, as it was answered. ``tokens``: how many were sent before the client left."""

    prompt: str
    images: int
    body: dict[str, Any]
    tokens: int = 0
    finished: bool = False


@dataclass(slots=True)
class FaultServer:
    """Serves from a thread of its own between ``start`` and ``stop``."""

    script: Script = field(default_factory=Script)
    host: str = "127.0.0.1"
    port: int = 0
    log: list[Asked] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    _rules: Rules = field(init=False)
    deaths: int = 0
    _stopping: asyncio.Event = field(init=False)
    _down: asyncio.Event = field(init=False)
    _away_s: float = 0.0
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rules = Rules(self.script)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def use(self, script: Script) -> None:
        """From now on do this."""
        self.script, self._rules = script, Rules(script)

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(ready)), name="fault-server", daemon=True
        )
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Open connections are cut, as when a server is killed."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._loop.call_soon_threadsafe(self._down.set)
            self._thread.join()
            self._loop = None

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stopping, self._down = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        while not self._stopping.is_set():
            self._down.clear()
            server = await asyncio.start_server(self._serve, self.host, self.port, backlog=512)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await self._down.wait()
            server.close()
            await asyncio.sleep(0.01)  # for connections that were just accepted to be known here
            for writer in list(self._connections):
                writer.transport.abort()
            await asyncio.sleep(0.01)  # for the transports to notice
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._away_s)

    def _cut(self, writer: asyncio.StreamWriter, rule: Rule) -> NoReturn:
        if rule.away_s is not None:
            self.deaths += 1
            self._away_s = rule.away_s
            self._down.set()
        cut(writer, rule)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while (request := await request_from(reader)) is not None:
                await self._answer(*request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, Close):
            pass
        finally:
            self._connections.discard(writer)
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        key, route = self.script.key, f"{method} {path.split('?', 1)[0]}"
        if key and path.startswith("/v1") and headers.get("authorization") != f"Bearer {key}":
            await send(writer, 401, {"error": {"message": "Unauthorized"}})
        elif route == "POST /v1/chat/completions":
            await self._chat(body, writer)
        else:
            await send(writer, *(self._ours(route, body) or self._vllms(route, body)))

    def _ours(self, route: str, body: bytes) -> tuple[int, Any] | None:
        script = self.script
        if route == "PUT /script":
            try:
                self.use(Script.model_validate_json(body))
            except ValidationError as error:
                return 400, {"error": {"message": str(error)}}
            return 200, {}
        if route == "GET /v1/models":
            model: dict[str, Any] = {"id": script.model, "object": "model", "owned_by": "quire"}
            if script.vllm:
                model |= {"max_model_len": script.context, "root": script.model}
            return 200, {"object": "list", "data": [model]}
        if route == "GET /log":
            return 200, [{"prompt": a.prompt, "images": a.images, "tokens": a.tokens} for a in self.log]
        return None

    def _vllms(self, route: str, body: bytes) -> tuple[int, Any]:
        """What vLLM has besides OpenAI's API."""
        script = self.script
        if not script.vllm:
            return 404, {"detail": "Not Found"}
        if route == "GET /version":
            return 200, {"version": "0.0.faults"}
        if route == "GET /health":
            return (200 if script.healthy else 503), {}
        if route == "GET /metrics":
            return 200, (
                f'vllm:num_requests_running{{engine="0"}} {float(self.running)}\n'
                f'vllm:num_requests_waiting{{engine="0"}} {float(script.waiting)}\n'
            )
        if route == "POST /tokenize":
            return 200, {
                "count": text_tokens(chat_of(json.loads(body)).prompt),
                "max_model_len": script.context,
            }
        return 404, {"detail": "Not Found"}

    async def _chat(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            chat = chat_of(json.loads(body))
        except (ValueError, KeyError, TypeError, DocumentUnreadable):
            return await send(writer, 400, {"error": {"message": "malformed request or image"}})
        if chat.body.get("logprobs") and not self.script.logprobs:
            return await send(writer, 400, {"error": {"message": "logprobs is not supported"}})
        rule = self._rules.choose(chat.prompt, chat.images)
        asked = Asked(chat.prompt, len(chat.images), {k: v for k, v in chat.body.items() if k != "messages"})
        self.log.append(asked)
        if rule.status is not None:
            extra = {"Retry-After": rule.retry_after} if rule.retry_after else {}
            return await send(writer, rule.status, {"error": {"message": rule.message}}, extra)
        if rule.close_after == 0:
            await asyncio.sleep(rule.first_token_s)
            self._cut(writer, rule)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await self._stream(rule, chat, asked, writer)
        finally:
            self.running -= 1

    async def _stream(self, rule: Rule, chat: Chat, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(START)
        await writer.drain()
        await asyncio.sleep(rule.first_token_s)
        most, finish = chat.body.get("max_tokens") or 1 << 30, "stop"
        if rule.truncate is not None:
            most = min(most, rule.truncate)
        for text in pieces(rule, chat.schema, chat.images, chat.prefix):
            if asked.tokens >= most:
                finish = "abort" if rule.aborted else "length"
                break
            if asked.tokens == rule.close_after:
                self._cut(writer, rule)
            event(writer, delta(text, asked.tokens if rule.logprobs and self.script.logprobs else None))
            await writer.drain()
            if writer.transport.is_closing():
                return
            asked.tokens += 1
            await asyncio.sleep(rule.between_tokens_s)
        if asked.tokens == rule.close_after:
            self._cut(writer, rule)
        visual = sum((w // self.script.factor) * (h // self.script.factor) + 2 for w, h in chat.sizes)
        prompt_tokens = text_tokens(chat.prompt) + visual + rule.extra_visual_tokens
        event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": asked.tokens}
        event(writer, {"choices": [], "usage": usage})
        writer.write(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        asked.finished = True
        await writer.drain()


@contextmanager
def serving(script: Script | None = None, port: int = 0) -> Iterator[FaultServer]:
    server = FaultServer(script or Script(), port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()

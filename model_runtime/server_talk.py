"""The calls to a server around a conversation: what it hosts, whether it is well, how busy it is."""

import asyncio
import contextlib
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import orjson
import structlog

from model_runtime.chat import Turn
from model_runtime.chat_wire import Served, messages
from model_runtime.endpoints import Endpoint, Endpoints, Health
from model_runtime.engine_url import Options
from model_runtime.refusals import judge, message_of
from schemas.errors import EngineUnavailable, QuireError

_log = structlog.get_logger(__name__)

_PROBE_S = 5.0
_WATCH_S = 1.0
_GAUGE = re.compile(rb"^vllm:num_requests_(running|waiting)(?:\{[^}]*\})? ([0-9.eE+]+)", re.MULTILINE)


class ServerTalk:
    """Made on the event loop that it is used on."""

    def __init__(self, endpoints: Endpoints, options: Options, key: str | None) -> None:
        self._endpoints = endpoints
        self._options = options
        self._watcher: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._tells_load = False
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        most = options.max_in_flight + 8
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=options.connect_s, write=60.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=most),
        )

    async def close(self) -> None:
        for task in (self._watcher, self._probing):
            if task is not None:
                task.cancel()
        await self._http.aclose()

    async def post(self, endpoint: Endpoint, sent: bytes) -> httpx.Response:
        """The response to a turn, its body still to be read."""
        self._watch()
        request = self._http.build_request(
            "POST",
            f"{endpoint.url}/chat/completions",
            content=sent,
            headers={"Content-Type": "application/json", "Accept": "text/event-stream"},
        )
        return await self._http.send(request, stream=True)

    async def discover(self, limit_s: float) -> Served:
        error: QuireError = EngineUnavailable(detail="no engine answers")
        for endpoint in self._endpoints.all:
            try:
                async with asyncio.timeout(limit_s):
                    served = await self._served(endpoint)
            except (httpx.HTTPError, TimeoutError):
                error = EngineUnavailable(detail="the engine does not answer")
            except QuireError as refused:
                error = refused
            else:
                self._tells_load = served.vllm
                return served
        raise error

    async def _served(self, endpoint: Endpoint) -> Served:
        answer = await self._http.get(f"{endpoint.url}/models")
        if answer.status_code != httpx.codes.OK:
            raise judge(answer.status_code, message_of(answer.content))
        models = _objects(answer.content, "data")
        wanted = self._options.model
        found = next((m for m in models if wanted in (None, m.get("id"))), None)
        if found is None:
            names = ", ".join(str(m.get("id"))[:60] for m in models[:5]) or "none"
            raise EngineUnavailable(
                "engine_model_missing", f"the engine hosts no {wanted!r}; it hosts: {names}"
            )
        version = await self._version(endpoint)
        return Served(
            model=str(found["id"]),
            root=str(found.get("root") or ""),
            context=int(found.get("max_model_len") or 0),
            version=f"vllm {version}" if version else str(found.get("owned_by") or ""),
            vllm=version is not None,
        )

    async def _version(self, endpoint: Endpoint) -> str | None:
        """vLLM's version; None: it is another server."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            answer = await self._http.get(f"{_root(endpoint.url)}/version")
            if answer.status_code == httpx.codes.OK and isinstance(
                told := orjson.loads(answer.content), dict
            ):
                return str(told["version"]) if "version" in told else None
        return None

    async def count(self, turn: Turn, served: Served) -> int | None:
        """Tokens of a prompt without its images."""
        asked: dict[str, Any] = {"model": served.model, "messages": messages(turn, images=False)}
        if turn.prefix:
            asked |= {"continue_final_message": True, "add_generation_prompt": False}
        for endpoint in self._endpoints.all:
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
                answer = await self._http.post(
                    f"{_root(endpoint.url)}/tokenize", json=asked, timeout=_PROBE_S
                )
                if answer.status_code == httpx.codes.OK:
                    return int(orjson.loads(answer.content)["count"])
        return None

    async def probe_rested(self) -> None:
        """Endpoints that were left alone get one cheap question before they get pages again.

        Nobody waits for the answer while another endpoint is well.
        """
        if self._endpoints.due():
            self._probing = asyncio.ensure_future(self._probe())
        if self._probing is not None and not any(e.health is Health.CLOSED for e in self._endpoints.all):
            await asyncio.shield(self._probing)

    async def _probe(self) -> None:
        due = self._endpoints.due()
        for endpoint in due:
            endpoint.health = Health.HALF_OPEN
        for endpoint in due:
            try:
                answer = await self._http.get(f"{endpoint.url}/models", timeout=_PROBE_S)
                well = answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
            except httpx.HTTPError:
                well = False
            except asyncio.CancelledError:
                endpoint.health = Health.OPEN
                raise
            if well:
                self._endpoints.went_well(endpoint)
            else:
                self._endpoints.failed(endpoint)

    def _watch(self) -> None:
        if self._tells_load and (self._watcher is None or self._watcher.done()):
            self._watcher = asyncio.ensure_future(self._look_around())

    async def _look_around(self) -> None:
        """While requests are out: how many others each server has."""
        while any(endpoint.outstanding for endpoint in self._endpoints.all):
            for endpoint in self._endpoints.all:
                await self._look(endpoint)
            await asyncio.sleep(_WATCH_S)
        for endpoint in self._endpoints.all:
            endpoint.running = endpoint.queued = 0

    async def _look(self, endpoint: Endpoint) -> None:
        try:
            answer = await self._http.get(f"{_root(endpoint.url)}/metrics", timeout=_PROBE_S)
        except httpx.HTTPError:
            endpoint.running = endpoint.queued = 0
            return
        found = {b"running": 0, b"waiting": 0}
        if answer.status_code == httpx.codes.OK:
            for name, value in _GAUGE.findall(answer.content):
                found[name] += int(float(value))
        endpoint.running, endpoint.queued = found[b"running"], found[b"waiting"]


def _root(base: str) -> str:
    """The server without the path of its API, where vLLM keeps what OpenAI does not have."""
    url = urlsplit(base)
    return urlunsplit((url.scheme, url.netloc, url.path.removesuffix("/v1"), "", ""))


def _objects(content: bytes, name: str) -> list[dict[str, Any]]:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = None
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise EngineUnavailable("engine_model_missing", "there is no OpenAI-compatible API at this address")
    return [item for item in found if isinstance(item, dict) and item.get("id")]

"""What is noted of every request: one log line and its figures; no query string, header or body."""

import time
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("quire.request")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ASKED_BY_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})
_UNROUTED = "unrouted"
_PATH_CHARS = 200

Count = Callable[[str, str, int, float | None], None]
"""Method, route, status, seconds until the answer began; None when it was asked to wait."""


class Notes:
    """Outermost of all, so that refusals are noted too."""

    def __init__(self, app: ASGIApp, count: Count) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message, time.monotonic() - started)
            await send(message)

        await self._app(scope, receive, send_noted)

    def _note(self, scope: Scope, start: Message, seconds: float) -> None:
        status, waited = start["status"], "preference-applied" in Headers(raw=start["headers"])
        route = getattr(scope.get("route"), "path", _UNROUTED)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._count(method, route, status, None if waited else seconds)
        tell = _log.debug if route in _ASKED_BY_MACHINES else _log.info
        tell(
            "request",
            method=method,
            route=route,
            path=scope["path"][:_PATH_CHARS] if route != _UNROUTED else None,
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=scope.get("quire.request_id"),
        )

"""What wraps every request: its id, the check of Host and Origin, the headers that browsers obey."""

import re
from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from schemas.ids import request_id
from services.api.problems import problem

REQUEST_ID = "X-Request-Id"
HEADERS = "quire.headers"
"""In the scope of a request: more headers for its answer, whatever that is."""

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Wire:
    """Outermost layer. Without keys, Host and Origin are what keeps web pages out: a page the user visits can
    send requests to loopback, or rebind its own name to it, but cannot choose these two headers."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {host.lower() for host in hosts}
        self._origins = {origin.lower().rstrip("/") for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        ident = given if _ACCEPTED_ID.fullmatch(given) else request_id()
        scope["quire.request_id"] = ident
        # A server may start a request in the context of the one before it on the same connection.
        clear_contextvars()
        bind_contextvars(request_id=ident)

        async def send_wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), ident, scope.get(HEADERS, {}))
            await send(message)

        refusal = self._refusal(headers)
        if refusal is not None:
            code, detail = refusal
            await problem(403, code, detail, ident)(scope, receive, send_wrapped)
            return
        await self._app(scope, receive, send_wrapped)

    def _refusal(self, headers: Headers) -> tuple[str, str] | None:
        if _host_name(headers.get("host", "")) not in self._hosts:
            return "host_refused", "this service answers only to its own host names (QUIRE_ALLOWED_HOSTS)"
        origin = headers.get("origin")
        if origin is not None and not self._own(origin, headers.get("host", "")):
            return "origin_refused", "pages of this origin may not call the service (QUIRE_ALLOWED_ORIGINS)"
        if origin is None and headers.get("sec-fetch-site") == "cross-site":
            return "origin_refused", "pages of another site may not call the service"
        return None

    def _own(self, origin: str, host: str) -> bool:
        origin = origin.lower().rstrip("/")
        return origin in self._origins or origin in (f"http://{host.lower()}", f"https://{host.lower()}")


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is malformed."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:/@?#\s]+))(?::\d{1,5})?", host)
    return (match[1] or match[2]).lower().rstrip(".") if match else ""


def _dress(headers: MutableHeaders, ident: str, more: Mapping[str, str]) -> None:
    headers[REQUEST_ID] = ident
    for name, value in (*_HEADERS.items(), *more.items()):
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", _POLICY)

"""Carries webhooks to their receivers, through the guard: one connection each, no redirects, little read."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import httpx

from services.guard import Guard, SourceFailed, SourceRefused, check_url
from workers.deliver import Reply

_KEPT = 512
"""Bytes of an answer that the log of deliveries keeps."""

_ERRORS: dict[type[Exception], str] = {  # the first that fits
    SourceRefused: "target_refused",
    SourceFailed: "host_unknown",
    httpx.InvalidURL: "target_refused",
    httpx.TimeoutException: "timed_out",
    httpx.ConnectError: "connection_failed",
    httpx.HTTPError: "connection_broken",
}


@dataclass(frozen=True, slots=True)
class GuardedPost:
    """`Post` over HTTP."""

    outward: Guard
    timeout_s: float

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        sent = {"Content-Type": "application/json", **headers}
        try:
            with self.outward.client(self.timeout_s) as http:
                request = http.build_request("POST", check_url(url), headers=sent, content=body)
                with closing(http.send(request, stream=True)) as response:
                    return _read(response)
        except tuple(_ERRORS) as error:
            return Reply(error=next(code for kind, code in _ERRORS.items() if isinstance(error, kind)))


def _read(response: httpx.Response) -> Reply:
    """The status counts even if the rest of the answer never comes."""
    start = b""
    try:
        for chunk in response.iter_raw():
            start += chunk
            if len(start) >= _KEPT:
                break
    except httpx.HTTPError:
        pass
    return Reply(response.status_code, start=start[:_KEPT], retry_after_s=_seconds(response))


def _seconds(response: httpx.Response) -> float | None:
    """Of Retry-After, where it is a number."""
    text = response.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None

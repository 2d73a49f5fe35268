"""What can go wrong, as one tree of exceptions.

QuireError
├── Unreachable          no answer came: refused, broken off, timed out
├── AnswerInvalid        an answer that is not what this service says
├── StillRunning         the time to wait is over; the document goes on
├── DocumentFailed       the document ended without a result; its error says why
├── SignatureInvalid     a webhook that must not be believed
└── Problem              the service said no, as `application/problem+json`
    ├── RequestInvalid   400, 413, 415, 422 …: the same request fails again
    ├── Unauthorized     401: no key, or one that is not valid
    ├── Forbidden        403: the key may not do this
    ├── NotFound         404
    │   └── Expired      410
    ├── Conflict         409, 412: not in the state it is in
    ├── TooMany          429: not so much at once
    └── Unavailable      5xx
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from quire_client.shapes import Document


class QuireError(Exception):
    """Base of all."""


class Unreachable(QuireError):
    """``timed_out``: a connection was there, but nothing came in time."""

    def __init__(self, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


class AnswerInvalid(QuireError):
    pass


class StillRunning(QuireError):
    def __init__(self, document: Document) -> None:
        super().__init__(f"{document['id']} is still {document['state']}")
        self.document = document


class DocumentFailed(QuireError):
    def __init__(self, document: Document) -> None:
        error = document["error"]
        self.document = document
        self.code = error["code"] if error is not None else document["state"]
        self.detail = error["detail"] if error is not None else f"the run was {document['state']}"
        super().__init__(f"{document['id']}: {self.code}: {self.detail}")


class SignatureInvalid(QuireError):
    pass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault inside a request: where (a JSON pointer), which, and in words."""

    pointer: str
    code: str
    detail: str


class Problem(QuireError):
    """The members of RFC 9457 and Quire's own; ``code`` is what programs should look at."""

    def __init__(
        self, status: int, members: Mapping[str, Any], *, retry_after_s: float | None = None
    ) -> None:
        self.status = status
        self.members = members
        self.code = str(members.get("code") or "http_error")
        self.title = str(members.get("title") or "")
        self.detail = str(members.get("detail") or f"the service answered {status}")
        self.type = str(members.get("type") or "about:blank")
        self.retryable = members.get("retryable") is True
        self.request_id = str(members.get("request_id") or "") or None
        self.errors = _faults(members.get("errors"))
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.code}: {self.detail}")


class RequestInvalid(Problem):
    pass


class Unauthorized(Problem):
    pass


class Forbidden(Problem):
    pass


class NotFound(Problem):
    pass


class Expired(NotFound):
    pass


class Conflict(Problem):
    pass


class TooMany(Problem):
    pass


class Unavailable(Problem):
    pass


_KINDS: dict[int, type[Problem]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    412: Conflict,
    429: TooMany,
}


def problem_of(answer: httpx.Response) -> Problem:
    """The exception for an answer that is no success, whoever gave it: proxies do not speak problem+json."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    members = found if isinstance(found, dict) else {}
    if answer.status_code >= 500:
        kind: type[Problem] = Unavailable
    else:
        kind = _KINDS.get(answer.status_code, RequestInvalid if answer.status_code >= 400 else Problem)
    return kind(answer.status_code, members, retry_after_s=retry_after(answer.headers))


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds, whether the header says seconds or a date; None without one that can be understood."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
        here = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (then - here).total_seconds())
    except (ValueError, TypeError):
        return None


def _faults(found: object) -> Sequence[Fault]:
    items = found if isinstance(found, list) else []
    return tuple(
        Fault(str(item.get("pointer", "")), str(item.get("code", "")), str(item.get("detail", "")))
        for item in items
        if isinstance(item, dict)
    )

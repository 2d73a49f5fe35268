"""The errors of Quire: each has a stable code, an HTTP status, and text that may be shown to anyone.

QuireError
├── BadInput              the request or the document is at fault; the same input fails again
│   ├── RequestInvalid    the request itself (4xx at once)
│   └── DocumentUnreadable the document or one of its pages (ends as a terminal state)
├── NotFound              no such thing for this tenant (404), or it has expired (410)
├── Conflict              the state of the thing does not allow it now (409)
├── Refused               the caller may not (401, 403), or too much at once (429)
├── Unsupported           what the configured engine or database cannot do, with what to configure
└── Unavailable           ours or a neighbour's fault; the same input may succeed later
    ├── EngineUnavailable the reader did not answer
    ├── CageKilled        a child process ended before it answered (deadline, memory, crash)
    └── StoreUnavailable  database or blob store out of reach

Vendor exceptions stop at the adapter that met them and become one of these. Codes are documented in
docs/errors.md; a code never changes its meaning.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict


class ErrorInfo(BaseModel):
    """What a document, run or page says about its failure."""

    model_config = ConfigDict(frozen=True)

    code: str
    detail: str
    retryable: bool = False


class ErrorItem(BaseModel):
    """One fault inside a request: where (a JSON pointer), which, and in words."""

    model_config = ConfigDict(frozen=True)

    pointer: str
    code: str
    detail: str


class ResultWarning(BaseModel):
    """Something a reader of the result should know; never a hidden failure."""

    model_config = ConfigDict(frozen=True)

    code: str
    detail: str
    page: int | None = None
    path: str | None = None


class QuireError(Exception):
    """Base of all. ``detail`` is public; never put document text, secrets or paths of the server in it."""

    status = 500
    code = "internal"
    retryable = False

    def __init__(
        self,
        code: str | None = None,
        detail: str = "",
        *,
        status: int | None = None,
        retryable: bool | None = None,
        errors: Sequence[ErrorItem] = (),
        retry_after_s: float | None = None,
    ) -> None:
        self.code = code or type(self).code
        self.detail = detail or self.code.replace("_", " ")
        self.status = status if status is not None else type(self).status
        self.retryable = retryable if retryable is not None else type(self).retryable
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.code}: {self.detail}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders (the cage); keyword-only arguments need help with that."""
        state = {
            "status": self.status,
            "retryable": self.retryable,
            "errors": self.errors,
            "retry_after_s": self.retry_after_s,
        }
        return _rebuild, (type(self), self.code, self.detail, state)

    def info(self) -> ErrorInfo:
        return ErrorInfo(code=self.code, detail=self.detail, retryable=self.retryable)


def _rebuild(cls: type[QuireError], code: str, detail: str, state: dict[str, Any]) -> QuireError:
    return cls(code, detail, **state)


class BadInput(QuireError):
    status = 400
    code = "bad_input"


class RequestInvalid(BadInput):
    status = 422
    code = "request_invalid"


class DocumentUnreadable(BadInput):
    status = 422
    code = "document_unreadable"


class NotFound(QuireError):
    status = 404
    code = "not_found"


class Conflict(QuireError):
    status = 409
    code = "conflict"


class Refused(QuireError):
    status = 403
    code = "refused"
    challenge: str | None = None
    """For `WWW-Authenticate`: what the caller would have to show."""

    headers: Mapping[str, str] = MappingProxyType({})
    """More that the answer says."""


class Unsupported(QuireError):
    status = 422
    code = "unsupported"


class Unavailable(QuireError):
    status = 503
    code = "unavailable"
    retryable = True


class EngineUnavailable(Unavailable):
    code = "engine_unavailable"


class CageKilled(Unavailable):
    """``code`` is one of ``cage_timeout``, ``cage_memory``, ``cage_crash``."""

    code = "cage_crash"


class StoreUnavailable(Unavailable):
    code = "store_unavailable"

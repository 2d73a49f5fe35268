"""What a server's refusal means for the page, the request or the server itself."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from schemas.errors import DocumentUnreadable, EngineUnavailable, QuireError, RequestInvalid

_CONTEXT = re.compile(
    r"context|maximum model length|max_tokens|max_model_len|too long|longer than", re.IGNORECASE
)
_IMAGE = re.compile(r"image|multimodal|multi-modal|base64|aspect ratio|pixel", re.IGNORECASE)
_SCHEMA = re.compile(r"schema|grammar|structured|response_format|guided", re.IGNORECASE)
# vLLM's server outlives its engine for a moment and answers for it: an outage, no fault of the page.
_DEAD = re.compile(r"EngineCore|engine.{0,20}(dead|died)|EngineDead", re.IGNORECASE)
_LOGPROBS = re.compile(r"logprobs", re.IGNORECASE)


def message_of(body: bytes) -> str:
    """The server's words, whichever of the usual shapes they came in. For the log and for judging only."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:500].decode("utf-8", "replace")
    for _ in range(3):
        if not isinstance(answer, dict):
            break
        answer = next((answer[key] for key in ("error", "message", "detail") if key in answer), "")
    return str(answer)[:500]


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait: a number or a date."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())


def no_logprobs(status: int, message: str) -> bool:
    """The server takes no ``logprobs``: to be asked again without."""
    return status in (400, 422) and bool(_LOGPROBS.search(message))


def judge(status: int, message: str, wait_s: float | None = None) -> QuireError:
    """Our error for an answer that is not 200. The server's words stay out: they may quote the page."""
    if status in (429, 503):
        return EngineUnavailable("engine_overloaded", "the engine has no room now", retry_after_s=wait_s)
    if status in (401, 403):
        return EngineUnavailable(
            "engine_unauthorized", f"the engine answered {status}: QUIRE_ENGINE_KEY is missing or wrong"
        )
    if status == 404:
        return EngineUnavailable(
            "engine_model_missing", "the engine has no such model or no chat completions at this address"
        )
    if status in (400, 413, 422):
        return _our_fault(status, message)
    if status in (502, 504) or _DEAD.search(message):
        return EngineUnavailable("engine_unavailable", f"there is no engine behind the answer {status}")
    return EngineUnavailable("engine_failed", f"the engine answered {status}")


def _our_fault(status: int, message: str) -> QuireError:
    if status == 413:
        return DocumentUnreadable("page_image_too_large", "the engine takes no request of this size")
    if _SCHEMA.search(message):
        return RequestInvalid("schema_unsupported", "the engine cannot decode against this schema")
    if _CONTEXT.search(message):
        return DocumentUnreadable(
            "context_exceeded", "the page and what is asked of it do not fit into the engine's context"
        )
    if _IMAGE.search(message):
        return DocumentUnreadable("page_image_broken", "the engine refused the page image")
    return RequestInvalid("engine_refused", f"the engine refused the request ({status})")

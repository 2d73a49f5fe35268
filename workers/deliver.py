"""Delivers webhooks: claims one, calls its receiver outside any transaction, writes down how it went."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog
from opentelemetry.trace import SpanKind, Tracer
from structlog.contextvars import bound_contextvars

from pipeline.ledger import Fenced, Queue
from schemas.errors import StoreUnavailable
from schemas.ids import DeliveryId, JobId, MessageId, ProcessId, TenantId, WebhookId
from schemas.webhook import DisabledReason, Try
from workers import signing
from workers.commit import Patience
from workers.meter import JobOutcome, Meter
from workers.rests import Rests, origin_of
from workers.surroundings import mark_failed, step

_log = structlog.get_logger(__name__)

RETRY_FOR_S = 86_400.0
_DELAYS_S = (2.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 7200.0, 14_400.0)
"""Before each further try; the last one again and again until the time is over."""

_JITTER = 0.2
_ASKED_AT_MOST_S = 3600.0
_PUT_OFF_AT_MOST_S = 900.0
_LOOK_AGAIN_S = 300.0
_DISABLED, _UNREACHABLE = "webhook_disabled", "receiver_unreachable"
_GONE = 410
_OVERLOADED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery leased to one process. ``tries`` that failed and ``age_s`` are since it was last started."""

    job: JobId
    token: int
    tenant: TenantId
    delivery: DeliveryId
    webhook: WebhookId | None
    url: str = field(repr=False)
    message: MessageId
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    tries: int
    put_off: int
    age_s: float
    enabled: bool = True
    failing_s: float = 0.0
    """How long nothing has got through to the endpoint."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call: a status, or the code of what went wrong before there was one."""

    status: int | None = None
    error: str | None = None
    start: bytes = b""
    retry_after_s: float | None = None

    @property
    def nobody_there(self) -> bool:
        """The receiver as a whole does not answer, whatever it is sent."""
        return self.status in _OVERLOADED or (self.status is None and self.error is not None)


class Post(Protocol):
    """Calls receivers. What they do wrong is an answer too; it raises nothing of its own."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply: ...


class Deliveries(Protocol):
    """The store of deliveries. Every write raises `Fenced` when the job is no longer ours."""

    def claim(self, process: ProcessId) -> Parcel | None: ...

    def delivered(self, parcel: Parcel, tried: Try) -> None:
        """If nothing had got through to the endpoint before, what was put off goes now."""

    def again(self, parcel: Parcel, tried: Try, delay_s: float) -> None: ...

    def give_up(self, parcel: Parcel, tried: Try) -> None: ...

    def put_off(self, parcel: Parcel, delay_s: float) -> None:
        """Not tried at all."""

    def disable(self, parcel: Parcel, reason: DisabledReason) -> None:
        """The endpoint is sent nothing more; the others are told."""


def delay_of(tries: int, retry_after_s: float | None = None) -> float:
    """Seconds until the next try, after so many failed ones."""
    delay = _DELAYS_S[min(tries, len(_DELAYS_S) - 1)] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # spreads
    return max(delay, min(retry_after_s or 0.0, _ASKED_AT_MOST_S))


class Deliverer:
    """Does the jobs of the queue `deliver`; may be called from many threads."""

    def __init__(
        self,
        deliveries: Deliveries,
        post: Post,
        meter: Meter,
        tracer: Tracer,
        *,
        retry_for_s: float = RETRY_FOR_S,
        rests: Rests | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._post = post
        self._meter = meter
        self._tracer = tracer
        self._retry_for_s = retry_for_s
        self._commit = Patience()
        self._rests = rests or Rests()

    def abandon(self) -> None:
        self._commit.stop()

    def one(self, process: ProcessId) -> bool:
        """False when there is none to be had."""
        try:
            parcel = self._deliveries.claim(process)
        except StoreUnavailable as error:
            _log.warning("claim_failed", queue=str(Queue.DELIVER), code=error.code)
            return False
        if parcel is None:
            return False
        names = {"job_id": parcel.job, "delivery_id": parcel.delivery, "message_id": parcel.message}
        attributes = {f"quire.{name}": str(value) for name, value in names.items()}
        with (
            bound_contextvars(queue=str(Queue.DELIVER), **names),
            step(self._tracer, f"job {Queue.DELIVER}", attributes, SpanKind.CONSUMER),
        ):
            self._do(parcel)
        return True

    def _do(self, parcel: Parcel) -> None:
        started = time.monotonic()
        outcome: JobOutcome = "done"
        try:
            self._settle(parcel)
        except Fenced:
            outcome = "lost"
            _log.info("job_lost")
        except StoreUnavailable as error:
            outcome = "lost"  # the process ends; the lease runs out or is handed back
            _log.warning("job_lost", code=error.code)
        self._meter.job(Queue.DELIVER, outcome, time.monotonic() - started)

    def _settle(self, parcel: Parcel) -> None:
        """Bring the delivery one step further: tried, or put off."""
        late = parcel.age_s >= self._retry_for_s
        origin = origin_of(parcel.url)
        rest = self._rests.left(origin)
        if not parcel.enabled:
            self._wait(parcel, late, _DISABLED, _LOOK_AGAIN_S)
            return
        if rest:
            spread = min(_PUT_OFF_AT_MOST_S, 2.0 ** min(parcel.put_off, 12))
            delay = rest + random.uniform(0, spread)  # noqa: S311  # or all would come at once
            self._wait(parcel, late, _UNREACHABLE, delay)
            return
        tried, reply = self._try(parcel)
        if tried.error is None:
            self._rests.answered(origin)
            self._commit(lambda: self._deliveries.delivered(parcel, tried))
            return
        if reply.nobody_there:
            self._rests.failed(origin)
        self._failed(parcel, tried, reply, late)

    def _failed(self, parcel: Parcel, tried: Try, reply: Reply, late: bool) -> None:
        mark_failed(str(tried.error))
        _log.warning("delivery_failed", code=tried.error, status=tried.status, ms=tried.duration_ms)
        gone = reply.status == _GONE
        if parcel.webhook is not None and (gone or parcel.failing_s >= self._retry_for_s):
            reason = DisabledReason.GONE if gone else DisabledReason.FAILING
            self._commit(lambda: self._deliveries.disable(parcel, reason))
            _log.warning("webhook_disabled", webhook_id=parcel.webhook, reason=str(reason))
        if gone or late:
            self._commit(lambda: self._deliveries.give_up(parcel, tried))
        else:
            delay = delay_of(parcel.tries, reply.retry_after_s)
            self._commit(lambda: self._deliveries.again(parcel, tried, delay))

    def _wait(self, parcel: Parcel, late: bool, why: str, delay_s: float) -> None:
        """It cannot be tried now; too late it is given up."""
        if late:
            tried = Try(at=_text(datetime.now(UTC)), error=why, duration_ms=0)
            self._commit(lambda: self._deliveries.give_up(parcel, tried))
        else:
            self._commit(lambda: self._deliveries.put_off(parcel, delay_s))

    def _try(self, parcel: Parcel) -> tuple[Try, Reply]:
        at, started = datetime.now(UTC), time.monotonic()
        headers = signing.headers(parcel.secrets, parcel.message, int(at.timestamp()), parcel.body)
        try:
            reply = self._post.send(parcel.url, headers, parcel.body)
        except Exception as bug:  # noqa: BLE001  # a fault of ours must not keep the job leased for ever
            _log.error("bug", exc_info=bug)
            reply = Reply(error="internal")
        took = time.monotonic() - started
        error = reply.error
        if error is None and not 200 <= (reply.status or 0) < 300:
            error = "redirected" if 300 <= (reply.status or 0) < 400 else "refused_by_receiver"
        self._meter.delivery(error or "delivered", took)
        tried = Try(
            at=_text(at),
            status=reply.status,
            error=error,
            duration_ms=round(took * 1000),
            response=reply.start.decode(errors="replace"),
        )
        return tried, reply


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Webhooks: the events that are sent, endpoints, secrets and deliveries as the API shows them."""

from enum import StrEnum

from pydantic import BaseModel
from pydantic import Field as Member


class EventType(StrEnum):
    """What receivers are told of; a test is sent to the one endpoint that is tested."""

    DOCUMENT_SUCCEEDED = "document.succeeded"
    DOCUMENT_PARTIAL = "document.partial"
    DOCUMENT_FAILED = "document.failed"
    DOCUMENT_CANCELLED = "document.cancelled"
    DOCUMENT_CORRECTED = "document.corrected"
    BATCH_FINISHED = "batch.finished"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_TEST = "webhook.test"


class EventData(BaseModel):
    """Which thing the event is about, never what it says: whoever wants that asks the API."""

    document_id: str | None = None
    run_id: str | None = None
    batch_id: str | None = None
    external_id: str | None = None
    state: str
    sequence: int
    """A later event has the higher number; what arrives may come in any order, and twice."""


class EndpointData(EventData):
    """Of `webhook.disabled` and `webhook.test`."""

    webhook_id: str


class Event(BaseModel):
    """The body of a delivery."""

    type: EventType
    timestamp: str
    data: EndpointData | EventData


class DisabledReason(StrEnum):
    REQUESTED = "requested"
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """Nothing got through for as long as tries go on."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(BaseModel):
    """A registered endpoint. ``events`` null: all of them."""

    id: str
    url: str
    description: str | None = None
    events: list[EventType] | None = None
    enabled: bool
    disabled_at: str | None = None
    disabled_reason: DisabledReason | None = None
    failing_since: str | None = None
    created_at: str


class NewWebhook(Webhook):
    """With the secret, which is shown this once."""

    secret: str


class Secret(BaseModel):
    """The newest secret; ``previous_expires_at``: until then another one signs beside it."""

    secret: str
    previous_expires_at: str | None = None


class Try(BaseModel):
    """One try to deliver: ``error`` is null when it succeeded; ``response`` the first bytes of the answer."""

    at: str
    status: int | None = None
    error: str | None = None
    duration_ms: int
    response: str = ""


class Delivery(BaseModel):
    """An event on its way to one receiver; ``log`` holds the last tries."""

    id: str
    webhook_id: str | None
    message_id: str
    type: EventType
    data: EndpointData | EventData
    url: str
    state: DeliveryState
    tries: int
    next_try_at: str | None = None
    created_at: str
    finished_at: str | None = None
    log: list[Try] = Member(default_factory=list)

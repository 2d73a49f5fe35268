"""Shapes of webhooks in requests, and rows of the store as the API shows them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from schemas.numbers import OF_JSON
from schemas.webhook import Delivery, DeliveryState, EventType, NewWebhook, Try, Webhook
from services.stores import delivery_log, hook_rows
from services.stores.delivery_rows import event_of
from services.views import rfc3339
from services.webhooks import MAX_OVERLAP_S, OVERLAP_S, Made


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    description: str | None = Field(default=None, max_length=500)
    events: list[EventType] | None = Field(default=None, min_length=1, max_length=20)

    @field_validator("events")
    @classmethod
    def _subscribable(cls, events: list[EventType] | None) -> list[EventType] | None:
        if events is not None and EventType.WEBHOOK_TEST in events:
            raise ValueError("webhook.test is sent when it is asked for, whatever the filter")
        return events


class WebhookIn(_Wanted):
    url: str = Field(min_length=1, max_length=2000)


class WebhookChange(_Wanted):
    """Only the members given are changed; ``events`` null: all of them."""

    url: str = Field(default="", min_length=1, max_length=2000)
    enabled: StrictBool = True


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    overlap_s: Annotated[int, Field(ge=0, le=MAX_OVERLAP_S), OF_JSON] = OVERLAP_S


def webhook_of(row: hook_rows.Row) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        description=row.description,
        events=row.events,
        enabled=row.disabled_at is None,
        disabled_at=rfc3339(row.disabled_at),
        disabled_reason=row.disabled_reason,
        failing_since=rfc3339(row.failing_since),
        created_at=rfc3339(row.created_at) or "",
    )


def made(new: Made) -> NewWebhook:
    return NewWebhook(**webhook_of(new.row).model_dump(), secret=new.secret)


def delivery_of(row: delivery_log.Row) -> Delivery:
    event = event_of(row)
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        message_id=row.message_id,
        type=event.type,
        data=event.data,
        url=row.to,
        state=DeliveryState(row.state),
        tries=row.tries,
        next_try_at=rfc3339(row.run_after),
        created_at=rfc3339(row.created_at) or "",
        finished_at=rfc3339(row.finished_at),
        log=[Try.model_validate(one) for one in row.log],
    )

"""Routes of webhooks: endpoints, their secrets, the log of deliveries."""

from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ValidationError

from schemas.api import Listing
from schemas.webhook import Delivery, DeliveryState, NewWebhook, Secret, Webhook
from services.api import examples, webhook_examples
from services.api.bodies import json_members
from services.api.cursors import Cursor, cursor_of, next_cursor
from services.api.deps import Admin, Served
from services.api.webhook_views import Rotation, WebhookChange, WebhookIn, delivery_of, made, webhook_of
from services.container import Parts
from services.faults import invalid

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
M = TypeVar("M", bound=BaseModel)

Hook = Annotated[str, Path(alias="webhook_id", max_length=64)]
HookOrCallbacks = Annotated[
    str,
    Path(alias="webhook_id", max_length=64, description="an endpoint, or `callbacks`: all callback URLs"),
]
Sent = Annotated[str, Path(alias="delivery_id", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200)]


async def _body(request: Request, parts: Parts, model: type[M]) -> M:
    try:
        return model.model_validate(await json_members(request, parts))
    except ValidationError as error:
        raise invalid(error) from None


@router.post(
    "",
    status_code=201,
    openapi_extra=webhook_examples.POST_WEBHOOK,
    responses=examples.problems(400, 409, 413, 415, 422),
)
async def post_webhook(request: Request, parts: Served, who: Admin) -> NewWebhook:
    """Register an endpoint. The answer alone holds its secret: keep it, deliveries are signed with it."""
    wanted = await _body(request, parts, WebhookIn)
    new = await to_thread.run_sync(
        parts.webhooks.add, who.tenant, wanted.url, wanted.description, wanted.events
    )
    return made(new)


@router.get("", responses=examples.problems(422))
def list_webhooks(parts: Served, who: Admin, cursor: Cursor = None, limit: Limit = 50) -> Listing[Webhook]:
    """The endpoints, oldest first."""
    found = parts.webhooks.some(who.tenant, cursor_of("webhooks", cursor) or "", limit + 1)
    more = next_cursor("webhooks", found[limit - 1].id) if len(found) > limit else None
    return Listing(items=[webhook_of(row) for row in found[:limit]], next_cursor=more)


@router.get("/callbacks/secret")
def get_callback_secret(parts: Served, who: Admin) -> Secret:
    """The secret that signs what is sent to the `callback_url` of requests; one for all of them."""
    return parts.webhooks.callback_secret(who.tenant)


@router.get("/{webhook_id}", responses=examples.problems(404))
def get_webhook(webhook: Hook, parts: Served, who: Admin) -> Webhook:
    return webhook_of(parts.webhooks.get(who.tenant, webhook))


@router.patch(
    "/{webhook_id}",
    openapi_extra=webhook_examples.PATCH_WEBHOOK,
    responses=examples.problems(400, 404, 413, 415, 422),
)
async def patch_webhook(request: Request, webhook: Hook, parts: Served, who: Admin) -> Webhook:
    """Change the members given. `enabled: true` also sends what waited while it was disabled."""
    wanted = await _body(request, parts, WebhookChange)
    values = wanted.model_dump(include=wanted.model_fields_set - {"enabled"})
    enabled = wanted.enabled if "enabled" in wanted.model_fields_set else None

    def change() -> Webhook:
        return webhook_of(parts.webhooks.change(who.tenant, webhook, values, enabled=enabled))

    return await to_thread.run_sync(change)


@router.delete("/{webhook_id}", status_code=204, responses=examples.problems(404))
def delete_webhook(webhook: Hook, parts: Served, who: Admin) -> None:
    """Forget an endpoint with its log; what was on its way to it is not sent."""
    parts.webhooks.remove(who.tenant, webhook)


@router.post(
    "/{webhook_id}/rotate",
    openapi_extra=webhook_examples.ROTATE_SECRET,
    responses=examples.problems(400, 404, 409, 413, 415, 422),
)
async def rotate_secret(request: Request, webhook: HookOrCallbacks, parts: Served, who: Admin) -> Secret:
    """A new secret. For `overlap_s` deliveries carry a signature of the old one too."""
    wanted = await _body(request, parts, Rotation)
    return await to_thread.run_sync(parts.webhooks.rotate, who.tenant, webhook, wanted.overlap_s)


@router.post("/{webhook_id}/test", status_code=202, responses=examples.problems(404, 409))
def test_webhook(webhook: Hook, parts: Served, who: Admin) -> Delivery:
    """Send `webhook.test`; how it went is in the log."""
    return delivery_of(parts.webhooks.test(who.tenant, webhook))


@router.get("/{webhook_id}/deliveries", responses=examples.problems(404, 422))
def list_deliveries(
    webhook: HookOrCallbacks,
    parts: Served,
    who: Admin,
    state: DeliveryState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Listing[Delivery]:
    """What was and is being sent, newest first."""
    before = cursor_of("deliveries", cursor)
    found = parts.webhooks.deliveries(who.tenant, webhook, state, before, limit + 1)
    more = next_cursor("deliveries", found[limit - 1].id) if len(found) > limit else None
    return Listing(items=[delivery_of(row) for row in found[:limit]], next_cursor=more)


@router.get("/{webhook_id}/deliveries/{delivery_id}", responses=examples.problems(404))
def get_delivery(webhook: HookOrCallbacks, delivery: Sent, parts: Served, who: Admin) -> Delivery:
    return delivery_of(parts.webhooks.delivery(who.tenant, webhook, delivery))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    responses=examples.problems(404, 409),
)
def redeliver(webhook: HookOrCallbacks, delivery: Sent, parts: Served, who: Admin) -> Delivery:
    """Send it once more, with the same `webhook-id`; what waits for its next try goes at once."""
    return delivery_of(parts.webhooks.redeliver(who.tenant, webhook, delivery))

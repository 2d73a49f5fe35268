"""What OpenAPI shows of webhooks besides the shapes."""

from typing import Any

from schemas.webhook import EventType
from services.api.examples import closed, json_body

_SUBSCRIBABLE = [str(kind) for kind in EventType if kind is not EventType.WEBHOOK_TEST]
_EVENTS = {
    "anyOf": [
        {"type": "array", "items": {"enum": _SUBSCRIBABLE}, "minItems": 1, "maxItems": 20},
        {"type": "null"},
    ],
    "description": "types to be told of; null or left out: all of them",
}
_WEBHOOK: dict[str, Any] = {
    "url": {"type": "string", "pattern": "^https?://", "maxLength": 2000},
    "description": {"anyOf": [{"type": "string", "maxLength": 500}, {"type": "null"}]},
    "events": _EVENTS,
}
POST_WEBHOOK = json_body(
    closed("url", **_WEBHOOK),
    {"url": "https://example.com/quire", "events": ["document.succeeded", "document.failed"]},
    required=True,
)
PATCH_WEBHOOK = json_body(
    closed(**_WEBHOOK, enabled={"type": "boolean"}),
    {"enabled": True},
)
ROTATE_SECRET = json_body(
    closed(overlap_s={"type": "integer", "minimum": 0, "maximum": 604800, "default": 86400}),
    {"overlap_s": 3600},
)

"""What OpenAPI shows besides the shapes: request bodies, examples, the problems of each call."""

from typing import Any

from schemas.api import DocumentView, Problem, RunView
from services.api.problems import MEDIA_TYPE

_WORDS = {
    400: "the body is empty or malformed",
    401: "no API key, or one that is unknown, expired or revoked",
    403: "the key lacks the scope of this route, or Host or Origin is not this service's",
    404: "there is no such thing",
    406: "not in the format asked for",
    409: "its state does not allow this now",
    410: "the document has expired",
    412: "another version is the newest",
    413: "larger than allowed",
    415: "a type Quire does not read",
    422: "the request is invalid; `errors` points to each fault",
    429: "too many requests, pages of this month, or pages that wait; `Retry-After` says when to try again",
    503: "not available right now; `Retry-After` says when to try again",
}

_PROBLEM = {
    "type": "urn:quire:error:schema_unknown",
    "title": "Unprocessable Content",
    "status": 422,
    "code": "schema_unknown",
    "detail": "there is no schema 'invoices'; there are: invoice, receipt",
    "retryable": False,
    "request_id": "req_01kb2c8m3v5x7z9b1d3f5h7k9n",
    "errors": [
        {"pointer": "/request/schema", "code": "schema_unknown", "detail": "there is no schema 'invoices'"}
    ],
}

DOCUMENT: dict[str, Any] = {
    "id": "doc_01kb2c8m3v5x7z9b1d3f5h7k9n",
    "run_id": "run_01kb2c8m3w0q2s4t6v8x0z2b4d",
    "batch_id": None,
    "parent_id": None,
    "part": None,
    "external_id": "erp-4711",
    "state": "succeeded",
    "error": None,
    "progress": {"pages_total": 2, "pages_done": 2, "pages_failed": 0},
    "filename": "invoice.pdf",
    "media_type": "application/pdf",
    "bytes": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "schema": "invoice@1",
    "labels": {"dept": "hr"},
    "created_at": "2026-11-23T08:30:00.000Z",
    "finished_at": "2026-11-23T08:30:02.125Z",
    "expires_at": None,
}

REQUEST: dict[str, Any] = {
    "schema": "invoice",
    "pages": "1-3",
    "languages": ["de"],
    "budget": {"profile": "balanced"},
    "labels": {"dept": "hr"},
    "external_id": "erp-4711",
}


KEY_SHAPE: dict[str, Any] = {"minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: problem(status) | {"model": Problem} for status in statuses}


def problem(status: int) -> dict[str, Any]:
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _PROBLEM}
    return {"description": _WORDS[status], "content": {MEDIA_TYPE: shape}}


def created(*statuses: int) -> dict[int | str, dict[str, Any]]:
    words = {200: "the run has finished", 202: "the run is under way; `Location` says where to look"}
    example = {"application/json": {"example": DOCUMENT}}
    return {s: {"description": words[s], "model": DocumentView, "content": example} for s in statuses}


def runs_made() -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "the run has finished", "model": RunView},
        202: {"description": "the run is under way", "model": RunView},
    }


def json_body(schema: dict[str, Any], example: Any, *, required: bool = False) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


SOURCES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "base64": {"type": "string"},
        "object": {"type": "string", "examples": ["s3://inbox/2026/a.pdf"]},
        "upload": {"type": "string", "examples": ["upl_01kb2c8m3v5x7z9b1d3f5h7k9n"]},
        "filename": {"type": "string"},
    },
    "description": "exactly one of url, base64, object, upload",
}
REF = {"$ref": "#/components/schemas/Request"}

POST_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "request": REF,
                        "schema": {"type": "string", "description": "name of a schema, or a JSON Schema"},
                        "tasks": {"type": "string", "description": "comma-separated"},
                        "questions": {"type": "string", "description": "repeat for more"},
                        "pages": {"type": "string", "examples": ["1-3,7"]},
                        "split": {"type": "string", "description": "true, or a JSON object"},
                        "languages": {"type": "string", "description": "comma-separated"},
                        "password": {"type": "string"},
                    },
                },
                "encoding": {"request": {"contentType": "application/json"}},
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["source"],
                    "properties": {"source": SOURCES, "request": REF},
                },
                "examples": {
                    "url": {"value": {"source": {"url": "https://example.com/a.pdf"}, "request": REQUEST}},
                    "object": {"value": {"source": {"object": "s3://inbox/2026/a.pdf"}, "request": REQUEST}},
                    "base64": {"value": {"source": {"base64": "JVBERi0x...", "filename": "a.pdf"}}},
                },
            },
        },
    }
}

POST_RUN = json_body(
    {"type": "object", "properties": {"request": REF}}, {"request": {"schema": "receipt", "pages": "2"}}
)
POST_QUESTIONS = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["questions"],
        "properties": {
            "questions": {
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "items": {"type": "string", "minLength": 1},
            },
            "password": {"type": "string"},
        },
    },
    {"questions": ["Who signed it?"]},
    required=True,
)
POST_RETRY = json_body(
    {"type": "object", "additionalProperties": False, "properties": {"password": {"type": "string"}}}, {}
)
POST_UPLOAD = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["bytes"],
        "properties": {
            "filename": {"type": "string", "maxLength": 1024},
            "bytes": {"type": "integer", "minimum": 1},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
    },
    {"filename": "archive-scan.pdf", "bytes": 734003200},
    required=True,
)
_OPERAND = {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}
_ORDER_SCHEMA = {
    "type": "object",
    "title": "Delivery note",
    "required": ["number"],
    "properties": {
        "number": {"type": "string", "x-labels": ["Lieferschein-Nr.", "Delivery note no."]},
        "delivered": {"type": "string", "format": "date"},
        "line_items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"description": {"type": "string"}, "quantity": {"type": "number"}},
            },
        },
    },
}
PUT_SCHEMA = json_body({"type": "object", "description": "a JSON Schema"}, _ORDER_SCHEMA, required=True)
POST_INFER = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["document_id"],
        "properties": {
            "document_id": {"type": "string"},
            "run_id": {"type": "string"},
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
        },
    },
    {"document_id": DOCUMENT["id"], "title": "Delivery note"},
    required=True,
)
POST_QUERY = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "where": {"type": "object", "description": "a condition: see docs/query.md"},
            "rows": {"type": "string", "default": "documents", "description": "documents, or a list in them"},
            "select": {"type": "array", "items": _OPERAND},
            "order": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["by"],
                    "properties": {"by": _OPERAND, "dir": {"enum": ["asc", "desc"]}},
                },
            },
            "aggregate": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["op"],
                    "properties": {
                        "op": {"enum": ["count", "sum", "min", "max", "avg"]},
                        "field": _OPERAND,
                        "as": {"type": "string"},
                    },
                },
            },
            "group_by": {"type": "array", "items": _OPERAND},
            "limit": {"type": "integer", "minimum": 1},
            "cursor": {"type": ["string", "null"]},
        },
    },
    {
        "where": {
            "and": [
                {"field": "total", "op": "gt", "value": 100},
                {"any": "line_items", "where": {"field": "sku", "op": "eq", "value": "A"}},
                {"label": "dept", "op": "eq", "value": "hr"},
            ]
        },
        "select": ["number", "total", "document.filename"],
        "order": [{"by": "total", "dir": "desc"}],
        "limit": 50,
    },
)
PATCH_FIELDS = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["corrections"],
        "properties": {
            "corrections": {
                "type": "array",
                "minItems": 1,
                "maxItems": 500,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["path"],
                    "properties": {"path": {"type": "string"}, "value": {}, "withdraw": {"type": "boolean"}},
                },
            }
        },
    },
    {
        "corrections": [
            {"path": "total", "value": 700.1},
            {"path": "currency", "value": "EUR"},
            {"path": "line_items[0].sku", "withdraw": True},
        ]
    },
    required=True,
)
_EVENTS = {
    "anyOf": [
        {"type": "array", "items": {"$ref": "#/components/schemas/EventType"}, "minItems": 1, "maxItems": 20},
        {"type": "null"},
    ],
    "description": "types to be told of; null or left out: all of them",
}
_WEBHOOK = {
    "url": {"type": "string", "minLength": 1, "maxLength": 2000},
    "description": {"anyOf": [{"type": "string", "maxLength": 500}, {"type": "null"}]},
    "events": _EVENTS,
}
POST_WEBHOOK = json_body(
    {"type": "object", "additionalProperties": False, "required": ["url"], "properties": _WEBHOOK},
    {"url": "https://example.com/quire", "events": ["document.succeeded", "document.failed"]},
    required=True,
)
PATCH_WEBHOOK = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {**_WEBHOOK, "enabled": {"type": "boolean"}},
    },
    {"enabled": True},
)
ROTATE_SECRET = json_body(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {"overlap_s": {"type": "integer", "minimum": 0, "maximum": 604800, "default": 86400}},
    },
    {"overlap_s": 3600},
)

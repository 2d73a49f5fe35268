"""What OpenAPI shows besides the shapes: request bodies, examples, the problems of each call."""

import base64
from typing import Any

from schemas.api import DocumentView, Problem, RunView
from schemas.request import PAGES_SHAPE, BudgetProfile, Priority, Task
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


def closed(*required: str, **properties: Any) -> dict[str, Any]:
    """An object that has no other members than these."""
    needed: dict[str, Any] = {"required": list(required)} if required else {}
    return {"type": "object", "additionalProperties": False, **needed, "properties": properties}


SMALL_PDF = base64.b64encode(
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F<</Type/Font"
    b"/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj 4 0 obj<</Length 49>>stream\n"
    b"BT /F 14 Tf 20 40 Td (Total 700.10 EUR) Tj ET    \nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
).decode()
"""One page that says `Total 700.10 EUR`."""

_SOURCES: dict[str, dict[str, Any]] = {
    "url": {"type": "string", "maxLength": 4096, "description": "http or https"},
    "base64": {"type": "string", "format": "byte"},
    "object": {"type": "string", "maxLength": 4096, "examples": ["s3://inbox/2026/a.pdf"]},
    "upload": {"type": "string", "maxLength": 64, "examples": ["upl_01kb2c8m3v5x7z9b1d3f5h7k9n"]},
}


def one_of(*names: str, **more: Any) -> dict[str, Any]:
    """An object with exactly one of these sources, and what else it may hold."""
    return {
        "oneOf": [closed(name, **{name: _SOURCES[name], "filename": _FILENAME}, **more) for name in names],
        "description": f"exactly one of {', '.join(names)}",
    }


_FILENAME = {"type": ["string", "null"], "maxLength": 1024}
SOURCE = one_of("url", "base64", "object", "upload")
REF = {"$ref": "#/components/schemas/Request"}

_TASK = "|".join(Task)
_LANGUAGE = "[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*"
FORM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "request": REF,
        "schema": {"type": "string", "minLength": 1, "description": "name of a schema, or a JSON Schema"},
        "tasks": {"type": "string", "pattern": f"^({_TASK})(,({_TASK}))*$"},
        "questions": {"type": "string", "pattern": r"^[^\s\[]", "maxLength": 2000},
        "pages": {"type": "string", "examples": ["1-3,7"], "maxLength": 2000, **PAGES_SHAPE},
        "split": {"enum": ["true", "false"], "description": "or a JSON object"},
        "languages": {"type": "string", "pattern": f"^{_LANGUAGE}(,{_LANGUAGE}){{0,7}}$"},
        "budget": {"enum": [str(profile) for profile in BudgetProfile]},
        "engine": {"type": "string", "minLength": 1, "maxLength": 100},
        "reuse": {"enum": ["true", "false"]},
        "password": {"type": "string", "maxLength": 512},
        "priority": {"enum": [str(priority) for priority in Priority]},
        "callback_url": {"type": "string", "format": "uri", "pattern": "^https?://"},
        "external_id": {"type": "string", "minLength": 1, "maxLength": 256},
        "retention_hours": {"type": "string", "pattern": "^[1-9][0-9]{0,4}$"},
    },
    "patternProperties": {r"^label\.[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$": {"type": "string", "maxLength": 256}},
    "description": "what is asked stands in `request`, or in fields of their own",
}

POST_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": FORM,
                "encoding": {"request": {"contentType": "application/json"}},
            },
            "application/json": {
                "schema": closed("source", source=SOURCE, request=REF),
                "examples": {
                    "url": {"value": {"source": {"url": "https://example.com/a.pdf"}, "request": REQUEST}},
                    "object": {"value": {"source": {"object": "s3://inbox/2026/a.pdf"}, "request": REQUEST}},
                    "base64": {"value": {"source": {"base64": SMALL_PDF, "filename": "a.pdf"}}},
                },
            },
        },
    }
}

_PASSWORD = {"type": ["string", "null"], "maxLength": 512}
POST_RUN = json_body(
    {"anyOf": [closed(request=REF), REF]},
    {"request": {"schema": "receipt", "pages": "2"}},
)
POST_QUESTIONS = json_body(
    closed(
        "questions",
        questions={
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {"type": "string", "minLength": 1, "maxLength": 2000, "pattern": r"\S"},
        },
        password=_PASSWORD,
    ),
    {"questions": ["Who signed it?"]},
    required=True,
)
POST_RETRY = json_body(closed(password=_PASSWORD), {})
POST_UPLOAD = json_body(
    closed(
        "bytes",
        filename={"type": "string", "maxLength": 1024},
        bytes={"type": "integer", "minimum": 1},
        sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
    ),
    {"filename": "archive-scan.pdf", "bytes": 734003200},
    required=True,
)
TEXT = {"type": "string", "minLength": 1, "maxLength": 2000}
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
    closed(
        "document_id",
        document_id={"type": "string", "maxLength": 64},
        run_id={"type": ["string", "null"], "maxLength": 64},
        title={"type": ["string", "null"], "minLength": 1, "maxLength": 200},
    ),
    {"document_id": DOCUMENT["id"], "title": "Delivery note"},
    required=True,
)
PATCH_FIELDS = json_body(
    closed(
        "corrections",
        corrections={
            "type": "array",
            "minItems": 1,
            "maxItems": 500,
            "items": {
                "oneOf": [
                    closed("path", "value", path=TEXT, value={}, withdraw={"const": False}),
                    closed("path", "withdraw", path=TEXT, withdraw={"const": True}),
                ],
            },
        },
    ),
    {
        "corrections": [
            {"path": "total", "value": 700.1},
            {"path": "currency", "value": "EUR"},
            {"path": "line_items[0].sku", "withdraw": True},
        ]
    },
    required=True,
)

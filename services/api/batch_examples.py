"""What OpenAPI shows of batches besides the shapes."""

from typing import Any

from schemas.batch import BatchView
from services.api.examples import REF, SOURCES

_ARCHIVE = {"type": "string", "format": "binary"}
_MEMBERS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "url": {"type": "string", "format": "uri"},
            "base64": {"type": "string"},
            "object": {"type": "string", "examples": ["s3://inbox/2026/a.pdf"]},
            "filename": {"type": "string"},
            "external_id": {"type": "string", "minLength": 1, "maxLength": 256},
            "request": REF,
        },
        "description": "exactly one of url, base64, object; `request` adds to the one for all",
    },
}

POST_BATCH: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _ARCHIVE, "request": REF},
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "source": {
                            "type": "object",
                            "properties": {**SOURCES["properties"], "prefix": {"type": "string"}},
                            "description": "an archive, or `prefix`: all objects below it",
                        },
                        "sources": _MEMBERS,
                        "request": REF,
                    },
                    "description": "either source or sources",
                },
                "example": {
                    "sources": [{"url": "https://example.org/a.pdf", "external_id": "erp-1"}],
                    "request": {"schema": "invoice"},
                },
            },
            **{
                name: {"schema": _ARCHIVE}
                for name in ("application/zip", "application/x-7z-compressed", "application/octet-stream")
            },
        },
    }
}


def made() -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "the batch has ended", "model": BatchView},
        202: {"description": "the batch is under way; `Location` says where to look", "model": BatchView},
    }

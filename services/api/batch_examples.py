"""What OpenAPI shows of batches besides the shapes."""

from typing import Any

from schemas.batch import BatchView
from services.api.examples import FORM, REF, SMALL_PDF, SOURCE, closed, one_of

_ARCHIVE = {"type": "string", "format": "binary"}
_MEMBERS = {
    "type": "array",
    "minItems": 1,
    "items": one_of(
        "url",
        "base64",
        "object",
        external_id={"type": ["string", "null"], "minLength": 1, "maxLength": 256},
        request={"anyOf": [REF, {"type": "null"}]},
    ),
    "description": "`request` of a member adds to the one for all",
}
_PREFIX = closed("prefix", prefix={"type": "string", "pattern": "^s3://", "maxLength": 4096}) | {
    "description": "all objects below it"
}

POST_BATCH: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": FORM,
                "encoding": {"request": {"contentType": "application/json"}},
            },
            "application/json": {
                "schema": {
                    "oneOf": [
                        closed("source", source={"oneOf": [*SOURCE["oneOf"], _PREFIX]}, request=REF),
                        closed("sources", sources=_MEMBERS, request=REF),
                    ],
                    "description": "source: an archive, or all objects below a prefix; or sources",
                },
                "example": {
                    "sources": [{"base64": SMALL_PDF, "filename": "a.pdf", "external_id": "erp-1"}],
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

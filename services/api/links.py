"""Links of the OpenAPI document: which answers hold the ids that other operations ask for."""

from typing import Any

_BODY = "$response.body#/{}"
_DOCUMENT = {"document_id": _BODY.format("id")}
_RUN = {"document_id": "$request.path.document_id", "run_id": _BODY.format("id")}
_FIRST_PAGE = _DOCUMENT | {"number": "1"}
_BATCH = {"batch_id": _BODY.format("id")}
_HOOK = {"webhook_id": _BODY.format("id")}
_DELIVERY = {"webhook_id": _BODY.format("webhook_id"), "delivery_id": _BODY.format("id")}
_SCHEMA = {"name": _BODY.format("name")}

_OF_DOCUMENT = (
    "get_document", "delete_document", "list_runs", "post_run", "retry", "ask", "cancel", "get_result",
    "get_markdown", "list_pages", "get_searchable", "get_workbook", "get_hocr", "get_alto", "get_chunks",
    "correct_fields", "get_events",
)  # fmt: skip
_OF_PAGE = ("get_page", "get_image")
_OF_BATCH = (
    "get_batch", "delete_batch", "cancel_batch", "retry_batch", "list_members", "get_lines", "get_table",
    "get_archive",
)  # fmt: skip
_OF_HOOK = (
    "get_webhook", "patch_webhook", "delete_webhook", "rotate_secret", "test_webhook", "list_deliveries",
)  # fmt: skip
_OF_SCHEMA = ("get_schema", "put_schema", "delete_schema", "list_versions")

Targets = dict[str, dict[str, str]]


def _to(operations: tuple[str, ...], parameters: dict[str, str]) -> Targets:
    return dict.fromkeys(operations, parameters)


_DOCUMENT_LINKS = _to(_OF_DOCUMENT, _DOCUMENT) | _to(_OF_PAGE, _FIRST_PAGE)
_BATCH_LINKS = _to(_OF_BATCH, _BATCH)
_VERSION = _SCHEMA | {"version": _BODY.format("version")}

LINKS: dict[str, Targets] = {
    "post_document": _DOCUMENT_LINKS
    | {"get_run": _DOCUMENT | {"run_id": _BODY.format("run_id")}}
    | {"get_run_result": _DOCUMENT | {"run_id": _BODY.format("run_id")}},
    "get_document": _DOCUMENT_LINKS,
    "post_run": _to(("get_run", "get_run_result"), _RUN),
    "ask": _to(("get_run", "get_run_result"), _RUN),
    "retry": _to(("get_run", "get_run_result"), _RUN),
    "get_result": _to(
        ("get_csv", "get_html"),
        {"document_id": "$request.path.document_id", "table_id": _BODY.format("tables/0/id")},
    ),
    "post_batch": _BATCH_LINKS,
    "get_batch": _BATCH_LINKS,
    "list_members": {"get_document": {"document_id": _BODY.format("items/0/document_id")}},
    "post_webhook": _to(_OF_HOOK, _HOOK),
    "test_webhook": _to(("get_delivery", "redeliver"), _DELIVERY),
    "list_deliveries": _to(
        ("get_delivery", "redeliver"),
        {"webhook_id": "$request.path.webhook_id", "delivery_id": _BODY.format("items/0/id")},
    ),
    "put_schema": _to(_OF_SCHEMA, _SCHEMA) | {"get_schema_version": _VERSION},
}
"""Operation to those that can follow it, with where each parameter comes from."""


def link(operation: dict[str, Any]) -> None:
    """Add to the good answers of an operation where they lead."""
    targets = LINKS.get(operation["operationId"], {})
    links = {name: {"operationId": name, "parameters": parameters} for name, parameters in targets.items()}
    for status, answer in operation["responses"].items():
        if links and status.startswith("2"):
            answer["links"] = links

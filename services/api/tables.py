"""Routes of single tables: CSV and HTML."""

import html

from fastapi import APIRouter
from fastapi.responses import Response

from schemas.ids import TenantId
from schemas.table import Table
from services.api import examples
from services.api.deps import Reader, Served
from services.api.results import Run
from services.container import Parts
from services.spreadsheet import csv_lines, grid

router = APIRouter(prefix="/v1/documents/{document_id}/tables", tags=["results"])

# What was read in a document must not become active in the reader's browser.
_SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title>{title}</title>'
    "<style>table{{border-collapse:collapse}}td,th{{border:1px solid #999;padding:.2em .5em}}</style>"
    "</head><body>{table}</body></html>\n"
)


def _table(parts: Parts, tenant: TenantId, document_id: str, table_id: str, run: str | None) -> Table:
    found = parts.lookup.finished_run(tenant, document_id, run)
    return parts.results.table(tenant, found.id, table_id)


@router.get(
    "/{table_id}.csv",
    response_class=Response,
    responses=examples.problems(404, 409, 410, 422) | {200: {"content": {"text/csv": {}}}},
)
def get_csv(document_id: str, table_id: str, parts: Served, who: Reader, run: Run = None) -> Response:
    """A table as CSV; cells that a spreadsheet would run as formulas are made harmless."""
    table = _table(parts, who.tenant, document_id, table_id, run)
    name = f'attachment; filename="{document_id}-{table.id}.csv"'
    body = b"".join(csv_lines(grid(table)))
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


@router.get(
    "/{table_id}.html",
    response_class=Response,
    responses=examples.problems(404, 409, 410, 422) | {200: {"content": {"text/html": {}}}},
)
def get_html(document_id: str, table_id: str, parts: Served, who: Reader, run: Run = None) -> Response:
    """A table as a page of HTML, spans kept."""
    table = _table(parts, who.tenant, document_id, table_id, run)
    title = html.escape(table.caption or table.id)
    text = _PAGE.format(title=title, table=table.html)
    return Response(text, media_type="text/html; charset=utf-8", headers=_SANDBOX)

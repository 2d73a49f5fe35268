"""Spreadsheets of queries carry the evidence of their cells, on both databases."""

from pathlib import Path

import openpyxl

from schemas.field import Evidence, Field, FieldState, FieldType
from schemas.ids import DEFAULT_TENANT, TenantId
from schemas.result import RunState
from services.page_views import PageViews
from services.query.engine import Queries
from services.query.parse import parse
from services.stores import commands, field_rows, transitions
from services.stores.engine import Database
from services.workbooks import Workbooks
from tests.contract.store import Store

OTHER = TenantId("other")


def field(path: str, value: float | str, page: int, quote: str) -> Field:
    kind = FieldType.MONEY if isinstance(value, float) else FieldType.TEXT
    exact = {"decimal": f"{value:.2f}", "currency": "EUR"} if kind is FieldType.MONEY else {}
    evidence = [Evidence(page=page, quote=quote, boxes=[(10, 20, 30.5, 40)])]
    found = {"state": FieldState.FOUND, "value": value, "confidence": 0.97, "evidence": evidence, **exact}
    return Field(path=path, type=kind, **found)


def stored(database: Database, leaves: list[Field], tenant: TenantId = DEFAULT_TENANT) -> None:
    """A document that was read twice: what the older run found is seen by nobody."""
    key = Store(database).blob(tenant)
    with database.write() as connection:
        new = commands.NewDocument(tenant, key, "application/pdf", 5, "a.pdf")
        document, old = commands.create_document(connection, new, commands.NewRun({}))
        run = commands.create_run(connection, tenant, document, commands.NewRun({}, schema_ref="invoice@1"))
        field_rows.write(connection, (tenant, document, old), [field("total", 1.0, 9, "seen by nobody")])
        field_rows.write(connection, (tenant, document, run), leaves)
        for ended in (old, run):
            transitions.end_run(connection, ended, RunState.SUCCEEDED)


def notes(database: Database, folder: Path, query: dict[str, object]) -> dict[str, str]:
    """Text of each note of the only sheet with rows, by the value of its cell."""
    answers = Queries(database).pages(DEFAULT_TENANT, parse(query), None, None)
    path = Workbooks(database, PageViews(database), folder).of_query(DEFAULT_TENANT, answers, by_schema=False)
    cells = [cell for row in openpyxl.load_workbook(path)["rows"].iter_rows() for cell in row]
    return {str(cell.value): cell.comment.text for cell in cells if cell.comment is not None}


def test_cells_of_documents_say_where_they_were_read(database: Database, tmp_path: Path) -> None:
    for number in range(120):  # evidence is read for fifty rows at a time
        leaves = [
            field("total", 100.5 + number, 2, f"Gesamt {number}"),
            field("number", f"R{number}", 1, "Nr."),
        ]
        stored(database, leaves)
    stored(database, [field("total", 7.25, 1, "of another tenant")], OTHER)
    found = notes(database, tmp_path, {"select": ["number", "total"]})
    assert len(found) == 240
    assert found["R7"] == "page 1: Nr.\nbox 10, 20, 30.5, 40\nconfidence 0.97"
    assert found["107.5"] == "page 2: Gesamt 7\nbox 10, 20, 30.5, 40\nconfidence 0.97"


def test_cells_of_items_say_where_their_own_item_was_read(database: Database, tmp_path: Path) -> None:
    items = [field(f"items[{n}].sum", 10.5 + n, n + 1, f"item {n}") for n in range(3)]
    stored(database, [field("total", 33.5, 1, "Gesamt"), *items])
    found = notes(database, tmp_path, {"rows": "items", "select": ["sum", "$.total"]})
    assert found["11.5"].startswith("page 2: item 1\n")
    assert found["12.5"].startswith("page 3: item 2\n")
    assert found["33.5"].startswith("page 1: Gesamt\n")

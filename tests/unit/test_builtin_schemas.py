"""Each schema that comes with Quire, filled from a sample document of its kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model_runtime.spec import cpu_spec
from pipeline import steps
from pipeline.fields.candidates import candidates
from pipeline.fields.infer import look, propose
from pipeline.fields.leaves import walk
from pipeline.fields.resolve import resolve
from pipeline.orders import PageOrder, SourceFile
from pipeline.user_schema import check_schema
from schemas.page import PageContent
from schemas.request import BudgetProfile, BudgetRequest, Task
from services.builtin_schemas import Builtins
from tests.samples import invoice, order, papers

NAMES = {"invoice", "receipt", "purchase_order", "bank_statement", "id_document", "contract"}
ORDER: dict[str, Any] = {
    "number": "PO-77120",
    "date": "2024-09-02",
    "supplier": "Fairweather Supplies Ltd",
    "net": 486.05,
    "total": 583.26,
    "line_items": [
        {"description": row["article"], "quantity": row["units"], "amount": float(row["sum"])}
        for row in order.TRUE["positions"]
    ],
}
INVOICE: dict[str, Any] = {"number": "RE-2024-00815", "date": "2024-03-14", "total": 685.68}


def content_of(pdf: bytes, folder: Path) -> PageContent:
    path = folder / "a.pdf"
    path.write_bytes(pdf)
    spec = cpu_spec(1)
    tasks = frozenset((Task.TEXT, Task.TABLES, Task.FIELDS))
    budget = BudgetRequest(profile=BudgetProfile.BALANCED)
    order_ = PageOrder(1, spec.limits, spec.pixels_per_x_height, budget, tasks)
    prepared = steps.prepare_page(SourceFile(str(path), "application/pdf"), order_)
    assert prepared.content is not None
    return prepared.content


def extracted(schema: Mapping[str, Any], content: PageContent) -> dict[str, Any]:
    return resolve(schema, candidates(schema, content), [1]).extraction


def differences(true: Any, found: Any, at: str = "") -> list[str]:
    if isinstance(true, dict):
        return [d for k, v in true.items() for d in differences(v, (found or {}).get(k), f"{at}.{k}")]
    if isinstance(true, list):
        lengths = [] if len(found or ()) == len(true) else [f"{at}: {len(found or ())} rows"]
        return lengths + [d for t, f in zip(true, found or (), strict=False) for d in differences(t, f, at)]
    return [] if true == found else [f"{at}: {found!r} instead of {true!r}"]


@pytest.mark.parametrize(
    ("name", "pdf", "true"),
    [
        ("invoice", invoice.invoice_pdf, INVOICE),
        ("purchase_order", order.order_pdf, ORDER),
        ("bank_statement", papers.statement_pdf, papers.STATEMENT),
        ("id_document", papers.identity_pdf, papers.IDENTITY),
        ("contract", papers.contract_pdf, papers.CONTRACT),
    ],
)
def test_a_sample_of_its_kind_fills_it(name: str, pdf: Any, true: dict[str, Any], tmp_path: Path) -> None:
    schema = Builtins().find(name)
    assert schema is not None
    assert differences(true, extracted(schema.schema, content_of(pdf(), tmp_path))) == []


def test_all_are_there_and_pass_their_own_check() -> None:
    assert set(Builtins().names()) == NAMES
    for schema in Builtins().all():
        check_schema(schema.schema)
        walked = walk(schema.schema)
        assert walked.leaves
        assert walked.warnings == ()


@pytest.mark.parametrize("pdf", [invoice.invoice_pdf, order.order_pdf, papers.contract_pdf])
def test_what_is_proposed_finds_what_it_was_proposed_for(pdf: Any, tmp_path: Path) -> None:
    """Proposed, then asked: every property that was found is found again, with the same printed text."""
    content = content_of(pdf(), tmp_path)
    proposal = propose([look([content])], "A paper")
    check_schema(proposal.schema)
    assert proposal.schema["title"] == "A paper"
    made = resolve(proposal.schema, candidates(proposal.schema, content), [1])
    raws = {field.path.replace("[0]", "[]"): field.raw or "nothing" for field in made.fields}
    lost = [basis for basis in proposal.basis if raws[basis.path] not in (basis.value or "")]
    assert len(lost) <= 0.1 * len(proposal.basis), lost


def test_a_proposal_knows_labels_of_no_vocabulary(tmp_path: Path) -> None:
    schema = propose([look([content_of(papers.contract_pdf(), tmp_path)])]).schema
    law = schema["properties"]["ley_aplicable"]
    assert law == {"type": "string", "title": "Ley aplicable", "x-labels": ["Ley aplicable"]}


def test_a_proposal_reads_the_columns_of_tables(tmp_path: Path) -> None:
    schema = propose([look([content_of(papers.statement_pdf(), tmp_path)])]).schema
    lists = [node["items"]["properties"] for node in schema["properties"].values() if node["type"] == "array"]
    assert any({"verwendungszweck", "soll", "haben"} <= set(columns) for columns in lists), lists


def test_nothing_is_proposed_of_an_empty_page(tmp_path: Path) -> None:
    content = content_of(invoice.invoice_pdf(), tmp_path)
    nothing = content.page.model_copy(update={"words": [], "blocks": [], "text": ""})
    empty = content.model_copy(update={"page": nothing, "tables": []})
    assert propose([look([empty])]).schema["properties"] == {}

"""Results as text for a terminal and as CSV."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size

from schemas.table import Table
from services.intake.names import shown
from services.spreadsheet import csv_lines, grid

_HEAD = ("field", "value", "state", "confidence", "page", "quote", "box")
_WIDEST = {1: 40, 5: 48}


def table(result: dict[str, Any]) -> Iterator[str]:
    """Fields and answers in columns; what the document has in tables, and what to know, below."""
    rows = [_field_row(field) for field in result["fields"]]
    rows += [_answer_row(answer) for answer in result["answers"]]
    if rows:
        yield from _columns([_HEAD, *rows])
    if not result["fields"] and not result["answers"]:
        for number, found in enumerate(result["tables"]):
            if number:
                yield ""
            yield f"{found['id']}, page {found['parts'][0]['page']}: {found['caption'] or ''}".rstrip(": ")
            yield from _columns(grid(Table.model_validate(found)))
    for warning in result["warnings"]:
        page = f"page {warning['page']}: " if warning["page"] else ""
        yield f"! {page}{warning['detail']}"


def csv(result: dict[str, Any], file: Path) -> Iterator[str]:
    """With fields or answers one line each, else the rows of the tables, an empty line between tables."""
    rows = [_field_row(field) for field in result["fields"]]
    rows += [_answer_row(answer) for answer in result["answers"]]
    if rows:
        name = shown(str(file))
        grids = [[["file", *_HEAD], *([name, *row] for row in rows)]]
    else:
        grids = [grid(Table.model_validate(found)) for found in result["tables"]]
    for number, cells in enumerate(grids):
        if number:
            yield ""
        yield from (line.decode().removesuffix("\r\n") for line in csv_lines(cells))


def _field_row(field: dict[str, Any]) -> tuple[str, ...]:
    corrected = field["correction"]
    return (
        field["path"],
        _value(field, corrected["value"] if corrected else field["value"]),
        field["state"],
        _confidence(field["confidence"]),
        *_evidence(field["evidence"]),
    )


def _value(field: dict[str, Any], value: Any) -> str:
    if value is None:
        return ""
    if field["type"] == "money" and field["currency"] and field["decimal"]:
        return f"{field['decimal']} {field['currency']}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _answer_row(answer: dict[str, Any]) -> tuple[str, ...]:
    return (
        answer["question"],
        answer["answer"] or "",
        answer["state"],
        _confidence(answer["confidence"]),
        *_evidence(answer["evidence"]),
    )


def _confidence(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _evidence(evidence: Sequence[dict[str, Any]]) -> tuple[str, str, str]:
    """Page, quote and box of the first place."""
    if not evidence:
        return "", "", ""
    first = evidence[0]
    box = ",".join(f"{side:g}" for side in first["boxes"][0]) if first["boxes"] else ""
    return str(first["page"]), first["quote"], box


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Aligned as a terminal shows them: CJK characters are two columns wide."""
    cleaned = [[" ".join(text.split()) for text in row] for row in rows]
    widths = [max(cell_len(text) for text in column) for column in zip(*cleaned, strict=True)]
    widths = [min(width, _WIDEST.get(index, 32)) for index, width in enumerate(widths)]
    for row in cleaned:
        yield "  ".join(_fit(text, width) for text, width in zip(row, widths, strict=True)).rstrip()


def _fit(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "\N{HORIZONTAL ELLIPSIS}"

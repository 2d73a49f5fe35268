"""Fields of receipts, invoices and a nested order, each against its true values."""

import csv
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from schemas.field import Field, FieldState
from schemas.geometry import Box
from schemas.result import Result
from tests.bench.client import Api, Outcome
from tests.bench.field_score import box_hit, leaves, right, value_at
from tests.bench.figures import Figures
from tests.bench.text_score import f1, overlap, tokens_of, words_of
from tests.samples.order import SCHEMA as ORDER_SCHEMA
from tests.samples.order import TRUE as ORDER_TRUE
from tests.samples.order import order_pdf, order_scan

RECEIPT_KINDS = {"company": "text", "date": "date", "address": "text", "total": "amount"}
RECEIPT_SCHEMA: dict[str, Any] = {
    "title": "Receipt",
    "type": "object",
    "properties": {
        "company": {"type": "string", "description": "Name of the company that issued the receipt"},
        "date": {"type": "string", "format": "date", "description": "Date of the receipt"},
        "address": {"type": "string", "description": "Address of the company"},
        "total": {"type": "number", "description": "Total amount to pay"},
    },
}
INVOICE_KINDS = {"issuer": "text", "number": "text", "date": "date", "amount": "amount", "currency": "text"}
INVOICE_NAMES = {"number": "invoice_number"}  # where the ground truth calls it otherwise
INVOICE_SCHEMA: dict[str, Any] = {
    "title": "Invoice",
    "type": "object",
    "properties": {
        "issuer": {"type": "string", "description": "Name of the company that issued the invoice"},
        "number": {"type": "string", "title": "Invoice number"},
        "date": {"type": "string", "format": "date", "title": "Invoice date"},
        "amount": {"type": "number", "title": "Total amount"},
        "currency": {"type": "string", "description": "ISO 4217 code of the currency"},
    },
}


def _field(result: Result | None, path: str) -> Field | None:
    return next((f for f in result.fields if f.path == path), None) if result else None


def _found(field: Field | None) -> bool:
    return field is not None and field.state in {FieldState.FOUND, FieldState.AMBIGUOUS}


def _value(outcome: Outcome, path: str) -> Any:
    return value_at(outcome.result.extraction, path) if outcome.result else None


def _compare(
    group: str, outcome: Outcome, kinds: dict[str, str], true: dict[str, Any], figures: Figures
) -> dict[str, bool | None]:
    """For each field: right, wrong, or None where the truth says nothing."""
    answers: dict[str, bool | None] = {}
    for name, kind in kinds.items():
        wanted, got = true.get(name), _value(outcome, name)
        answers[name] = right(kind, wanted, got) if wanted not in (None, "") else None
        if answers[name] is False:
            field = _field(outcome.result, name)
            state = field.state.value if field else outcome.state
            figures.remark(group, f"{outcome.path.name} {name} ({state}): {got!r} instead of {wanted!r}")
    return answers


def _lines(path: Path) -> list[tuple[str, Box]]:
    """Lines of a receipt: eight corner coordinates, then the text, which may hold commas."""
    lines = []
    for row in csv.reader(
        path.read_text(encoding="utf-8", errors="replace").splitlines(), quoting=csv.QUOTE_NONE
    ):
        if len(row) > 8:
            xs, ys = [float(x) for x in row[0:8:2]], [float(y) for y in row[1:8:2]]
            lines.append((",".join(row[8:]).strip(), (min(xs), min(ys), max(xs), max(ys))))
    return lines


def _hit(field: Field, value: str, lines: list[tuple[str, Box]]) -> bool:
    boxes = [box for evidence in field.evidence for box in evidence.boxes or []]
    return box_hit(value, lines, boxes)


def _words(name: str, true: str, text: str, figures: Figures) -> tuple[int, int, int]:
    wanted, got = words_of(true), words_of(text)
    count = overlap(wanted, got)
    if f1([count]) < 0.9:
        missing, extra = (" ".join(list(words)[:15]) for words in (wanted - got, got - wanted))
        figures.remark(
            "sroie", f"{name} words F1 {f1([count]):.2f}: not read: {missing} | read instead: {extra}"
        )
    return count


def receipts(api: Api, folder: Path, figures: Figures) -> None:
    """`sroie/img`, `sroie/box`, `sroie/key`: words of the page, four fields, and where they stand."""
    images = sorted(p for p in (folder / "img").iterdir() if (folder / "key" / f"{p.stem}.json").is_file())
    request = {"schema": RECEIPT_SCHEMA, "languages": ["en-MY"]}
    words: list[tuple[int, int, int]] = []
    tokens: list[tuple[int, int, int]] = []
    fields: list[tuple[int, int, int]] = []
    rights, trues, boxes = Counter[str](), Counter[str](), Counter[str]()
    for outcome in api.each(lambda image: api.read(image, request), images):
        stem = outcome.path.stem
        true = json.loads((folder / "key" / f"{stem}.json").read_text(encoding="utf-8"))
        lines = _lines(folder / "box" / f"{stem}.csv")
        text = "\n".join(page.text for page in outcome.result.pages) if outcome.result else ""
        printed = "\n".join(line for line, _ in lines)
        words.append(_words(stem, printed, text, figures))
        tokens.append(overlap(tokens_of(printed), tokens_of(text)))
        for name, answer in _compare("sroie", outcome, RECEIPT_KINDS, true, figures).items():
            field = _field(outcome.result, name)
            fields.append((int(answer is True), int(answer is not None), int(_found(field))))
            rights[name] += answer is True
            trues[name] += answer is not None
            if field is not None and _found(field):
                hit = _hit(field, str(true.get(name) or ""), lines)
                boxes.update(found=1, hit=int(hit))
                if answer and not hit:
                    figures.remark("sroie", f"{outcome.path.name} {name}: right value, box elsewhere")
    figures.add("sroie.word_f1", f1(words))
    figures.add("sroie.token_f1", f1(tokens))
    for name in RECEIPT_KINDS:
        figures.share(f"sroie.{name}", rights[name], trues[name])
    figures.add("sroie.field_f1", f1(fields))
    figures.share("sroie.box_hit", boxes["hit"], boxes["found"])


def invoices(api: Api, folder: Path, figures: Figures) -> None:
    """`invoices/NAME.pdf` beside `NAME.json`, a list of one object (the format of invoice2data's tests)."""
    files = sorted(p for p in folder.iterdir() if p.suffix == ".pdf" and p.with_suffix(".json").is_file())
    rights, trues = Counter[str](), Counter[str]()
    for outcome in api.each(lambda path: api.read(path, {"schema": INVOICE_SCHEMA}), files):
        loaded = json.loads(outcome.path.with_suffix(".json").read_text(encoding="utf-8"))
        truth = loaded[0] if isinstance(loaded, list) else loaded
        true = {name: truth.get(INVOICE_NAMES.get(name, name)) for name in INVOICE_KINDS}
        for name, answer in _compare("invoices", outcome, INVOICE_KINDS, true, figures).items():
            rights[name] += answer is True
            trues[name] += answer is not None
    for name in INVOICE_KINDS:
        figures.share(f"invoices.{name}", rights[name], trues[name])


def _kind(path: str, value: Any) -> str:
    if path == "document.issued_on":
        return "date"
    is_amount = isinstance(value, int) or path.startswith("payable.") or path.endswith((".unit_cost", ".sum"))
    return "amount" if is_amount else "text"


def nested(api: Api, figures: Figures) -> None:
    """Our own order under renamed, nested properties with ten lines: share of its leaves that are right."""
    true = list(leaves(ORDER_TRUE))
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        files = {"pdf": Path(folder, "order.pdf"), "scan": Path(folder, "order_scan.jpg")}
        files["pdf"].write_bytes(order_pdf())
        files["scan"].write_bytes(order_scan())
        for name, path in files.items():
            outcome = api.read(path, {"schema": ORDER_SCHEMA})
            kinds = {place: _kind(place, value) for place, value in true}
            answers = _compare("fields", outcome, kinds, dict(true), figures)
            good = sum(answer is True for answer in answers.values())
            figures.share(f"fields.nested_{name}", good, len(true))
            total += good
    figures.share("fields.nested", total, len(true) * len(files))

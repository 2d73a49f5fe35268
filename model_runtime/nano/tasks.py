"""What is asked of a synthetic page and what is right to answer, in the product's own prompts and formats."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

from model_runtime.families import TRAITS, Family
from model_runtime.nano.canvas import Run
from model_runtime.nano.pieces import Fact, Kind, Page
from pipeline import prompts
from pipeline.decoding import answers_schema, charts_schema, derive, only

UNIT = TRAITS[Family.QWEN2_VL].box_unit
UNREADABLE = "[unreadable]"


class Asked(StrEnum):
    PLAIN = "plain"
    TEXT = "text"
    FIELDS = "fields"
    LOOK = "look"
    QUESTION = "question"
    PLACE = "place"
    CHARTS = "charts"


Copied: TypeAlias = tuple[str, str, tuple[Run, ...]]


@dataclass(frozen=True, slots=True)
class Exercise:
    """``copied``: what the reply says of the page, in its order: what comes before it, what is said, and
    what was drawn so."""

    prompt: str
    reply: str
    copied: tuple[Copied, ...] = ()


def exercise(page: Page, asked: Asked, rng: random.Random) -> Exercise:
    return _MAKERS[asked](page, rng)


def _plain(page: Page, rng: random.Random) -> Exercise:
    del rng
    prompt = prompts.text(plain=True)
    if page.kind is Kind.UNREADABLE:
        return Exercise(prompt, UNREADABLE)
    return Exercise(prompt, "\n".join(page.plain), _lines(page))


def _lines(page: Page) -> tuple[Copied, ...]:
    return tuple(("", text, runs) for text, runs in page.lines)


def _text(page: Page, rng: random.Random) -> Exercise:
    languages = (page.language,) if rng.random() < 0.15 else ()
    prompt = prompts.text(languages, another_way=rng.random() < 0.05, part=page.part or rng.random() < 0.05)
    readable = page.kind is not Kind.UNREADABLE
    language = page.language if page.plain and readable else ""
    front = f"---\nlanguage: {language}\nrotation: 0\nlegible: {'yes' if readable else 'no'}\n---\n"
    if not readable:
        return Exercise(prompt, front)
    return Exercise(prompt, front + "\n".join(page.markdown), _lines(page))


@lru_cache(maxsize=8)
def builtin(name: str) -> dict[str, Any]:
    found = json.loads(files("schemas").joinpath("builtin", f"{name}.json").read_text(encoding="utf-8"))
    return dict(found)


_SCHEMAS = {Kind.RECEIPT: "receipt", Kind.INVOICE: "invoice"}


def _fields(page: Page, rng: random.Random) -> Exercise:
    schema = builtin(_SCHEMAS.get(page.kind) or rng.choice(("receipt", "invoice")))
    if page.kind is Kind.FORM or rng.random() < 0.2:
        schema = _own(page, schema, rng)
    return fields(page, schema, boxes=rng.random() < 0.7)


def fields(page: Page, schema: Mapping[str, Any], *, boxes: bool) -> Exercise:
    derived = derive(schema, boxes=boxes).schema
    prompt = prompts.fields(schema, derived, box_unit=UNIT if boxes else None)
    return Exercise(prompt, _reply(page, derived, page.facts), tuple(_quotes(page, derived, page.facts)))


def _own(page: Page, schema: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """A schema as a user might write it: some of what stands on the page, and something that does not."""
    known = {name: _plainer(node, rng) for name, node in schema["properties"].items()}
    for name, fact in page.facts.items():
        known.setdefault(name, {"type": "number" if fact.value.number is not None else "string"})
    there = [name for name in known if name in page.facts or (name == "line_items" and page.rows)]
    names = rng.sample(there, min(len(there), rng.randint(1, 5)))
    others = [name for name in known if name not in there]
    names += rng.sample(others, min(len(others), rng.randint(0, 2)))
    rng.shuffle(names)
    return {"type": "object", "properties": {name: known[name] for name in names or list(known)[:1]}}


def _plainer(node: Mapping[str, Any], rng: random.Random) -> Mapping[str, Any]:
    """The same, perhaps without what explains it; of lists, some of their columns."""
    if node["type"] != "array":
        return rng.choice((node, {"type": node["type"]}))
    columns = node["items"]["properties"]
    names = rng.sample(sorted(columns), rng.randint(1, 4))
    inside = {name: {"type": columns[name]["type"]} for name in names}
    return {"type": "array", "items": {"type": "object", "properties": inside}}


def _look(page: Page, rng: random.Random) -> Exercise:
    """One value, as a second look at its place asks for it."""
    node = {name: {"type": "number" if fact.value.number else "string"} for name, fact in page.facts.items()}
    if not node:
        return _fields(page, rng)
    name = rng.choice(sorted(node))
    derived = derive({"type": "object", "properties": {name: node[name]}})
    leaf = next(iter(derived.leaves.values()))
    shape = only(leaf).schema
    reply, quotes = _reply(page, shape, page.facts), tuple(_quotes(page, shape, page.facts))
    return Exercise(prompts.fields({}, shape), reply, quotes)


def _reply(page: Page, shape: Mapping[str, Any], facts: Mapping[str, Fact]) -> str:
    """JSON in the shape of a derived schema, members in its order."""
    members = []
    for name, node in shape["properties"].items():
        if node["type"] == "array":
            rows = [_reply(page, node["items"], row) for row in page.rows if row and name == "line_items"]
            members.append(f"{_json(name)}:[{','.join(rows)}]")
        elif "quote" in node["properties"]:
            members.append(f"{_json(name)}:{_leaf(page, node, facts.get(name))}")
        else:
            members.append(f"{_json(name)}:{_reply(page, node, facts)}")
    return "{" + ",".join(members) + "}"


def _quotes(page: Page, shape: Mapping[str, Any], facts: Mapping[str, Fact]) -> Iterator[Copied]:
    """In the order of `_reply`."""
    for name, node in shape["properties"].items():
        if node["type"] == "array":
            for row in page.rows:
                if row and name == "line_items":
                    yield from _quotes(page, node["items"], row)
        elif "quote" not in node["properties"]:
            yield from _quotes(page, node, facts)
        elif name in facts:
            yield _quoted(facts[name])


def _quoted(fact: Fact) -> Copied:
    return '"quote":"', " ".join(fact.quote.split()), fact.runs


def _leaf(page: Page, node: Mapping[str, Any], fact: Fact | None) -> str:
    shape = node["properties"]
    box = per_mille(page, fact.runs) if fact is not None else None
    written = _value(shape["value"], fact) if fact is not None and box is not None else "null"
    if fact is None or box is None or written == "null":
        return "{" + ",".join(f'"{name}":null' for name in shape) + "}"
    parts = {"quote": _json(" ".join(fact.quote.split())), "box": _json(box), "value": written}
    return "{" + ",".join(f'"{name}":{parts[name]}' for name in shape) + "}"


def _value(shape: Mapping[str, Any], fact: Fact) -> str:
    kinds = shape.get("type", ["string", "null"])
    if "string" in kinds:
        return _json(fact.value.text)
    number = fact.value.number
    if number is None or ("integer" in kinds and "." in number):
        return "null"
    return number


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def per_mille(page: Page, runs: tuple[Run, ...]) -> list[int] | None:
    box = page.drawn.box(runs)
    if box is None:
        return None
    height, width = page.drawn.cover.shape
    x0, y0, x1, y1 = (
        round(1000 * side / whole) for side, whole in zip(box, (width, height, width, height), strict=True)
    )
    return [x0, y0, x1, y1] if x1 > x0 and y1 > y0 else None


_NAMES = {
    "company": "the company",
    "address": "the address",
    "number": "the number",
    "date": "the date",
    "time": "the time",
    "vat_id": "the VAT number",
    "currency": "the currency",
    "net": "the net amount",
    "tax": "the tax",
    "total": "the total",
    "cash": "the cash paid",
    "change": "the change",
    "due_date": "the due date",
    "issuer": "the seller",
    "recipient": "the customer",
    "iban": "the IBAN",
    "order_number": "the order number",
    "customer_number": "the customer number",
    "issuer_address": "the seller's address",
    "recipient_address": "the customer's address",
}


def _question(page: Page, rng: random.Random) -> Exercise:
    names = sorted(page.facts)
    others = sorted(_NAMES.keys() - page.facts.keys())
    picked = rng.sample(names, min(len(names), rng.randint(1, 2)))
    if others and (not picked or rng.random() < 0.2):
        picked.append(rng.choice(others))
    asked = [f"What is {_NAMES.get(name, 'the ' + name.replace('_', ' '))}?" for name in picked]
    boxes = rng.random() < 0.7
    shape = answers_schema(len(asked), boxes=boxes)
    members = []
    for number, name in enumerate(picked, 1):
        fact = page.facts.get(name)
        box = per_mille(page, fact.runs) if fact is not None else None
        order = shape["properties"][str(number)]["properties"]
        if fact is None or box is None:
            inside = ",".join(f'"{one}":null' for one in order)
        else:
            quote = _json(" ".join(fact.quote.split()))
            parts = {"quote": quote, "answer": quote, "box": _json(box)}
            inside = ",".join(f'"{one}":{parts[one]}' for one in order)
        members.append(f'"{number}":{{{inside}}}')
    prompt = prompts.questions(asked, box_unit=UNIT if boxes else None)
    quotes = tuple(_quoted(page.facts[name]) for name in picked if name in page.facts)
    return Exercise(prompt, "{" + ",".join(members) + "}", quotes)


def _place(page: Page, rng: random.Random) -> Exercise:
    """Where a quote stands; sometimes one that does not stand there."""
    pool: list[tuple[str, tuple[Run, ...]]] = [(fact.quote, fact.runs) for fact in page.facts.values()]
    pool += page.lines
    pool = [(" ".join(text.split()), runs) for text, runs in pool if text.strip()]
    if not pool or page.kind is Kind.UNREADABLE or rng.random() < 0.08:
        return Exercise(prompts.place(f"{rng.randint(100, 99_999)}.{rng.randint(10, 99)}", UNIT), "[]")
    text, runs = rng.choice(pool)
    box = per_mille(page, runs)
    if box is None:
        return Exercise(prompts.place(text, UNIT), "[]")
    x0, y0, x1, y1 = box
    reply = f"<|object_ref_start|>{text}<|object_ref_end|><|box_start|>({x0},{y0}),({x1},{y1})<|box_end|>"
    return Exercise(prompts.place(text, UNIT), reply, (("<|object_ref_start|>", text, runs),))


def _charts(page: Page, rng: random.Random) -> Exercise:
    del rng
    prompt = prompts.charts(box_unit=UNIT)
    chart = page.chart
    if chart is None or page.kind is not Kind.CHART:
        return Exercise(prompt, '{"charts":[]}')
    box = per_mille(page, chart.runs) or [0, 0, 1000, 1000]
    points = ",".join(
        f'{{"x":{_json(bar.label)},"y":{bar.number},"unit":null,"source":"label"}}' for bar in chart.bars
    )
    members = {
        "type": '"bar"', "title": _json(chart.title) if chart.title else "null", "x_label": "null",
        "y_label": "null", "box": _json(box), "series": f'[{{"name":"","points":[{points}]}}]',
    }  # fmt: skip
    order = charts_schema(boxes=True)["properties"]["charts"]["items"]["properties"]
    inside = ",".join(f'"{name}":{members[name]}' for name in order)
    return Exercise(prompt, f'{{"charts":[{{{inside}}}]}}')


_MAKERS: dict[Asked, Callable[[Page, random.Random], Exercise]] = {
    Asked.PLAIN: _plain,
    Asked.TEXT: _text,
    Asked.FIELDS: _fields,
    Asked.LOOK: _look,
    Asked.QUESTION: _question,
    Asked.PLACE: _place,
    Asked.CHARTS: _charts,
}

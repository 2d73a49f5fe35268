"""Proposes a schema from what a document prints: common fields, `label: value` pairs, tables.

Found by the same search that fills a schema later, so what is proposed can be found again; nothing is guessed
from the subject of a document, and no model is asked.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.fields.candidates import candidates
from pipeline.fields.folding import fold, key
from pipeline.fields.guesses import guessed
from pipeline.fields.labels import LabelIndex
from pipeline.fields.layout import Segment, sheet_of
from pipeline.fields.resolve import resolve
from pipeline.fields.shapes import FieldCandidate, Kind
from pipeline.fields.vocabulary import Concept, by_key, concepts
from schemas.field import Field, FieldState, FieldType
from schemas.page import PageContent
from schemas.table import CellRole, Table

ITEMS = "line_items"
MAX_PROPERTIES = 150
_LONGEST_LABEL = 5  # words: longer ones before a colon are sentences
_LONGEST_NAME = 40
_LABELLED = frozenset({"time"})  # whose form alone says too little
_FOUND = frozenset((FieldState.FOUND, FieldState.AMBIGUOUS))
_PAIR = re.compile(r"\s*([^:：]{2,60}?)\s*[:：](?!//)\s*(.*)")
_JSON = {FieldType.MONEY: "number", FieldType.NUMBER: "number", FieldType.INTEGER: "integer"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A label with its value as printed."""

    label: str
    value: str
    page: int


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a table, and the first value below each of its cells."""

    headers: tuple[str, ...]
    values: tuple[str, ...]
    caption: str | None
    page: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a few pages print."""

    pages: tuple[int, ...] = ()
    candidates: tuple[FieldCandidate, ...] = ()
    pairs: tuple[Pair, ...] = ()
    tables: tuple[Columns, ...] = ()


@dataclass(frozen=True, slots=True)
class Basis:
    """Why a property is proposed: what is printed, and where."""

    path: str
    label: str | None
    value: str | None
    page: int


@dataclass(frozen=True, slots=True)
class Proposal:
    schema: dict[str, Any]
    basis: tuple[Basis, ...]


def look(contents: Iterable[PageContent]) -> Found:
    """Collect from some pages; `propose` puts all pages together."""
    pages: list[int] = []
    seen: list[FieldCandidate] = []
    pairs: list[Pair] = []
    tables: list[Columns] = []
    for content in contents:
        pages.append(content.page.number)
        seen += candidates(_everything(), content)
        pairs += _pairs(content)
        tables += [columns for table in content.tables if (columns := _columns(table))]
    return Found(tuple(pages), tuple(seen), tuple(pairs), tuple(tables))


def propose(found: Sequence[Found], title: str | None = None) -> Proposal:
    """The schema that asks for what was found, in the order of the vocabulary, then of the pages."""
    seen = [candidate for part in found for candidate in part.candidates]
    made = resolve(_everything(), seen, [number for part in found for number in part.pages])
    draft = _Draft()
    known = [leaf for leaf in made.fields if leaf.state in _FOUND]
    names = {leaf.path for leaf in known}
    pairs = [pair for part in found for pair in part.pairs]
    for leaf in known:
        if _own(leaf, names) and not any(_rather(pair, leaf) for pair in pairs):
            draft.known(leaf)
    for pair in pairs:
        draft.pair(pair)
    for columns in (columns for part in found for columns in part.tables):
        draft.table(columns)
    return draft.proposal(title)


class _Draft:
    """Properties in the making; a name is given once."""

    def __init__(self) -> None:
        self._properties: dict[str, dict[str, Any]] = {}
        self._basis: list[Basis] = []
        self._tables: dict[tuple[str, ...], str] = {}

    def known(self, leaf: Field) -> None:
        """A common field that was found."""
        item = re.fullmatch(rf"{ITEMS}\[\d+\]\.(\w+)", leaf.path)
        target = self._list(ITEMS, "Line items") if item else self._properties
        name = item.group(1) if item else leaf.path
        if name in target:
            return
        label = _printed_label(leaf)
        target[name] = _node(concepts(items=bool(item))[name], name, label)
        page = leaf.evidence[0].page if leaf.evidence else 0
        self._basis.append(Basis(f"{ITEMS}[].{name}" if item else name, label, leaf.raw, page))

    def pair(self, pair: Pair) -> None:
        """A label that the vocabulary does not know."""
        name = _name(pair.label)
        if name is None or name in self._properties or len(self._properties) >= MAX_PROPERTIES:
            return
        self._properties[name] = {**guessed(pair.value), "title": pair.label, "x-labels": [pair.label]}
        self._basis.append(Basis(name, pair.label, pair.value, pair.page))

    def table(self, columns: Columns) -> None:
        """A table with a header; one whose columns are those of line items adds to these."""
        index = _item_labels()
        known = [next((t.concept for t in index.match(text)), None) for text in columns.headers]
        if sum(concept is not None for concept in known) >= 2:
            target, at = self._list(ITEMS, "Line items"), ITEMS
        else:
            at = self._tables.setdefault(columns.headers, f"table_{len(self._tables) + 1}")
            target = self._list(at, columns.caption or f"Table {len(self._tables)}")
        for text, value, concept in zip(columns.headers, columns.values, known, strict=True):
            name = concept or _name(text)
            if name is None or name in target or len(target) >= MAX_PROPERTIES:
                continue
            target[name] = (
                _node(concepts(items=True)[concept], concept, text)
                if concept
                else {**guessed(value), "title": text, "x-labels": [text]}
            )
            self._basis.append(Basis(f"{at}[].{name}", text, value or None, columns.page))

    def _list(self, name: str, title: str) -> dict[str, dict[str, Any]]:
        fresh = {"type": "array", "title": title, "items": {"type": "object", "properties": {}}}
        node = self._properties.setdefault(name, fresh)
        inside: dict[str, dict[str, Any]] = node["items"]["properties"]
        return inside

    def proposal(self, title: str | None) -> Proposal:
        full = {
            name: node
            for name, node in self._properties.items()
            if node["type"] != "array" or node["items"]["properties"]
        }
        schema: dict[str, Any] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": full,
        }
        if title:
            schema["title"] = title
        return Proposal(schema, tuple(self._basis))


@lru_cache(maxsize=1)
def _everything() -> Mapping[str, Any]:
    """A schema that asks for all the vocabulary knows."""
    fields = {name: _node(concept, name, None) for name, concept in concepts(items=False).items()}
    items = {name: _node(concept, name, None) for name, concept in concepts(items=True).items()}
    del fields["page"]  # every document says it, and nobody asks for it
    fields[ITEMS] = {"type": "array", "items": {"type": "object", "properties": items}}
    return {"type": "object", "properties": fields}


@lru_cache(maxsize=2)
def _item_labels() -> LabelIndex:
    return LabelIndex((), items=True)


@lru_cache(maxsize=1)
def _document_labels() -> LabelIndex:
    return LabelIndex((), items=False)


def _node(concept: Concept, name: str, label: str | None) -> dict[str, Any]:
    node: dict[str, Any] = {"type": _JSON.get(concept.type, "string")}
    if concept.type is FieldType.DATE:
        node["format"] = "date"
    elif concept.type is FieldType.MONEY:
        node["x-type"] = "money"
    elif concept.kind is not Kind.PLAIN:
        node["x-type"] = str(concept.kind)
    node["title"] = label or name.replace("_", " ").capitalize()
    if label:
        node["x-labels"] = [label]
    return node


def _printed_label(leaf: Field) -> str | None:
    """What stands before the value in its quote."""
    if not leaf.evidence or not leaf.raw:
        return None
    label = leaf.evidence[0].quote.partition(leaf.raw)[0].strip(" :：\t£€$¥")
    return label if any(char.isalpha() for char in label) else None


def _rather(pair: Pair, leaf: Field) -> bool:
    """The printed label says more than the common field heard: *Importe del contrato:* is no *Importe*."""
    if not leaf.evidence or leaf.evidence[0].page != pair.page or not leaf.raw or "[" in leaf.path:
        return False
    label = _printed_label(leaf)
    return leaf.raw in pair.value and (label is None or key(label) != key(pair.label))


def _own(leaf: Field, names: Collection[str]) -> bool:
    """Whether the field is meant: its label names it and not another one that was found as well."""
    label = _printed_label(leaf)
    if label is None:
        return leaf.path not in _LABELLED
    meant = by_key(items=False).get(key(label))
    return meant is None or meant[0] == leaf.path or meant[0] not in names


def _pairs(content: PageContent) -> Iterator[Pair]:
    """`Label: value` in one segment, or with the value in the next segment of the row."""
    sheet = sheet_of(content)
    for row in sheet.rows:
        for segment, after in zip(row.segments, [*row.segments[1:], None], strict=True):
            pair = _pair(segment, after, sheet.number)
            if pair is not None and not _document_labels().match(pair.label):
                yield pair


def _pair(segment: Segment, after: Segment | None, page: int) -> Pair | None:
    match = _PAIR.fullmatch(segment.text)
    if match is None:
        return None
    label, value = match[1].strip("•*-– "), match[2].strip()
    if not value and after is not None and _PAIR.fullmatch(after.text) is None:
        value = after.text.strip()
    words = label.split()
    if not value or not words or len(words) > _LONGEST_LABEL or label[-1].isdigit():
        return None
    return Pair(label, value[:200], page) if sum(char.isalpha() for char in label) >= 2 else None


def _columns(table: Table) -> Columns | None:
    """Header cells and the first filled cell under each; None for a table without a header or rows."""
    heads = sorted(
        (cell.col, " ".join(cell.text.split()))
        for cell in table.cells
        if cell.role is CellRole.COLUMN_HEADER and cell.row == 0 and cell.col_span == 1 and cell.text.strip()
    )
    body = [cell for cell in table.cells if cell.role is not CellRole.COLUMN_HEADER and cell.text.strip()]
    if len(heads) < 2 or not body or not all(_heads(text) for _, text in heads):
        return None
    below = {cell.col: cell.text for cell in sorted(body, key=lambda cell: -cell.row)}
    values = tuple(" ".join(below.get(col, "").split())[:200] for col, _ in heads)
    return Columns(tuple(text for _, text in heads), values, table.caption, table.parts[0].page)


def _heads(text: str) -> bool:
    """Whether a text may stand over a column: no label of a form, no number."""
    digits = sum(char.isdigit() for char in text)
    return text[-1] not in ":：" and 2 * digits <= sum(char.isalnum() for char in text)


def _name(label: str) -> str | None:
    """A property name from a printed label, in its own script; None where too little of it is letters."""
    words = re.sub(r"\W+", "_", fold(label)).strip("_")[:_LONGEST_NAME].strip("_")
    return words if words and not words[0].isdigit() and key(words) else None

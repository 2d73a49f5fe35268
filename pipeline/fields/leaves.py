"""A JSON Schema as the flat list of values it asks for, each with the labels that may announce it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from pipeline.fields.folding import key, words_of_name
from pipeline.fields.kinds import kind_and_type
from pipeline.fields.schema_nodes import as_list, json_types, pointed_at, resolved
from pipeline.fields.shapes import EACH, Label, Leaf, path_text
from pipeline.fields.vocabulary import Concept, by_key, concepts
from pipeline.fields.wordlists import keys
from schemas.errors import ResultWarning
from schemas.field import FieldType

MAX_DEPTH = 8
MAX_LEAVES = 500
MAX_NODES = 4000  # a schema that refers to itself fans out; this ends it
_NAME_WEIGHT = 0.95  # a property name is a label too, if one nobody chose for print
_SHORT_DESCRIPTION = 5  # words: longer descriptions are sentences, which nobody prints as a label
_ONLY_VALIDATED = (
    "not",
    "if",
    "dependentSchemas",
    "patternProperties",
    "prefixItems",
    "unevaluatedProperties",
)


@dataclass(frozen=True, slots=True)
class ListOf:
    """In a skeleton: an array whose elements have this skeleton."""

    path: tuple[str, ...]
    element: "Skeleton"


Skeleton: TypeAlias = "dict[str, Skeleton] | ListOf | Leaf | None"
"""The schema as nested properties; None where something is asked for that is never extracted."""


class Walked(NamedTuple):
    leaves: tuple[Leaf, ...]
    warnings: tuple[ResultWarning, ...]
    skeleton: Skeleton


@dataclass
class _Walk:
    root: Mapping[str, Any]
    leaves: list[Leaf] = field(default_factory=list)
    warnings: list[ResultWarning] = field(default_factory=list)
    nodes: int = 0

    def warn(self, code: str, detail: str, path: tuple[str, ...]) -> None:
        self.warnings.append(ResultWarning(code=code, detail=detail, path=path_text(path) or None))


@dataclass(frozen=True)
class _Place:
    """Where in the schema a node stands: its path, the words of its parents, whether it must be there."""

    path: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    required: bool = False
    depth: int = 0


def leaves(schema: Mapping[str, Any]) -> tuple[Leaf, ...]:
    """Every value the schema asks for, in the order of its properties."""
    return walk(schema).leaves


def walk(schema: Mapping[str, Any]) -> Walked:
    """The leaves, what of the schema could not be followed, and how the leaves nest."""
    state = _Walk(root=schema)
    skeleton = _node(state, schema, _Place(required=True))
    return Walked(tuple(state.leaves), tuple(state.warnings), skeleton)


def _node(state: _Walk, raw: Any, place: _Place) -> Skeleton:
    state.nodes += 1
    if place.depth > MAX_DEPTH or state.nodes > MAX_NODES:
        if state.nodes <= MAX_NODES + 1:
            state.warn(
                "schema_too_deep", f"nested more than {MAX_DEPTH} levels deep; not extracted", place.path
            )
        return None
    node = resolved(state.root, raw)
    _complain(state, raw, node, place)
    types = json_types(node)
    if isinstance(node.get("properties"), Mapping):
        return _object(state, node, place)
    if "array" in types or isinstance(node.get("items"), Mapping):
        return _array(state, node, place)
    if "object" in types:
        state.warn("schema_unsupported", "an object without named properties is not extracted", place.path)
        return None
    return _leaf(state, node, types, place) if place.path else None


def _complain(state: _Walk, raw: Any, node: Mapping[str, Any], place: _Place) -> None:
    if isinstance(raw, Mapping):
        reference = raw.get("$ref")
        if isinstance(reference, str) and pointed_at(state.root, reference) is None:
            state.warn(
                "schema_reference", "a $ref that does not point into this schema is not followed", place.path
            )
        for word in ("anyOf", "oneOf"):
            real = [
                b for b in as_list(raw.get(word)) if not (isinstance(b, Mapping) and b.get("type") == "null")
            ]
            if len(real) > 1:
                state.warn("schema_unsupported", f"only the first branch of {word} is extracted", place.path)
    for word in _ONLY_VALIDATED:
        if word in node:
            state.warn("schema_unsupported", f"{word} is validated, not used for extraction", place.path)


def _object(state: _Walk, node: Mapping[str, Any], place: _Place) -> Skeleton:
    required = as_list(node.get("required"))
    inside: dict[str, Skeleton] = {}
    for name, child in node["properties"].items():
        inner = _Place(
            path=(*place.path, str(name)),
            context=(*place.context, str(name)),
            required=name in required,
            depth=place.depth + 1,
        )
        inside[str(name)] = _node(state, child, inner)
    return inside


def _array(state: _Walk, node: Mapping[str, Any], place: _Place) -> Skeleton:
    if EACH in place.path:
        state.warn("schema_unsupported", "a list inside a list is not extracted", place.path)
        return None
    items = resolved(state.root, node.get("items", {}))
    inner = _Place((*place.path, EACH), place.context or ("items",), required=False, depth=place.depth + 1)
    if isinstance(items.get("properties"), Mapping):
        return ListOf(place.path, _node(state, node.get("items"), inner))
    if json_types(items) & {"array", "object"}:
        state.warn(
            "schema_unsupported",
            "only lists of values or of objects with properties are extracted",
            inner.path,
        )
        return ListOf(place.path, None)
    # The label of a list of plain values stands with the list, not with its element.
    merged = {**{k: node[k] for k in ("title", "description", "x-labels") if k in node}, **items}
    return ListOf(place.path, _leaf(state, merged, json_types(items), inner))


def _leaf(state: _Walk, node: Mapping[str, Any], types: frozenset[str], place: _Place) -> Leaf | None:
    if len(state.leaves) >= MAX_LEAVES:
        if not any(warning.code == "schema_too_large" for warning in state.warnings):
            state.warn("schema_too_large", f"only the first {MAX_LEAVES} values are extracted", place.path)
        return None
    own = _own_labels(node, place)
    in_items = EACH in place.path and place.path[-1] != EACH
    concept = _concept(own, place, in_items=in_items)
    known = concepts(items=in_items).get(concept) if concept else None
    kind_of, type_of = kind_and_type(node, types, known, place.context)
    enum = tuple(v for v in as_list(node.get("enum")) if v is not None)
    if "const" in node:
        enum = (node["const"],)
    leaf = Leaf(
        path=place.path,
        type=FieldType.ENUM if enum else type_of,
        kind=kind_of,
        labels=_with_synonyms(own, known),
        concept=concept,
        enum=enum,
        pattern=node["pattern"] if isinstance(node.get("pattern"), str) else None,
        json_types=types,
        required=place.required,
        scalars=place.path[-1] == EACH,
    )
    state.leaves.append(leaf)
    return leaf


def _own_labels(node: Mapping[str, Any], place: _Place) -> list[Label]:
    own: list[Label] = []
    hints = node.get("x-labels")
    if isinstance(hints, list):
        own += [Label(str(hint)) for hint in hints if isinstance(hint, str)]
    if isinstance(node.get("title"), str):
        own.append(Label(node["title"]))
    words = [words_of_name(name) for name in place.context]
    own.append(Label(words[-1], _NAME_WEIGHT))
    if len(words) > 1:
        own.append(Label(f"{words[-2]} {words[-1]}", _NAME_WEIGHT))
    description = node.get("description")
    if isinstance(description, str) and len(description.split()) <= _SHORT_DESCRIPTION:
        own.append(Label(description, 0.8))
    if _party(place.context[:-1]) == "recipient":
        # The paper's VAT number is its seller's; a buyer's must be called so.
        shared = by_key(items=False)
        own = [label for label in own if key(label.text) not in shared or label.text in as_list(hints)]
    return [label for label in own if key(label.text)]


def _concept(own: Sequence[Label], place: _Place, *, in_items: bool) -> str | None:
    """What common field the leaf means, if any: by its parent and name, its title, its hints."""
    if in_items:
        return _looked_up(own, by_key(items=True))
    party = _party(place.context[:-1])
    name = key(words_of_name(place.context[-1]))
    if party and name in _PARTY_PARTS:
        return f"{party}{_PARTY_PARTS[name]}"
    if party == "recipient":
        return None  # a buyer's VAT number is not the seller's
    return _looked_up(own, by_key(items=False))


_PARTY_PARTS = {
    **dict.fromkeys(map(key, ("name", "company", "company name", "firma", "nom", "nombre")), ""),
    **dict.fromkeys(map(key, ("address", "anschrift", "adresse", "direccion")), "_address"),
}


def _party(context: Sequence[str]) -> str | None:
    for name in reversed(context):
        words = key(words_of_name(name))
        if words in keys("issuer_words"):
            return "issuer"
        if words in keys("recipient_words"):
            return "recipient"
    return None


def _looked_up(own: Sequence[Label], table: Mapping[str, tuple[str, float]]) -> str | None:
    names_first = sorted(own, key=lambda label: label.weight != _NAME_WEIGHT)
    for label in names_first:
        hit = table.get(key(label.text))
        if hit:
            return hit[0]
    return None


def _with_synonyms(own: Sequence[Label], known: Concept | None) -> tuple[Label, ...]:
    found = {key(label.text): label for label in reversed(own)}
    # A name as general as `number` says little on paper; the vocabulary knows how little.
    if known:
        for label in known.labels:
            if key(label.text) not in found:
                found[key(label.text)] = replace(label, weight=0.95 * label.weight)
    return tuple(found.values())

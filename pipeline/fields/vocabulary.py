"""What common fields are called on paper, in several languages; a leaf that means one inherits its labels.

The labels are data (`data/labels.json`); ``text|0.6`` there marks a label weaker than usual, ``text:`` one
that is none without its colon and says nothing as the name of a property.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from pipeline.fields.folding import key
from pipeline.fields.shapes import Kind, Label
from schemas.field import FieldType


@dataclass(frozen=True, slots=True)
class Concept:
    """A field most business papers carry, with its labels and how clearly each announces it."""

    type: FieldType
    kind: Kind
    labels: tuple[Label, ...]


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, Concept]]:
    text = (files("pipeline.fields") / "data" / "labels.json").read_text(encoding="utf-8")
    return {
        scope: {
            name: Concept(FieldType(entry["type"]), Kind(entry["kind"]), tuple(map(_label, entry["labels"])))
            for name, entry in concepts.items()
        }
        for scope, concepts in json.loads(text).items()
    }


def _label(entry: str) -> Label:
    text, _, weight = entry.partition("|")
    return Label(text.removesuffix(":"), float(weight) if weight else 1.0, colon=text.endswith(":"))


def concepts(*, items: bool) -> dict[str, Concept]:
    """Those of a paper as a whole, or those of the columns of its list of items."""
    return _data()["item" if items else "document"]


@lru_cache(maxsize=2)
def by_key(*, items: bool) -> dict[str, tuple[str, float]]:
    """Concept and weight for the `key` of labels; where two concepts share a label, the heavier wins."""
    table: dict[str, tuple[str, float]] = {}
    for name, concept in concepts(items=items).items():
        for label in concept.labels:
            known = table.get(key(label.text))
            if not label.colon and (known is None or known[1] < label.weight):
                table[key(label.text)] = (name, label.weight)
    return table

"""The words that tell what a page is, in many languages; data, read when first needed."""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pipeline.fields.folding import fold
from pipeline.fields.vocabulary import concepts
from schemas.split import DocumentClass

_CLEAR = 0.5  # labels weaker than this stand beside anything
_CONCEPTS = ("number", "order_number")
_VAGUE = frozenset({"number", "no", "commande", "pedido", "ordine", "po"})


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (files("pipeline.splitting") / "data" / "classes.json").read_text(encoding="utf-8")
    )
    return loaded


@lru_cache(maxsize=1)
def titles() -> dict[str, DocumentClass]:
    """What a document calls itself at its head."""
    return {fold(text): DocumentClass(name) for name, texts in _data()["titles"].items() for text in texts}


@lru_cache(maxsize=1)
def endings() -> tuple[tuple[str, DocumentClass], ...]:
    """Languages that compound end the word with what it is: Schlussrechnung, Mietvertrag."""
    return tuple((text, DocumentClass(name)) for name, texts in _data()["endings"].items() for text in texts)


@lru_cache(maxsize=1)
def terms() -> dict[DocumentClass, tuple[str, ...]]:
    """What is said on documents of a class and seldom on others."""
    return {
        DocumentClass(name): tuple(dict.fromkeys(map(fold, texts)))
        for name, texts in _data()["terms"].items()
    }


@lru_cache(maxsize=4)
def phrases(name: str) -> tuple[str, ...]:
    """Greetings or closings of letters."""
    return tuple(map(fold, _data()[name]))


@lru_cache(maxsize=4)
def plain(name: str) -> tuple[str, ...]:
    return tuple(_data()[name])


@lru_cache(maxsize=1)
def number_labels() -> dict[str, str]:
    """What stands before the number that a document has of its own, and of which kind that is."""
    known = concepts(items=False)
    found = {
        fold(label.text): name
        for name in _CONCEPTS
        for label in known[name].labels
        if label.weight >= _CLEAR and not label.colon and label.text not in _VAGUE
    }
    return found | {fold(text): name for name, texts in _data()["numbers"].items() for text in texts}

"""Word lists that tell addresses, company names, countries and currencies; data, read when first needed."""

import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pipeline.fields.folding import fold, key


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (files("pipeline.fields") / "data" / "words.json").read_text(encoding="utf-8")
    )
    return loaded


def words(name: str) -> list[str]:
    return list(_data()[name])


def table(name: str) -> dict[str, Any]:
    return dict(_data()[name])


@lru_cache(maxsize=8)
def whole_words(name: str) -> re.Pattern[str]:
    """A pattern for any entry of a list standing by itself."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(words(name))})(?!\w)\.?", re.IGNORECASE)


@lru_cache(maxsize=8)
def pieces(name: str, *, ending: bool = False) -> re.Pattern[str]:
    """A pattern for any entry of a list also inside a word, or only at the end of one."""
    after = r"(?!\w)" if ending else ""
    return re.compile(f"(?:{'|'.join(words(name))}){after}", re.IGNORECASE)


@lru_cache(maxsize=4)
def keys(name: str) -> frozenset[str]:
    return frozenset(map(key, words(name)))


@lru_cache(maxsize=4)
def folded(name: str) -> frozenset[str]:
    return frozenset(map(fold, words(name)))

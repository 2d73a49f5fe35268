"""The schemas that come with Quire: read from the package once, named `invoice` or `invoice@1`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import orjson

VERSION = 1


@dataclass(frozen=True, slots=True)
class NamedSchema:
    """A schema under its name; versions never change once published."""

    name: str
    version: int
    schema: dict[str, Any]
    builtin: bool = True
    created_at: int | None = None

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


class Builtins:
    """The JSON files of `schemas/builtin`."""

    @cached_property
    def _all(self) -> dict[str, NamedSchema]:
        folder = files("schemas") / "builtin"
        if not folder.is_dir():
            return {}
        found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
        return {
            name: NamedSchema(name, VERSION, orjson.loads((folder / f"{name}.json").read_bytes()))
            for name in (file.removesuffix(".json") for file in found)
        }

    def names(self) -> Sequence[str]:
        return tuple(self._all)

    def all(self) -> Sequence[NamedSchema]:
        return tuple(self._all.values())

    def find(self, reference: str) -> NamedSchema | None:
        """``invoice`` is the newest version, ``invoice@1`` exactly that one."""
        name, _, version = reference.partition("@")
        found = self._all.get(name)
        if found is None or version not in ("", str(found.version)):
            return None
        return found

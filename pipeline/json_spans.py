"""Reads the JSON of a reply, knowing where each value stands in it, also where the reply breaks off."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
Span = tuple[int, int]

_MOST_DEPTH = 64
_SPACE = re.compile(r"\s*")
_LITERAL = re.compile(r"true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERALS = {"true": True, "false": False, "null": None}


@dataclass(slots=True)
class Spanned:
    """``spans``: where in the text each value stands, quotes of strings included.

    ``whole`` is false when the text broke off or went wrong: what stood before that is kept, save for a
    value that was cut in the middle.
    """

    value: Any = None
    spans: dict[Path, Span] = field(default_factory=dict)
    whole: bool = False


def read_json(text: str) -> Spanned:
    """The first object or array in the text; models like to put a fence or a sentence around it."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start < 0:
        return Spanned()
    scan = _Scan(text, start)
    value = scan.value((), 0)
    return Spanned(None if value is _CUT else value, scan.spans, whole=not scan.broken)


_CUT = object()


class _Scan:
    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at
        self.spans: dict[Path, Span] = {}
        self.broken = False

    def value(self, path: Path, depth: int) -> Any:
        self._space()
        start = self._at
        char = self._text[start : start + 1]
        if char in ("{", "[") and char:
            made = self._cut() if depth >= _MOST_DEPTH else self._container(char, path, depth)
        elif char == '"':
            made = self._string()
        else:
            made = self._literal()
        if made is not _CUT:
            self.spans[path] = (start, self._at)
        return made

    def _container(self, opening: str, path: Path, depth: int) -> Any:
        """Members until the closing bracket; one that is cut is left out and ends everything."""
        self._at += 1
        made: Any = {} if opening == "{" else []
        closing = "}" if opening == "{" else "]"
        while not self.broken:
            self._space()
            if self._take(closing):
                return made
            if made and not self._take(","):
                self.broken = True
                return made
            self._space()
            self._member(made, path, depth)
        return made

    def _member(self, made: Any, path: Path, depth: int) -> None:
        key: str | int = len(made)
        if isinstance(made, dict):
            name = self._string() if self._text[self._at : self._at + 1] == '"' else self._cut()
            self._space()
            if name is _CUT or not self._take(":"):
                self.broken = True
                return
            key = str(name)
        inner = self.value((*path, key), depth + 1)
        if inner is _CUT:
            return
        if isinstance(made, dict):
            made[key] = inner
        else:
            made.append(inner)

    def _string(self) -> Any:
        found = _STRING.match(self._text, self._at)
        if found is None:
            return self._cut()
        self._at = found.end()
        try:
            made = json.loads(found.group(), strict=False)
        except ValueError:  # an escape that JSON does not know
            made = found.group()[1:-1]
        return str(made).encode("utf-8", "replace").decode("utf-8").replace("\x00", "")

    def _literal(self) -> Any:
        found = _LITERAL.match(self._text, self._at)
        # A number at the very end may have had more digits.
        if found is None or (found.end() == len(self._text) and found.group() not in _LITERALS):
            return self._cut()
        self._at = found.end()
        return _LITERALS[found.group()] if found.group() in _LITERALS else _number(found.group())

    def _cut(self) -> Any:
        self.broken = True
        return _CUT

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _take(self, char: str) -> bool:
        if self._text[self._at : self._at + 1] != char:
            return False
        self._at += 1
        return True


def _number(text: str) -> int | float | str:
    """As JSON has it; what no double can hold stays text, and what JSON does not allow: ``00123``."""
    if len(text) > 300:
        return text
    try:
        number: int | float = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(number, float) and abs(number) == float("inf") else number

"""Faults of a request as error items: where (a JSON pointer), which, and in words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from schemas.errors import ErrorItem, RequestInvalid


def items_of(faults: Iterable[Mapping[str, Any]], at: str = "") -> list[ErrorItem]:
    """Faults as pydantic lists them; their inputs (a password may be among them) are never repeated."""
    items = []
    for fault in faults:
        location = [part for part in fault["loc"] if part != "body"]
        detail = str(fault["msg"]).removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            detail = f"unknown member {str(location[-1])[:100]!r}"
        pointer = at + "".join(f"/{escaped(part)}" for part in location)
        items.append(ErrorItem(pointer=pointer, code=str(fault["type"]), detail=detail))
    return items[:50]


def invalid(error: ValidationError, at: str = "") -> RequestInvalid:
    items = items_of(error.errors(include_input=False, include_url=False), at)
    return RequestInvalid(detail=summary(items), errors=items)


def fault(pointer: str, code: str, detail: str, *, whole: str | None = None) -> RequestInvalid:
    """One fault; ``whole`` is the code of the answer where `request_invalid` says too little."""
    return RequestInvalid(whole, detail, errors=[ErrorItem(pointer=pointer, code=code, detail=detail)])


def summary(items: Sequence[ErrorItem]) -> str:
    first = f"{items[0].pointer or '/'}: {items[0].detail}"
    return first if len(items) == 1 else f"{first} (and {len(items) - 1} more)"


def escaped(part: object) -> str:
    """A key as one part of a JSON pointer."""
    return str(part)[:200].replace("~", "~0").replace("/", "~1")

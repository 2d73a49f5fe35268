"""Whole numbers as JSON has them: `2` and `2.0`, but neither `"2"` nor `true`."""

from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

MOST = 2**31 - 1
"""The largest that both databases compare as an integer."""


def _number(given: Any) -> Any:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float)):
        raise PydanticCustomError("int_type", "must be an integer")
    return given


OF_JSON = BeforeValidator(_number)
"""Of an `int`, behind its limits: `Annotated[int, Field(ge=1), OF_JSON]`."""

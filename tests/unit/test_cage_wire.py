"""Answers of children: our own values in every form that a Python pickles them in, and nothing else."""

import os
import pickle
from typing import Any

import pytest

from schemas.page import PageState
from workers.cage_wire import answer_of


class Reduced:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def _answered(value: object) -> Any:
    return answer_of(bytearray(pickle.dumps((True, value), protocol=5)))


@pytest.mark.parametrize(
    "form", [PageState.READ, Reduced(PageState, "read"), Reduced(getattr, PageState, "READ")]
)
def test_members_of_enumerations_arrive_from_any_python(form: object) -> None:
    """Debian 12's Python 3.11.2 pickles them as attributes, others by their value."""
    assert _answered(form) == (True, PageState.READ)


@pytest.mark.parametrize(
    "form",
    [
        Reduced(os.system, "true"),
        Reduced(getattr, os, "system"),
        Reduced(getattr, "text", "format"),
        Reduced(getattr, PageState, "__class__"),
        Reduced(eval, "1"),
    ],
)
def test_anything_else_is_refused(form: object) -> None:
    with pytest.raises((pickle.UnpicklingError, KeyError, TypeError)):
        _answered(form)

"""A page that breaks the search for values costs only itself, and never makes a value `missing`."""

from collections.abc import Callable
from typing import Any

from pipeline.ledger import EndedPage
from schemas.errors import CageKilled
from schemas.page import PageContent, PageResult, PageState
from workers.extraction import Extraction

_SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


class Brittle:
    """A cage in this process in which some pages, or the choice among candidates, crash."""

    def __init__(self, poison: bytes | None = None, fails: str | None = None) -> None:
        self._poison = poison
        self._fails = fails

    def run(self, step: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        poisoned = self._poison is not None and any(
            isinstance(content, bytes) and self._poison in content for content in args[1]
        )
        if poisoned or step.__name__ == self._fails:
            raise CageKilled("cage_crash")
        return step(*args, **kwargs)

    def close(self) -> None:
        """Nothing to end."""


def _page(number: int, text: str) -> EndedPage:
    content = PageContent(page=PageResult(number=number, state=PageState.READ, text=text))
    return EndedPage(number, PageState.READ, None, {}, content.model_dump_json().encode())


def test_a_value_that_is_nowhere_is_missing() -> None:
    extraction = Extraction(Brittle(), _SCHEMA)
    extraction.look([_page(1, "a"), _page(2, "b")])
    extraction.choose([1, 2], [])
    assert [field.state for field in extraction.fields] == ["missing"]
    assert not extraction.broken


def test_a_page_that_breaks_the_search_is_named_and_its_neighbours_are_searched() -> None:
    extraction = Extraction(Brittle(poison=b"poison"), _SCHEMA)
    extraction.look([_page(1, "a"), _page(2, "poison"), _page(3, "c")])
    extraction.choose([1, 2, 3], [])
    assert [field.state for field in extraction.fields] == ["unreadable"]
    assert [(w.code, w.page) for w in extraction.warnings] == [("extraction_failed", 2)]
    assert extraction.broken


def test_a_choice_that_breaks_leaves_no_invented_value() -> None:
    extraction = Extraction(Brittle(fails="resolve"), _SCHEMA)
    extraction.look([_page(1, "a")])
    extraction.choose([1], [])
    assert extraction.fields == []
    assert extraction.summary["extraction"] is None
    assert extraction.broken

"""Each kind of fact holds where it should, and a wrong page fails it."""

from typing import Any

import pytest

from tests.bench.facts_score import passes

PIPES = """
| Region | 2023 | 2024 |
|--------|-----:|-----:|
| North  | 10   | 12   |
| South  | 20   | **25**   |
"""
HTML = """
<table><thead><tr><th rowspan="2">Region</th><th colspan="2">Year Ended</th></tr>
<tr><th>2023</th><th>2024</th></tr></thead>
<tr><td>North</td><td>10</td><td>12</td></tr><tr><td>South</td><td>20</td><td>25</td></tr></table>
"""


def fact(kind: str, **more: Any) -> dict[str, Any]:
    return {"pdf": "a.pdf", "page": 1, "id": "x", "type": kind, **more}


@pytest.mark.parametrize(
    ("test", "page", "holds"),
    [
        (fact("present", text="the “whole” story"), 'It is the "whole"\nstory.', True),
        (fact("present", text="the whole story"), "It is the **whole** story.", True),
        (fact("present", text="the whole story"), "It is the whole storm.", False),
        (fact("present", text="the whole story", max_diffs=1), "It is the whole storm.", True),
        (fact("present", text="Laundry"), "LAUNDRY", False),
        (fact("present", text="Laundry", case_sensitive=False), "LAUNDRY", True),
        (fact("present", text="something long"), " ", False),
        (fact("absent", text="Page 62"), "Body text", True),
        (fact("absent", text="Page 62"), "Body text\n\nPage 62", False),
        (fact("absent", text="62", last_n=10), "62 of them stood at the beginning", True),
        (fact("absent", text="62", first_n=10), "62 of them stood at the beginning", False),
        (fact("order", before="Euler", after="Pythagoras"), "Euler, then Pythagoras", True),
        (fact("order", before="Euler", after="Pythagoras"), "Pythagoras, then Euler", False),
        (fact("order", before="Euler", after="Pythagoras"), "Euler alone", False),
        (fact("table", cell="25", up="12", left="20"), PIPES, True),
        (fact("table", cell="25", top_heading="2024", left_heading="South"), PIPES, True),
        (fact("table", cell="25", top_heading="2023"), PIPES, False),
        (fact("table", cell="25", up="10"), PIPES, False),
        (fact("table", cell="25", left_heading="South"), "Region 2023 2024 South 20 25", False),
        (fact("table", cell="25", top_heading="Year Ended"), HTML, True),
        (fact("table", cell="20", down="25"), HTML, False),
        (fact("table", cell="12", right="10"), HTML, False),
        (fact("table", cell="25", ignore_markdown_tables=True), PIPES, False),
        (fact("math", math=r"a^{2}+b^{2}=c^{2}"), r"so $$ a^2 + b^2 = c^2 $$", True),
        (fact("math", math=r"a^{2}+b^{2}=c^{2}"), r"so \(a^3+b^2=c^2\)", False),
        (fact("math", math=r"a^{2}+b^{2}=c^{2}"), r"so a^2+b^2=c^2 outside a formula", False),
        (fact("math", math=r"\pi r"), r"$\pi{}r$", True),
        (fact("baseline", max_length=10), "   \n", True),
        (fact("baseline", max_length=10), "A page full of invented text", False),
        (fact("baseline"), "", False),
        (fact("baseline"), "Good text " + "na" * 40, False),
        (fact("baseline"), "Good text.", True),
    ],
)
def test_a_fact_holds_exactly_where_it_should(test: dict[str, Any], page: str, holds: bool) -> None:
    assert passes(test, page) is holds


def test_an_unknown_kind_is_an_error_and_not_a_pass() -> None:
    with pytest.raises(KeyError):
        passes(fact("telepathy"), "text")

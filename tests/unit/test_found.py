"""Findings and answers of all pages merged: what agrees, what differs, what nobody could read."""

from typing import Any

import pytest

from pipeline.answers import Answers
from pipeline.decoding import MOST_CHOICES, derive, halves
from pipeline.fields import candidates, leaves, resolve
from pipeline.fields.found import readings_of
from pipeline.fields.shapes import FieldsOutcome
from pipeline.user_schema import validator
from schemas.field import AnswerState, Evidence, FieldState, Match
from schemas.finding import Finding, PageAnswer
from schemas.page import PageContent, PageResult, PageState

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "x-type": "money"},
        "status": {"enum": ["paid", "open"]},
        "iban": {"type": "string", "x-type": "iban"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "amount": {"type": "number", "x-type": "money"}},
            },
        },
    },
}


def found(
    path: str, value: Any, quote: str, *, row: int | None = None, seen: bool = True, sure: float | None = 0.9
) -> Finding:
    boxes = [(0.0, 0.0, 10.0, 10.0)] if seen else None
    match = Match.EXACT if seen else Match.MODEL
    evidence = [Evidence(page=0, quote=quote, boxes=boxes, match=match)]
    return Finding(path=path, row=row, value=value, quote=quote, confidence=sure, evidence=evidence)


@pytest.mark.parametrize(
    "value", ["1e999999999", "-1e999999999", "1e-999999999", "9" * 400, "NaN", "Infinity", 10**399, 1e300]
)
def test_numbers_that_no_page_can_hold_are_no_values(value: Any) -> None:
    """Models in a loop write them, and arithmetic on them breaks."""
    for path in ("total", "items[0].amount"):
        outcome = merged(page(1, found(path, value, "x", row=0 if "[" in path else None, seen=False)))
        assert all(field.value is None or abs(field.value) <= 1e300 for field in outcome.fields)


def test_a_number_without_a_quote_is_the_number_that_was_said() -> None:
    assert merged(page(1, found("total", 1e-05, "x", seen=False))).extraction["total"] == 1e-05


def page(number: int, *findings: Finding) -> PageContent:
    evidence = [
        one.model_copy(update={"evidence": [e.model_copy(update={"page": number}) for e in one.evidence]})
        for one in findings
    ]
    return PageContent(page=PageResult(number=number, state=PageState.READ), findings=evidence)


def merged(*pages: PageContent, unread: tuple[int, ...] = ()) -> FieldsOutcome:
    every = [candidate for one in pages for candidate in candidates(SCHEMA, one)]
    return resolve(SCHEMA, every, [one.page.number for one in pages], unread)


def test_a_value_keeps_its_confidence_and_its_place() -> None:
    outcome = merged(page(1, found("number", "A-17", "No. A-17")), page(2))
    by = {field.path: field for field in outcome.fields}
    assert (by["number"].state, by["number"].value, by["number"].confidence) == (
        FieldState.FOUND,
        "A-17",
        0.9,
    )
    assert by["number"].evidence[0].page == 1
    assert by["total"].state is FieldState.MISSING
    assert outcome.warnings == []


def test_pages_that_say_different_things_make_the_value_ambiguous() -> None:
    """However many pages repeat one of them."""
    repeated = [page(n, found("total", 10.0, "Total 10,00 EUR")) for n in range(1, 6)]
    outcome = merged(*repeated, page(9, found("total", 99.0, "Total 99,00 EUR")))
    total = next(field for field in outcome.fields if field.path == "total")
    assert total.state is FieldState.AMBIGUOUS
    assert total.confidence is None
    assert [(c.value, c.evidence[0].page) for c in total.candidates] == [(10.0, 1), (99.0, 9)]
    assert outcome.extraction["total"] == 10.0


def test_what_was_seen_by_others_beats_what_only_the_model_saw() -> None:
    outcome = merged(
        page(1, found("number", "X-1", "No. X-1", seen=False)), page(2, found("number", "A-17", "No. A-17"))
    )
    number = next(field for field in outcome.fields if field.path == "number")
    assert (number.state, number.value) == (FieldState.FOUND, "A-17")


def test_a_quote_that_nobody_found_is_told() -> None:
    outcome = merged(page(1, found("number", "X-1", "No. X-1", seen=False, sure=None)))
    assert [(w.code, w.path) for w in outcome.warnings] == [("quote_not_located", "number")]


def test_line_items_follow_each_other_over_pages() -> None:
    def rows(*skus: str) -> list[Finding]:
        return [
            one
            for row, sku in enumerate(skus)
            for one in (
                found("items[].sku", sku, sku, row=row),
                found("items[].amount", 1.0, "1,00", row=row),
            )
        ]

    outcome = merged(page(1, *rows("A", "B")), page(2, *rows("C")), page(3, *rows("D", "E")))
    assert [item["sku"] for item in outcome.extraction["items"]] == ["A", "B", "C", "D", "E"]


def test_nothing_is_missing_while_a_page_is_unread() -> None:
    outcome = merged(page(1), unread=(2,))
    assert {field.state for field in outcome.fields} == {FieldState.UNREADABLE}


def test_items_that_add_up_to_no_total_are_told() -> None:
    rows = [found("items[].amount", 10.0, "10,00", row=row) for row in range(3)]
    wrong = merged(page(1, *rows, found("total", 35.0, "Total 35,00")))
    right = merged(page(1, *rows, found("total", 30.0, "Total 30,00")))
    assert "sums_differ" in {warning.code for warning in wrong.warnings}
    assert "sums_differ" not in {warning.code for warning in right.warnings}


def test_a_date_that_can_be_read_in_two_ways_stays_ambiguous_whatever_the_model_says() -> None:
    outcome = merged(page(1, found("date", "2024-03-04", "03/04/2024")))
    date = next(field for field in outcome.fields if field.path == "date")
    assert date.state is FieldState.AMBIGUOUS
    assert {c.value for c in date.candidates} == {"2024-03-04", "2024-04-03"}


@pytest.mark.parametrize(
    ("name", "value", "quote", "kept", "supported"),
    [
        ("total", 1234.5, "Summe: 1.234,50 €", 1234.5, True),
        ("total", 99.0, "Summe: 1.234,50 €", 1234.5, False),
        ("total", 12.0, "2 x 6,00 12,00", 12.0, True),
        ("total", -50.0, "Total ($50.00)", -50.0, True),
        ("total", 5400.0, "￥5,400-", 5400.0, True),
        ("total", 150.0, "Total – $150.00", 150.0, False),
        ("total", 50.0, "Total -50.00", -50.0, False),
        ("date", "2024-03-12", "12. März 2024", "2024-03-12", True),
        ("status", "PAID", "Status: paid", "paid", True),
        ("status", "bogus", "Status: bogus", None, True),
        ("number", "A-17", "Invoice no. A-17", "A-17", True),
        ("number", "A-18", "Invoice no. A-17", "A-18", False),
        (
            "iban",
            "DE89370400440532013000",
            "IBAN DE89 3704 0044 0532 0130 00",
            "DE89 3704 0044 0532 0130 00",
            True,
        ),
        (
            "iban",
            "DE89370400440532013001",
            "IBAN DE89 3704 0044 0532 0130 01",
            "DE89 3704 0044 0532 0130 01",
            False,
        ),
        ("total", "lots", None, None, False),
    ],
)
def test_a_value_is_held_against_its_quote(
    name: str, value: Any, quote: str | None, kept: Any, supported: bool
) -> None:
    leaf = next(leaf for leaf in leaves(SCHEMA) if leaf.name == name)
    readings, says = readings_of(leaf, value, quote)
    assert (readings[0].value if readings else None) == kept
    assert says is supported


def test_the_schema_to_decode_against_lets_everything_be_absent() -> None:
    long = [f"option {n}" for n in range(MOST_CHOICES + 1)]
    schema = {
        "type": "object",
        "required": ["code"],
        "additionalProperties": True,
        "properties": {
            "code": {"enum": long},
            "kind": {"enum": ["a", "b"], "maxLength": 3},
            "who": {"$ref": "#/$defs/person"},
            "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": "^x+$"}},
        },
        "$defs": {
            "person": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "boss": {"$ref": "#/$defs/person"}},
            }
        },
    }
    derived = derive(schema)
    text = str(derived.schema)
    assert not any(word in text for word in ("uniqueItems", "maxLength", "pattern", "$ref", "format"))
    nothing = {"quote": None, "value": None}
    assert derived.schema["properties"]["kind"]["properties"]["value"] == {"enum": ["a", "b", None]}
    assert derived.schema["properties"]["code"]["properties"]["value"] == {"type": ["string", "null"]}
    assert derived.schema["properties"]["who"]["properties"]["boss"]["properties"]["name"]
    parts = halves(derived)
    assert parts is not None
    assert set(parts[0].schema["properties"]) | set(parts[1].schema["properties"]) == {
        "code",
        "kind",
        "who",
        "tags",
    }
    check = validator({"type": "object", **derived.schema})
    assert not check.is_valid({"code": nothing})
    assert not check.is_valid({**dict.fromkeys(("code", "kind"), nothing), "who": {}, "tags": [], "evil": 1})


def answer(text: str, number: int, *, seen: bool = True, sure: float | None = None) -> PageAnswer:
    boxes = [(0.0, 0.0, 1.0, 1.0)] if seen else None
    return PageAnswer(
        question="Who?",
        answer=text,
        confidence=sure,
        evidence=[Evidence(page=number, quote=text, boxes=boxes)],
    )


def test_one_answer_a_question_with_all_its_places() -> None:
    answers = Answers(["Who?", "When?"])
    answers.add([answer("Ada", 3, sure=0.8)])
    answers.add([answer("ada", 7, sure=0.9)])
    who, when = answers.merged()
    assert (who.state, who.answer, who.confidence) == (AnswerState.ANSWERED, "ada", 0.9)
    assert [evidence.page for evidence in who.evidence] == [7, 3]
    assert (when.state, when.answer) == (AnswerState.NOT_FOUND, None)
    assert answers.warnings == []


def test_answers_that_differ_are_told_and_lose_their_confidence() -> None:
    answers = Answers(["Who?"])
    answers.add(
        [answer("Bob", 1, seen=False, sure=None), answer("Ada", 2, sure=0.9), answer("Eve", 5, sure=0.8)]
    )
    [who] = answers.merged()
    assert (who.answer, who.confidence) == ("Ada", None)
    [warning] = answers.warnings
    assert warning.code == "answers_differ"
    assert "5" in warning.detail


def test_not_found_says_when_pages_were_not_read() -> None:
    answers = Answers(["Who?"])
    answers.not_read(4)
    [who] = answers.merged()
    assert who.state is AnswerState.NOT_FOUND
    assert [(warning.code, warning.page) for warning in answers.warnings] == [("answer_incomplete", 4)]

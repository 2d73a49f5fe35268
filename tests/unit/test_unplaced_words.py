"""Words of a line that nobody located still take part in finding values; whole lines nobody saw do not."""

from typing import Any

import pytest

from pipeline.fields.candidates import candidates
from pipeline.fields.resolve import resolve
from schemas.field import Field, Match
from schemas.page import Block, BlockKind, PageContent, PageResult, PageState, Word

SCHEMA = {
    "type": "object",
    "properties": {
        "company": {"type": "string"},
        "vat_id": {"type": "string"},
        "currency": {"type": "string"},
        "total": {"type": "number"},
        "change": {"type": "number"},
    },
}
LINES = ("China & Co", "VAT No DE466647381", "TOTAL € 375,39", "Cash 380,00", "CHANGE 4,61")


def read(*unseen: str) -> dict[str, Field]:
    """The values of a page whose words another reader located, but for those."""
    words = []
    for number, line in enumerate(LINES):
        *label, last = line.split()
        x = 10.0
        for word in label:
            words.append((word, (x, 20.0 * number + 10, x + 5.0 * len(word), 20.0 * number + 20)))
            x += 5.0 * len(word) + 4
        start = x if number < 2 else 150 - 5.0 * len(last)
        words.append((last, (start, 20.0 * number + 10, start + 5.0 * len(last), 20.0 * number + 20)))
    made = [Word(text=text, bbox=None if text in unseen else box, block="b1") for text, box in words]
    return values("\n".join(LINES), made, SCHEMA)


def values(text: str, words: list[Word], schema: dict[str, Any]) -> dict[str, Field]:
    """What is found on a page of one block."""
    page = PageResult(
        number=1,
        width=160,
        height=120,
        state=PageState.READ,
        text=text,
        blocks=[Block(id="b1", kind=BlockKind.PARAGRAPH, text=text)],
        words=words,
    )
    found = resolve(schema, candidates(schema, PageContent(page=page)), [1]).fields
    return {field.path: field for field in found}


RIGHT = {
    "company": "China & Co",
    "vat_id": "DE466647381",
    "currency": "EUR",
    "total": 375.39,
    "change": 4.61,
}


@pytest.mark.parametrize(
    "unseen", [(), ("&", "€"), ("DE466647381",), ("Cash", "€"), ("375,39",), ("4,61", "&")]
)
def test_words_among_neighbours_count(unseen: tuple[str, ...]) -> None:
    assert {path: field.value for path, field in read(*unseen).items()} == RIGHT


def test_what_nobody_located_gets_no_box() -> None:
    found = read("€", "DE466647381", "&")
    assert found["currency"].evidence
    assert not found["currency"].evidence[0].boxes
    assert not found["vat_id"].evidence[0].boxes
    [box] = found["company"].evidence[0].boxes or []
    assert box == pytest.approx((10, 10, 58, 20)), "around the words of the name that were located"


def test_what_nobody_located_is_told_and_no_exact_match() -> None:
    found = read("DE466647381")
    assert [evidence.match for evidence in found["vat_id"].evidence] == [Match.MODEL]
    assert [evidence.match for evidence in found["total"].evidence] == [Match.EXACT]


def test_a_line_of_which_no_word_was_located_gives_no_value() -> None:
    assert read("CHANGE", "4,61")["change"].value is None


@pytest.mark.parametrize(
    ("text", "together", "wanted"),
    [
        ("Date: 14 / 03 / 2024", "14/03/2024", {"date": "2024-03-14"}),
        ("Company: China & Co", "China&Co", {"company": "China & Co"}),
        ("Weight: 100 - 200 kg", "100-200", {"weight": "100 - 200 kg"}),
    ],
)
def test_signs_stay_between_words_that_the_other_reader_did_not_part(
    text: str, together: str, wanted: dict[str, str]
) -> None:
    label, *words = text.split()
    whole = (60.0, 10.0, 60 + 5.0 * len(together), 20.0)
    made = [Word(text=label, bbox=(10, 10, 10 + 5.0 * len(label), 20), block="b1")]
    for word in words:
        seen = word in together and word.isalnum()
        made.append(Word(text=word, bbox=whole if seen else None, block="b1"))
    types = {"date": {"type": "string", "format": "date"}}
    schema = {
        "type": "object",
        "properties": {name: types.get(name, {"type": "string"}) for name in wanted},
    }
    assert {path: field.value for path, field in values(text, made, schema).items()} == wanted

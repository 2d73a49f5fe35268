"""Endless repetition is cut off in time, and honest repetition never."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_runtime.loops import Kind, LoopWatch, first_loop

ALLOWED = 300
"""Tokens after the third occurrence within which a loop has to be cut off."""


def tokens(text: str, size: int = 4) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


PAGE = 6_000
"""Characters that a passage of several lines may fill."""


def endless(block: str, size: int) -> str:
    return block * (4 + (PAGE + (ALLOWED + 8) * size) // len(block))


def allowed(before: str, block: str, size: int) -> float:
    """The token that has to be the last: of what repeats, three times, and then the patience."""
    read = len(before) + 3 * len(block)
    if block.count("\n") >= 2 and len(block) >= 240:
        read = max(read, len(before) + PAGE)
    return read / size + 1 + ALLOWED


@pytest.mark.parametrize("before", ["", "Invoice 17\nDate 2024-01-17\n\n| a | b |\n|---|---|\n"])
@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (" ", Kind.NGRAM),
        ("0", Kind.NGRAM),
        ("the same again, ", Kind.NGRAM),
        ("Thank you for your business.\n", Kind.LINE),
        ("- item\n- other item\n\n", Kind.LINE),
        ("| 17 | Bolt M6 | 2.50 |\n", Kind.ROW),
        ("<tr><td>1</td><td>2</td></tr>", Kind.ROW),
        ('{"description":{"value":"a","quote":"a"},"amount":{"value":1,"quote":"1"}},', Kind.NGRAM),
        ("A paragraph that is read out again and again, all of it. " * 12 + "\n", Kind.LINE),
        ("重复的一行。\n", Kind.LINE),
        ("One of the many lines of a passage that comes again.\n" * 3 + "And its end.\n" * 8, Kind.PASSAGE),
    ],
)
def test_a_loop_is_cut_off_in_time_and_named(before: str, block: str, kind: Kind) -> None:
    found = first_loop(tokens(before + endless(block, 4)))
    assert found is not None
    read, loop = found
    assert loop.kind is kind
    assert read <= allowed(before, block, 4)
    assert block.strip() not in str(loop) or len(block) < 3, "the text of a document stays out of messages"


@given(st.text(min_size=1, max_size=400), st.text(max_size=60), st.integers(1, 12))
@settings(max_examples=150)
def test_whatever_repeats_is_cut_off_in_time(block: str, before: str, size: int) -> None:
    found = first_loop(tokens(before + endless(block, size), size))
    assert found is not None
    assert found[0] <= allowed(before, block, size)


@given(st.lists(st.text(max_size=12), max_size=700))
def test_nothing_short_is_ever_a_loop(pieces: list[str]) -> None:
    found = first_loop(pieces[:288])
    assert found is None


def test_more_patience_reads_on() -> None:
    text = "| 0.00 | 0.00 | 0.00 |\n" * 120
    assert first_loop(tokens(text)) is not None
    assert first_loop(tokens(text), patience=1152) is None


def test_a_reply_that_counts_on_for_ever_ends() -> None:
    rows = "".join(f"| {number} | {number * 2} | Bolt |\n" for number in range(1, 400))
    found = first_loop(tokens(rows))
    assert found is not None
    assert found[1].kind is Kind.RUNAWAY
    as_json = "".join(f'{{"row":{number},"text":"Bolt"}},' for number in range(400))
    assert first_loop(tokens(as_json)) is not None


def test_equal_rows_do_not_count() -> None:
    assert first_loop(tokens("| 1 | 2 |\n" * 110)) is None


# What honest pages hold. Each is a page that exists somewhere.


def _rows(count: int, row: str) -> str:
    return "| a | b | c |\n|---|---|---|\n" + row * count + "\nTotal 0.00\n"


def _index(count: int) -> str:
    return "".join(f"Entry {n}, {n + 12}\n" for n in range(count))


def honest() -> Iterator[tuple[str, str]]:
    """Name and text of repetitive pages."""
    for count in (12, 25, 40):
        yield f"blank form, {count} rows", _rows(count, "|  |  |  |  |\n")
        yield f"zeros, {count} rows", _rows(count, "| 0.00 | 0.00 | 0.00 |\n")
        yield f"nil, {count} rows", _rows(count, "| - | - | n/a |\n")
        yield f"same text, {count} rows", _rows(count, "| yes | yes | no |\n")
        yield (
            f"numbered rows of equal values, {count}",
            "".join(f"| {n} | Bolt M6 | 2.50 |\n" for n in range(count)),
        )
        yield (
            f"dates, {count}",
            "".join(f"| 2024-01-{n % 28 + 1:02} | 8:00 | 17:00 | 1:00 | 8:00 |\n" for n in range(count)),
        )
        yield f"index, {count}", _index(count)
        yield (
            f"blank html, {count}",
            "<table>" + "<tr><td></td><td></td></tr>" * (count * 3 // 4) + "</table>",
        )
    for count in (60, 120, 190):
        yield f"numbered list, {count}", "".join(f"{n}. Item\n" for n in range(1, count))
        yield f"price list, {count}", "".join(f"SKU-{n:04} Bolt {n % 9}.50 EUR\n" for n in range(count))
        yield f"years, {count}", "".join(f"| {1800 + n} | {n} |\n" for n in range(count))
        yield f"index pages, {count}", _index(count)
    for minutes in (10, 15, 20, 30):
        clock = [f"{hour:02}:{minute:02}" for hour in range(5, 24) for minute in range(0, 60, minutes)]
        yield (
            f"timetable, {minutes}",
            "".join(f"| {time} | {time[:3]}{time[3:]} | daily |\n" for time in clock),
        )
    for dots in (20, 60, 120):
        yield (
            f"contents with {dots} dots",
            "".join(f"Chapter {n} {'.' * dots} {n * 7}\n" for n in range(1, 30)),
        )
        yield f"lines to write on, {dots}", ("Name " + "_" * dots + "\n") * 6
    for count in (3, 5, 8):
        item = '{"sku":{"value":"A1","quote":"A1"},"amount":{"value":2.5,"quote":"2.50"}}'
        yield f"equal items, {count}", '{"items":[' + ",".join([item] * count) + "]}"
        yield f"receipt lines, {count}", "Coffee 2.80\n" * count * 3
        yield f"labels, {count}", "Quire Ltd\n1 Long Street\nLondon\n\n" * count
    for count in (10, 20, 40):
        yield f"nulls, {count}", "[" + ",".join(["null"] * count) + "]"
        yield f"calendar, {count}", "| M | T | W | T | F | S | S |\n" * (count // 4)
        yield f"check boxes, {count}", "[ ] yes [ ] no\n" * count
        yield f"sheet music, {count}", "la la la la\n" * count


HONEST = dict(honest())


def test_a_sheet_of_equal_tickets_is_no_loop() -> None:
    ticket = "Quire Festival\nAdmit one\nRow 7, Seat 12\n" + "Terms apply as printed overleaf.\n" * 7 + "\n"
    assert len(ticket) >= 240
    assert first_loop(tokens(ticket * 20)) is None
    assert first_loop(tokens(ticket * 40)) is not None


def test_there_are_enough_honest_pages() -> None:
    assert len(HONEST) >= 50


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("size", [3, 4])
def test_honest_repetition_is_never_cut_off(name: str, size: int) -> None:
    assert first_loop(tokens(HONEST[name], size)) is None


def test_the_watch_can_be_fed_a_reply_piece_by_piece() -> None:
    watch = LoopWatch()
    assert all(watch.feed("word ") is None for _ in range(280))
    assert any(watch.feed("word ") for _ in range(20))

"""Lines in doubt, of a model that reads text alone: each is read again by itself, enlarged."""

from typing import Any

import pytest

from model_runtime.chat import Finish, Turn
from model_runtime.families import Family
from model_runtime.scripted import ScriptedReader
from model_runtime.scripted_chat import Line, ScriptedChat
from model_runtime.vlm import Check, ReaderSettings
from pipeline.ground import Reference
from pipeline.line_places import line_places
from pipeline.orders import PageImage, ReadOrder
from schemas.reading import PageReading, ReadLine, ReadWord, Unread, line_of
from schemas.request import BudgetProfile, Task
from tests.unit.vlm_pages import HEIGHT, PAGE, SCHEMA, WIDTH, Aids, codes, printed, reader_of, seen

SHOP = printed("Corner Shop", "12 March 2026", "Coffee 2.80", "Total 2.80")
READ = "Corner Shop\n12 Match 2026\nCoffee 2.80\nTotal 2.80"
TEXT_ALONE = frozenset({Task.TEXT})


def read(
    first: str,
    again: dict[int, str] | str,
    *,
    sure: float = -0.05,
    schema: dict[str, Any] | None = SCHEMA,
    profile: BudgetProfile = BudgetProfile.BALANCED,
    print_: tuple[ReadLine, ...] = SHOP,
    tasks: frozenset[Task] = TEXT_ALONE,
) -> tuple[PageReading, Aids, ScriptedChat]:
    """``first``: what the model says of the page, not at all sure; ``again``: what of lines alone, perhaps by
    the row that is shown."""
    aids = Aids(print_)

    def answer(turn: Turn) -> str | None:
        if turn.prompt != "Read the text." or isinstance(again, str):
            return None
        tile, _ = aids.crops[-1]
        return again.get(round((tile.box[1] - 40) / 30), "")

    said = again if isinstance(again, str) else ""
    lines = [Line((PAGE + first,), "text", logprob=-1.5), Line((said,), "plain", logprob=sure)]
    chat = ScriptedChat(lines, answer=answer)
    reader = reader_of(chat, ReaderSettings(check=Check.NEVER), Family.QWEN2_VL, tasks=tasks)
    wanted = frozenset({Task.FIELDS, Task.TEXT} if schema else {Task.TEXT})
    order = ReadOrder(PageImage(b"page", "image/png", WIDTH, HEIGHT), wanted, schema=schema, profile=profile)
    return reader.read(order, lambda: False, aids), aids, chat


def text(reading: PageReading) -> str:
    return "\n".join(block.text for block in seen(reading).blocks or ())


def looks(chat: ScriptedChat) -> int:
    return sum(turn.prompt == "Read the text." for turn in chat.turns)


def test_a_surer_second_look_replaces_its_line_and_nothing_else() -> None:
    reading, aids, chat = read(READ, "12 March 2026")
    assert text(reading) == READ.replace("Match", "March")
    assert "looked_again" in codes(reading)
    [differs] = [one.detail for one in reading.warnings if one.code == "readings_differ"]
    assert "12 March 2026" in differs
    assert "12 Match 2026" in differs, "what was read before is not lost"
    assert looks(chat) == len(aids.crops) == 4
    for tile, _ in aids.crops:
        assert tile.box[3] - tile.box[1] < 20, "no line but its own"
        assert tile.width > tile.box[2] - tile.box[0], "enlarged"


def test_each_line_gets_what_stands_at_its_own_place() -> None:
    first = READ.replace("2.80", "2.8O")
    rows = {0: "Corner Shop", 1: "12 Match 2026", 2: "Coffee 2.80", 3: "Total 2.80"}
    assert text(read(first, rows)[0]) == READ


@pytest.mark.parametrize(
    ("row", "line", "second"),
    [
        (0, "Corner Shap", "Corner Shop"),
        (1, "12 Match 2026", "12 March 2026"),
        (3, "Total 2.8O", "Total 2.80"),
    ],
)
def test_the_rest_of_the_page_stays_as_sure_as_it_was(row: int, line: str, second: str) -> None:
    lines = [one.text for one in SHOP]
    lines[row] = line
    reading, _, chat = read("\n\n".join(lines), second)
    assert looks(chat) == 4
    blocks = seen(reading).blocks or ()
    assert [block.text for block in blocks] == [one.text for one in SHOP]
    assert all(block.signs is not None for block in blocks)


@pytest.mark.parametrize(
    ("again", "sure"),
    [
        ("12 March 2026", -0.9),  # in doubt itself
        ("Thank you for your visit", -0.01),  # another line
        ("12 March 2026\nCoffee 2.80", -0.01),  # more than the line
        ("12 March 2026 Coffee 2.80", -0.01),  # its neighbour as well
        ("12 March", -0.01),  # the other reader saw a year there
        ("12", -0.01),
        ("# 12 March 2026", -0.01),  # another kind of line, to Markdown
        ("", -0.01),
    ],
)
def test_what_is_no_better_is_not_taken(again: str, sure: float) -> None:
    assert text(read(READ, again, sure=sure)[0]) == READ


def test_a_misread_amount_is_part_of_its_line_s_place() -> None:
    """The other reader has label and amount apart, and finds only the label in what the model wrote."""
    apart = [line_of([word], 12) for line in SHOP for word in line.words]
    first = READ.replace("Total 2.80", "Total 7.3O")
    reading, aids, _ = read(first, "Total 2.80", print_=tuple(apart))
    assert text(reading).endswith("Total 2.80")
    assert any(tile.box[0] < 45 and tile.box[2] > 170 and tile.box[1] > 120 for tile, _ in aids.crops)


@pytest.mark.parametrize(
    ("first", "again", "kinds"),
    [
        ("# Corner Shap\n- Coffee 2.80", "Corner Shop", ["heading", "list"]),
        ("# Corner Shop\n- Coffee 2.8O", "- Coffee 2.80", ["heading", "list"]),
    ],
)
def test_marks_of_markdown_stay(first: str, again: str, kinds: list[str]) -> None:
    reading, _, _ = read(first, again, print_=printed("Corner Shop", "Coffee 2.80"))
    assert [block.kind.value for block in seen(reading).blocks or ()] == kinds
    assert text(reading).split("\n") == ["Corner Shop", "- Coffee 2.80"]


def test_the_profile_says_how_many_lines_may_cost_a_look() -> None:
    lines = printed(*(f"Coffee of sort {number} 2.80" for number in range(20)))
    page = "\n".join(line.text for line in lines)
    counts = [
        looks(read(page, "no", profile=profile, print_=lines)[2])
        for profile in (BudgetProfile.FAST, BudgetProfile.BALANCED, BudgetProfile.ACCURATE)
    ]
    assert counts == [0, 4, 12]
    assert looks(read(page, "no", schema=None, print_=lines)[2]) == 4, "whatever is wanted"
    assert looks(read(page, "no", tasks=frozenset(Task), print_=lines)[2]) == 0, "its values are looked at"


def tops(lines: list[str], *rows: str) -> list[int | None]:
    places = line_places(lines, Reference(printed(*rows)))
    return [round(place.box[1]) if place else None for place in places]


ROWS = ("Corner Shop Inc.", "VAT DE123456789", "Coffee 2.80", "Total amount 2.80")


def test_a_misread_line_stands_between_its_neighbours() -> None:
    assert tops(["Corner Shop Inc.", "xqz", "wvwv", "Total amount 2.80"], *ROWS) == [40, 70, 100, 130]
    assert tops(["xqz", "VAT DE123456789", "Coffee 2.80", "wvwv"], *ROWS) == [40, 70, 100, 130]


def test_where_lines_are_missing_nobody_guesses_which() -> None:
    assert tops(["Corner Shop Inc.", "xqz", "Total amount 2.80"], *ROWS) == [40, None, 130]


def test_a_misread_line_of_one_column_gets_nothing_of_the_other() -> None:
    columns = [
        line_of([ReadWord(word, (x, 30.0 * row, x + 100, 30.0 * row + 12))], 12)
        for row, words in enumerate((("Seller", "Buyer"), ("Nordwind", "Sonnental"), ("Hamburg", "Freiburg")))
        for x, word in zip((40.0, 500.0), words, strict=True)
    ]
    lines = ["Seller", "xqz", "Hamburg", "Buyer", "Sonnental", "Freiburg"]
    places = line_places(lines, Reference(columns))
    assert places[1] is None
    assert [place.box[0] for place in places[3:] if place] == [500, 500, 500]


class Blind(ScriptedReader):
    """Sees nothing on any page, or something that it cannot read."""

    def __init__(self, unread: bool) -> None:
        super().__init__()
        self._unread = (Unread((0.0, 0.0, 9.0, 9.0), "handwriting"),) if unread else ()

    def read(self, order: ReadOrder, cancelled: Any, aids: Any = None) -> PageReading:
        return PageReading(order.image.width, order.image.height, unread=self._unread)


def alone(
    *said: str,
    profile: BudgetProfile = BudgetProfile.BALANCED,
    tasks: frozenset[Task] = TEXT_ALONE,
    finish: Finish = Finish.STOP,
    unread: bool = False,
) -> PageReading:
    """A page on which the other reader sees nothing legible; the model says one thing of it, then another of
    each half."""
    halves = list(said[1:])

    def answer(turn: Turn) -> str | None:
        if "part of a larger page" in turn.prompt and finish is Finish.STOP:
            return PAGE + halves.pop(0) if halves else PAGE
        return None

    lines = [
        Line((PAGE,), "text", prompt="part of a larger page", finish=finish),
        Line((PAGE + said[0],), "text"),
    ]
    reader = reader_of(
        ScriptedChat(lines, answer=answer), ReaderSettings(check=Check.ALWAYS), Family.QWEN2_VL,
        Blind(unread), tasks=tasks,
    )  # fmt: skip
    order = ReadOrder(PageImage(b"page", "image/png", WIDTH, HEIGHT), frozenset({Task.TEXT}), profile=profile)
    return reader.read(order, lambda: False, Aids())


def test_text_that_nobody_else_sees_stays_where_it_reads_alike_twice() -> None:
    """Handwriting, say. The halves of a page have each their own reply."""
    reading = alone("Dear Anna\nthank you for the flowers", "Dear Anna", "thank you for the flowers")
    assert text(reading) == "Dear Anna\nthank you for the flowers"


@pytest.mark.parametrize("again", [(), ("17.40",)])
def test_text_that_nobody_else_sees_and_no_second_look_is_left_out_and_said(again: tuple[str, ...]) -> None:
    reading = alone("2925-7-", *again)
    assert text(reading) == ""
    assert "text_unsupported" in codes(reading)


def test_nothing_is_left_out_for_want_of_a_second_look() -> None:
    assert text(alone("2925-7-", profile=BudgetProfile.FAST)) == "2925-7-", "fast takes none"
    assert text(alone("2925-7-", finish=Finish.LOOP)) == "2925-7-", "it failed"
    assert text(alone("2925-7-", unread=True)) == "2925-7-", (
        "the other reader saw print that it could not read"
    )
    assert text(alone("2925-7-", tasks=frozenset(Task))) == "2925-7-", "a model that gives values"
    picture = "![a dog on a beach]()"
    assert len(seen(alone(picture)).blocks or ()) == 1, "what pictures show is not text"

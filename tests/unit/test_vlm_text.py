"""A page's text read with a model: its order and places, what loops, is left out or lies turned."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from model_runtime.chat import Finish
from model_runtime.families import TRAITS, Family
from model_runtime.scripted import ScriptedReader, image_digest
from model_runtime.scripted_chat import Line, ScriptedChat
from model_runtime.spec import vlm_spec
from model_runtime.vlm import Check, Hosted, ReaderSettings, VlmReader
from model_runtime.vlm.session import View
from pipeline.orders import PageImage, ReadOrder
from schemas.geometry import Box
from schemas.reading import PageReading
from schemas.request import BudgetProfile, Task
from tests.unit.vlm_pages import (
    FIT,
    GOOD,
    HEIGHT,
    LAYER,
    PAGE,
    SCHEMA,
    WHOLE,
    WIDTH,
    Aids,
    codes,
    printed,
    read,
    reader_of,
    said,
    seen,
)


def test_text_is_placed_by_the_layer_and_keeps_the_model_s_order() -> None:
    layer = printed("Invoice No. INV-17", "A-1 Bolts 12,00", "Total 20,50 EUR")
    reading = read(ScriptedChat([Line((WHOLE,), "text")]), Task.TEXT, aids=Aids(layer), calibration=FIT)
    blocks = seen(reading).blocks
    assert blocks is not None
    assert [block.text for block in blocks] == ["Invoice No. INV-17", "", "Total 20,50 EUR"]
    assert blocks[0].bbox == (40, 40, 240, 52)
    assert blocks[0].confidence is not None
    [table] = seen(reading).tables
    assert [cell.bbox for cell in table.cells] == [(40, 70, 100, 82), (110, 70, 170, 82), (180, 70, 240, 82)]
    assert reading.language == "en"
    assert codes(reading) == []


def test_what_was_left_out_is_read_again_and_else_said() -> None:
    rest = Line((PAGE + "Invoice No. INV-17",), "text", image=None)
    layer = printed(*(f"line {n} of many words on this long page" for n in range(12)))
    aids = Aids(layer)
    reading = read(ScriptedChat([rest]), Task.TEXT, aids=aids)
    assert "coverage_low" in codes(reading)
    assert "text_unsupported" in codes(reading)
    assert len(aids.crops) == 2, "two halves, once"


@pytest.mark.parametrize(("plain", "said"), [(True, ["nothing_read"]), (False, [])])
def test_a_model_that_cannot_say_what_is_legible_is_not_believed_that_nothing_is_there(
    plain: bool, said: list[str]
) -> None:
    empty = Line(("",) if plain else (PAGE,))
    assert codes(read(ScriptedChat([empty]), Task.TEXT, plain=plain)) == said


def test_a_trusted_layer_is_not_read_again() -> None:
    chat = ScriptedChat([GOOD])
    reading = read(chat, Task.TEXT, Task.TABLES, Task.FIELDS, aids=Aids(LAYER, is_trusted=True))
    assert [turn.prompt[:17] for turn in chat.turns] == ["Find these values"]
    assert seen(reading).blocks is None


def test_a_loop_is_tried_differently_then_the_page_is_unreadable_with_its_reason() -> None:
    chat = ScriptedChat([Line(("la la la",), "text", finish=Finish.LOOP)])
    reading = read(chat, Task.TEXT, aids=Aids())
    assert reading.unreadable is not None
    assert "repeated itself" in reading.unreadable
    assert "read_again" in codes(reading)
    temperatures = [turn.temperature for turn in chat.turns]
    assert temperatures[:3] == [0.0, 0.4, 0.0], "the third try is in halves"
    assert len(chat.turns) == 6
    assert len({(turn.prompt, turn.temperature, turn.images) for turn in chat.turns}) == len(chat.turns)
    assert reading.spent.completion_tokens == 3 * len(chat.turns), "lost tries are paid for too"
    assert reading.spent.visual_tokens > len(chat.turns) * 64


def test_a_loop_that_a_second_try_avoids_costs_one_try() -> None:
    lines = [
        Line(
            ("la la la",), "text", finish=Finish.LOOP, prompt="A page without text gets no text. What stands"
        ),
        Line((WHOLE,), "text"),
    ]
    chat = ScriptedChat(lines)
    reading = read(chat, Task.TEXT)
    assert len(chat.turns) == 2
    assert seen(reading).blocks
    assert codes(reading) == ["read_again"]


def test_a_reply_that_is_too_long_is_read_in_halves() -> None:
    lines = [
        Line((PAGE + "one two three four",), "text", prompt="part of a larger page"),
        Line(("one two",), "text", finish=Finish.LENGTH),
    ]
    aids = Aids()
    reading = read(ScriptedChat(lines), Task.TEXT, aids=aids)
    upper, lower = (tile for tile, _ in aids.crops)
    assert upper.box[3] > lower.box[1]
    blocks = seen(reading).blocks
    assert blocks is not None
    assert [block.text for block in blocks] == ["one two three four"]


@pytest.mark.parametrize(("schema", "looks"), [(SCHEMA, 1), (None, 0)])
def test_text_in_which_values_will_be_looked_for_gets_places(schema: Any, looks: int) -> None:
    second = ScriptedReader(readings={image_digest(b"page"): PageReading(WIDTH, HEIGHT, LAYER)})
    chat = ScriptedChat([Line((WHOLE,), "text")])
    settings = ReaderSettings(check=Check.DOUBTFUL, sampled=0)
    reader = reader_of(chat, settings, Family.QWEN2_VL, second, tasks=frozenset({Task.TEXT}))
    tasks = frozenset({Task.FIELDS if schema else Task.TEXT})
    order = ReadOrder(PageImage(b"page", "image/png", WIDTH, HEIGHT), tasks, schema=schema)
    words = [word for block in seen(reader.read(order, lambda: False)).blocks or () for word in block.words]
    assert second.calls == looks
    assert words
    assert all((word.bbox is not None) == bool(looks) for word in words)


class Asked(ScriptedReader):
    """Notes the languages it is asked in."""

    def read(self, order: ReadOrder, cancelled: Any, aids: Any = None) -> PageReading:
        self.languages = order.languages
        return super().read(order, cancelled, aids)


@pytest.mark.parametrize(
    ("text", "given", "languages"),
    [
        ("Coffee 2.80", (), ("en",)),
        ("Кофе 2.80", (), ()),
        ("커피 2.80", (), ()),
        ("2.80", (), ()),
        ("Coffee 2.80", ("ru",), ("ru",)),
    ],
)
def test_the_other_reader_need_not_guess_scripts_that_the_model_did_not_see(
    text: str, given: tuple[str, ...], languages: tuple[str, ...]
) -> None:
    second = Asked()
    settings = ReaderSettings(check=Check.ALWAYS)
    chat = ScriptedChat([Line((PAGE + text,), "text")])
    reader = reader_of(chat, settings, Family.QWEN2_VL, second)
    reader.read(
        ReadOrder(PageImage(b"page", "image/png", WIDTH, HEIGHT), frozenset({Task.TEXT}), given),
        lambda: False,
    )
    assert second.languages == languages


def test_a_page_that_lies_turned_is_read_upright_and_boxes_stay_on_the_page() -> None:
    turned = "---\nlanguage: en\nrotation: 90\nlegible: yes\n---\nxx"
    chat = ScriptedChat(
        [
            Line((turned,), "text", image="5baf1c7a6a5bca0a3ab5b8fdbb5c8f5e"),
            Line((turned, WHOLE), "text"),
            Line((json.dumps({"number": said("INV-17", "INV-17", [0, 0, 100, 50])}),), "fields"),
        ]
    )
    aids = Aids()
    reading = read(chat, Task.TEXT, Task.FIELDS, aids=aids, profile=BudgetProfile.FAST)
    assert reading.content_rotation == 90
    [(tile, turn)] = aids.crops
    assert turn == 90
    [found] = seen(reading).findings or ()
    [box] = found.evidence[0].boxes or []
    # The top left corner of the upright page is the bottom left one of the page as it lies.
    assert box[0] == 0
    assert box[3] == pytest.approx(HEIGHT)
    del tile


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_view_leads_back_to_the_page(turn: int) -> None:
    wide = PageImage(b"", "image/png", *((100, 200) if turn % 180 == 0 else (200, 100)))
    view = View(wide, (10.0, 20.0, 60.0, 120.0), turn)
    corners = {
        0: (10, 20, 15, 25),
        90: (10, 115, 15, 120),
        180: (55, 115, 60, 120),
        270: (55, 20, 60, 25),
    }
    assert view.on_page((0, 0, 10, 10)) == pytest.approx(corners[turn])
    whole = view.on_page((0, 0, wide.width, wide.height))
    assert whole == pytest.approx((10, 20, 60, 120))


def test_a_page_that_is_called_off_costs_no_further_call() -> None:
    chat, family = ScriptedChat([GOOD]), Family.QWEN2_VL
    traits = TRAITS[family]
    spec = vlm_spec("s", "m", traits, visual_tokens=1280)
    reader = VlmReader(chat, lambda: Hosted("m", family), lambda _: spec, ReaderSettings())
    order = ReadOrder(PageImage(b"p", "image/png", 28, 28), frozenset(Task), schema=SCHEMA)
    assert reader.read(order, lambda: True).seen is None
    assert not chat.turns


def test_pictures_beside_a_trusted_layer_are_read_and_stand_where_they_are() -> None:
    class Pictured(Aids):
        def pictures(self) -> Sequence[Box]:
            return [(40.0, 500.0, 240.0, 560.0)]

    chat = ScriptedChat([Line((PAGE + "Stamp: received 5 May",), "text")])
    aids = Pictured(LAYER, is_trusted=True)
    [block] = seen(read(chat, Task.TEXT, aids=aids)).blocks or ()
    assert (block.text, block.bbox) == ("Stamp: received 5 May", (40, 500, 240, 560))
    assert len(chat.turns) == 1

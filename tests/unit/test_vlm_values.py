"""A page's values read with a model: where they stand, how sure they are, closer looks."""

import json
from typing import Any

import pytest

from model_runtime.chat import Turn
from model_runtime.families import Family
from model_runtime.scripted_chat import Line, ScriptedChat
from pipeline.confidence import Calibration
from schemas.errors import RequestInvalid
from schemas.field import Match
from schemas.request import BudgetProfile, Task
from tests.unit.vlm_pages import (
    FIT,
    GOOD,
    LAYER,
    WHOLE,
    Aids,
    codes,
    fields,
    read,
    said,
    seen,
)


def test_values_stand_where_their_quotes_stand() -> None:
    found = seen(read(ScriptedChat([GOOD]), Task.FIELDS, aids=Aids(LAYER), calibration=FIT)).findings
    assert found is not None
    by = {(one.path, one.row): one for one in found}
    assert set(by) == {
        ("number", None), ("total", None),
        ("items[].sku", 0), ("items[].amount", 0), ("items[].sku", 1), ("items[].amount", 1),
    }  # fmt: skip
    total = by["total", None]
    assert total.value == 20.5
    assert total.evidence[0].boxes == [(110, 130, 240, 142)]
    assert total.evidence[0].match is Match.EXACT
    assert total.confidence is not None
    assert total.confidence > 0.9
    assert by["items[].amount", 1].evidence[0].boxes == [(180, 100, 240, 112)]


def test_without_a_fit_nothing_has_a_probability() -> None:
    found = seen(read(ScriptedChat([GOOD]), Task.FIELDS, aids=Aids(LAYER))).findings
    assert found is not None
    assert all(one.confidence is None for one in found)


def test_what_only_the_model_has_seen_has_no_confidence_however_sure_it_is() -> None:
    """Its quote is nowhere on the page; the box that it gives is its word alone."""
    chat = ScriptedChat(
        [fields(number=said("INV-99", "Invoice No. INV-99", [10, 10, 90, 30]), total=None, items=[])]
    )
    [found] = seen(read(chat, Task.FIELDS, aids=Aids(LAYER), calibration=FIT)).findings or ()
    assert (found.value, found.confidence) == ("INV-99", None)
    assert found.evidence[0].match is Match.MODEL


def test_a_value_that_its_quote_does_not_say_has_no_confidence() -> None:
    chat = ScriptedChat([fields(total=said(99.5, "20,50 EUR"))])
    found = seen(
        read(chat, Task.FIELDS, aids=Aids(LAYER), calibration=Calibration("t", 0.0, {"invalid": -9.0}))
    )
    assert found.findings is not None
    assert found.findings[0].confidence is not None
    assert found.findings[0].confidence < 0.01


@pytest.mark.parametrize(
    ("family", "box", "place"),
    [
        (Family.QWEN2_VL, [100, 250, 500, 300], (84, 294, 420, 352.8)),
        (Family.QWEN2_5_VL, [100, 250, 500, 300], (100, 250, 500, 300)),
        (Family.QWEN3_VL, [100, 250, 500, 300], (84, 294, 420, 352.8)),
    ],
)
def test_native_boxes_come_back_in_pixels_of_the_page_image(
    family: Family, box: list[int], place: tuple[float, ...]
) -> None:
    chat = ScriptedChat([fields(number=said("INV-17", "INV-17", box))])
    [found] = seen(read(chat, Task.FIELDS, family=family, profile=BudgetProfile.FAST)).findings or ()
    [where] = found.evidence[0].boxes or []
    assert where == pytest.approx(place)
    assert found.evidence[0].match is Match.MODEL


@pytest.mark.parametrize(
    ("family", "pointed"),
    [
        (Family.QWEN2_VL, "<|box_start|>(100,250),(500,300)<|box_end|>"),
        (Family.QWEN2_5_VL, '[{"bbox_2d": [84, 294, 420, 352], "label": "x"}]'),
        (Family.QWEN3_VL, '```json\n[{"bbox_2d": [100, 250, 500, 300]}]\n```'),
    ],
)
def test_a_family_is_asked_to_point_in_its_own_way(family: Family, pointed: str) -> None:
    """Where a value came without a place and nobody else has seen the page."""
    value = Line((json.dumps({"number": said("INV-17", "INV-17")}),), "fields")
    chat = ScriptedChat([value, Line((pointed,), "place")])
    [found] = seen(read(chat, Task.FIELDS, family=family, calibration=FIT)).findings or ()
    [where] = found.evidence[0].boxes or []
    assert where == pytest.approx((84, 294, 420, 352), abs=1)
    assert (found.evidence[0].match, found.confidence) == (Match.MODEL, None)
    assert chat.turns[-1].markers is (family is Family.QWEN2_VL)


def test_places_are_asked_for_only_where_nobody_else_knows_them() -> None:
    with_layer, without = ScriptedChat([GOOD]), ScriptedChat([GOOD])
    read(with_layer, Task.FIELDS, aids=Aids(LAYER))
    read(without, Task.FIELDS, profile=BudgetProfile.FAST)
    assert '"box"' not in with_layer.turns[0].prompt
    assert '"box"' in without.turns[0].prompt


def test_broken_json_is_asked_for_again_and_what_is_broken_for_good_is_used_as_far_as_it_goes() -> None:
    good = {"number": said("INV-17", "INV-17")}
    mended = ScriptedChat([Line(("Sorry, I cannot", json.dumps(good)), "fields")])
    reading = read(mended, Task.FIELDS, aids=Aids(LAYER))
    assert [one.value for one in seen(reading).findings or ()] == ["INV-17"]
    assert "no JSON of that shape" in mended.turns[1].prompt
    broken = ScriptedChat([Line((json.dumps(good)[:-1] + ', "total": {"va',), "fields")])
    reading = read(broken, Task.FIELDS, aids=Aids(LAYER))
    assert [one.value for one in seen(reading).findings or ()] == ["INV-17"]
    assert "reply_broken" in codes(reading)
    assert seen(reading).unanswered == (Task.FIELDS,), "what came after the break was not looked for"


def test_a_task_that_fails_costs_the_page_nothing_else() -> None:
    chat = ScriptedChat([Line(("no",), "fields"), Line((WHOLE,), "text")])
    reading = read(chat, Task.TEXT, Task.FIELDS, aids=Aids(LAYER))
    assert seen(reading).unanswered == (Task.FIELDS,)
    assert seen(reading).findings is None
    assert seen(reading).blocks
    assert "task_failed" in codes(reading)


class Refusing(ScriptedChat):
    """A server whose grammar backend does not take the schema."""

    def complete(self, turn: Turn, cancelled: Any) -> Any:
        if turn.schema is not None:
            raise RequestInvalid("schema_refused", "no such grammar")
        return super().complete(turn, cancelled)


def test_a_schema_that_the_server_refuses_is_asked_for_in_words() -> None:
    reading = read(Refusing([GOOD]), Task.FIELDS, aids=Aids(LAYER))
    assert len(seen(reading).findings or ()) == 6


def test_a_value_in_doubt_is_looked_at_again_enlarged() -> None:
    doubtful = Line(
        (json.dumps({"number": said("INV-17", "INV-17"), "total": None, "items": []}),),
        "fields",
        logprob=-1.5,
    )
    aids = Aids(LAYER)
    schema = {"type": "object", "properties": {"number": {"type": "string"}, "total": {"type": "number"}}}
    chat = ScriptedChat([doubtful])
    reading = read(chat, Task.FIELDS, aids=aids, schema=schema)
    [(tile, _)] = aids.crops
    assert tile.box[0] < 180
    assert tile.box[2] > 240
    assert tile.width > tile.box[2] - tile.box[0], "larger than on the page"
    assert "looked_again" in codes(reading)


def test_two_looks_that_differ_are_both_kept() -> None:
    other = json.dumps({"number": said("INV-77", "INV-77")})
    first = json.dumps({"number": said("INV-17", "INV-17")})
    chat = ScriptedChat([Line((first, other), "fields", logprob=-1.5)])
    schema = {"type": "object", "properties": {"number": {"type": "string"}}}
    reading = read(chat, Task.FIELDS, aids=Aids(LAYER), schema=schema, calibration=FIT)
    found = seen(reading).findings
    assert found is not None
    assert {one.value for one in found} == {"INV-17", "INV-77"}
    assert [one.confidence for one in found if one.value == "INV-77"] == [None]
    assert "readings_differ" in codes(reading)

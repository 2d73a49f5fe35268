"""Synthetic documents: the same seed gives the same page, ink lies in its boxes, replies fit the product."""

import calendar
import json
import random
import re
from typing import Any

import jsonschema
import numpy as np
import pytest

from model_runtime.nano import fonts
from model_runtime.nano.alphabet import NUMBERS
from model_runtime.nano.batches import Plan
from model_runtime.nano.compose import Wish, compose
from model_runtime.nano.curriculum import STAGES, Course, rate
from model_runtime.nano.exams import exams
from model_runtime.nano.lexicon import languages, words
from model_runtime.nano.pieces import Kind, Page
from model_runtime.nano.places import places
from model_runtime.nano.scores import distance, score
from model_runtime.nano.tasks import Asked, Exercise, builtin, exercise, fields
from pipeline import prompts
from pipeline.decoding import answers_schema, charts_schema, derive
from pipeline.native_boxes import marked
from pipeline.parse_markdown import read_page
from schemas.errors import Unsupported
from schemas.page import BlockKind

HEIGHT, WIDTH = 420, 308


@pytest.fixture(scope="module")
def faces() -> tuple[fonts.Face, ...]:
    try:
        return fonts.find().training
    except Unsupported:
        pytest.skip("this machine has too few fonts to train on (extra `train`)")


def page(kind: Kind, seed: int, faces: Any, **wish: Any) -> Page:
    return compose(Wish(kind, HEIGHT, WIDTH, **wish), random.Random(seed), faces)


@pytest.mark.parametrize("kind", Kind)
def test_a_page_is_a_matter_of_its_seed(kind: Kind, faces: Any) -> None:
    first, again, other = (page(kind, seed, faces) for seed in (5, 5, 6))
    assert np.array_equal(first.drawn.cover, again.drawn.cover)
    assert first.plain == again.plain
    assert not np.array_equal(first.drawn.cover, other.drawn.cover) or kind is Kind.BLANK


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [Kind.LINES, Kind.RECEIPT, Kind.FORM])
def test_all_ink_of_text_lies_in_the_boxes_of_its_characters(kind: Kind, seed: int, faces: Any) -> None:
    made = page(kind, seed, faces, sizes=(12, 20))
    ruled = kind is Kind.RECEIPT
    covered = np.zeros_like(made.drawn.cover, bool)
    for x0, y0, x1, y1 in made.drawn.boxes:
        covered[max(0, int(y0) - 1) : int(np.ceil(y1)) + 1, max(0, int(x0) - 1) : int(np.ceil(x1)) + 1] = True
    inked = made.drawn.cover > 60
    assert (inked & covered).sum() >= (0.7 if ruled else 0.995) * inked.sum()
    full = [box for char, box in zip(made.drawn.characters, made.drawn.boxes, strict=True) if char.isalnum()]
    inside = [
        (x0, y0, x1, y1) for x0, y0, x1, y1 in full if x0 >= 0 and y0 >= 0 and x1 <= WIDTH and y1 <= HEIGHT
    ]
    for x0, y0, x1, y1 in inside:
        assert made.drawn.cover[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))].max() > 60


@pytest.mark.parametrize("seed", range(8))
def test_what_a_receipt_says_stands_in_its_text(seed: int, faces: Any) -> None:
    made = page(Kind.RECEIPT, seed, faces)
    text = "\n".join(made.plain)
    facts = [*made.facts.values(), *(fact for row in made.rows for fact in row.values())]
    assert facts
    assert all(fact.quote in text for fact in facts)
    assert all(char in NUMBERS for char in text.replace("\n", ""))


@pytest.mark.parametrize("kind", [Kind.RECEIPT, Kind.INVOICE])
def test_a_part_begins_anywhere_and_is_asked_for_as_one(kind: Kind, faces: Any) -> None:
    def facts(part: bool) -> list[frozenset[str]]:
        return [frozenset(page(kind, seed, faces, part=part).facts) for seed in range(24)]

    named = {"issuer", "company", "number", "date"}
    whole, parts = facts(False), facts(True)
    assert all(found & named for found in whole)
    assert 3 < sum(not found & named for found in parts) < 21, "some begin below what a page begins with"
    made = page(kind, 3, faces, part=True)
    assert made.part
    asked = {exercise(made, Asked.TEXT, random.Random(seed)).prompt for seed in range(20)}
    assert prompts.text(part=True) in asked
    assert prompts.text() not in asked
    assert exercise(page(kind, 3, faces), Asked.TEXT, random.Random(3)).prompt == prompts.text()


def test_narrow_parts_are_often_columns_and_say_what_stands_in_them(faces: Any) -> None:
    lonely = 0
    for seed in range(40):
        made = compose(Wish(Kind.RECEIPT, 560, 140, part=True), random.Random(seed), faces)
        drawn = "".join(made.drawn.characters).replace(" ", "")
        assert drawn == "".join(made.plain).replace(" ", "")
        lonely += bool(made.rows) and all("amount" not in row for row in made.rows)
    assert lonely > 4, "articles without their prices"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize(("kind", "name"), [(Kind.RECEIPT, "receipt"), (Kind.INVOICE, "invoice")])
def test_fields_are_answered_in_the_shape_that_is_decoded_against(
    kind: Kind, name: str, boxes: bool, seed: int, faces: Any
) -> None:
    made = fields(page(kind, seed, faces), builtin(name), boxes=boxes)
    jsonschema.validate(json.loads(made.reply), derive(builtin(name), boxes=boxes).schema)


@pytest.mark.parametrize("seed", range(4))
def test_every_task_can_be_asked_of_every_page(seed: int, faces: Any) -> None:
    for kind in Kind:
        made, rng = page(kind, seed, faces), random.Random(seed)
        for asked in Asked:
            one = exercise(made, asked, rng)
            if asked is Asked.CHARTS:
                jsonschema.validate(json.loads(one.reply), charts_schema(boxes=True))
            if asked is Asked.QUESTION:
                answers = json.loads(one.reply)
                shape = answers_schema(len(answers), boxes="box" in answers["1"])
                jsonschema.validate(answers, shape)
            if asked is Asked.PLACE and one.reply != "[]":
                assert marked(one.reply)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (Kind.LINES, Asked.PLAIN),
        (Kind.RECEIPT, Asked.TEXT),
        (Kind.FORM, Asked.TEXT),
        (Kind.RECEIPT, Asked.FIELDS),
        (Kind.INVOICE, Asked.FIELDS),
        (Kind.RECEIPT, Asked.QUESTION),
        (Kind.LINES, Asked.PLACE),
    ],
)
def test_what_a_reply_copies_stands_where_the_page_has_its_ink(
    kind: Kind, asked: Asked, seed: int, faces: Any
) -> None:
    made = page(kind, seed, faces)
    one = exercise(made, asked, random.Random(seed))
    known = places(made, one)
    inside = [offset for offset, _ in _copied(one)]
    assert inside or one.reply == "[]"
    assert len(known.keys() & set(inside)) > 0.9 * len(inside)
    height, width = made.drawn.cover.shape
    for offset in known.keys() & set(inside):
        x0, y0, x1, y1 = known[offset]
        ink = made.drawn.cover[
            y0 * height // 1000 : y1 * height // 1000 + 2, x0 * width // 1000 : x1 * width // 1000 + 2
        ]
        assert ink.max() > 0, (one.reply[offset], known[offset])


def _copied(one: Exercise) -> list[tuple[int, str]]:
    """Offsets of the letters and digits that the reply copies, found without the product's help."""
    found, at = [], 0
    for before, text, _ in one.copied:
        at = one.reply.index(before + text, at) + len(before)
        found += [(at + n, char) for n, char in enumerate(text) if char.isalnum()]
        at += len(text)
    return found


def test_a_box_that_is_said_is_around_what_was_quoted(faces: Any) -> None:
    made = page(Kind.RECEIPT, 3, faces)
    one = fields(made, builtin("receipt"), boxes=True)
    known = places(made, one)
    compared = 0
    for match in re.finditer(r'"quote":"([^"]*)","box":\[([\d,]*)\]', one.reply):
        box = tuple(map(int, match[2].split(",")))
        letters = [known[at] for at in range(*match.span(1)) if at in known]
        low, high = (
            (min(part[n] for part in letters) for n in (0, 1)),
            (max(part[n] for part in letters) for n in (2, 3)),
        )
        assert (*low, *high) == pytest.approx(box, abs=1)
        assert known[match.start(2)] == tuple(min(999, side) for side in box)
        compared += 1
    assert compared > 5


def test_blank_and_unreadable_are_said_as_the_pipeline_understands_them(faces: Any) -> None:
    rng = random.Random(1)
    blank = read_page(exercise(page(Kind.BLANK, 1, faces), Asked.TEXT, rng).reply)
    unreadable = read_page(exercise(page(Kind.UNREADABLE, 1, faces), Asked.TEXT, rng).reply)
    assert (blank.blocks, blank.legible) == ((), True)
    assert (unreadable.blocks, unreadable.legible) == ((), False)
    assert exercise(page(Kind.BLANK, 1, faces), Asked.PLAIN, rng).reply == ""


def test_a_table_is_transcribed_as_one(faces: Any) -> None:
    made = next(
        one for one in (page(Kind.TABLE, seed, faces) for seed in range(50)) if "<table>" in one.markdown[-1]
    )
    blocks = read_page(exercise(made, Asked.TEXT, random.Random(1)).reply).blocks
    table = next(block for block in blocks if block.kind is BlockKind.TABLE)
    assert table.table is not None
    texts = [cell.text for cell in table.table.table.cells if cell.text]
    assert " ".join(texts).split() == " ".join(made.plain[-table.table.table.rows :]).split()


@pytest.mark.parametrize("exam", exams(), ids=lambda exam: exam.name)
def test_the_right_reply_gets_full_marks(exam: Any, faces: Any) -> None:
    question = exam.questions(1)[0]
    faults = {"cer", "false_text", "invented", "box_off_pt", "false_place"}
    for name, (part, whole) in score(exam.asked, question, question.exercise.reply).items():
        assert part == (0 if name in faults else whole), name


def test_held_words_and_fonts_are_held(faces: Any) -> None:
    for language in languages():
        assert not set(words(language, held=True)) & set(words(language, held=False))
    known = fonts.find()
    assert not {face.family for face in known.held} & {face.family for face in known.training}


def test_distance_is_levenshteins() -> None:
    assert [distance("kitten", "sitting"), distance("", "abc"), distance("abc", "abc")] == [3, 3, 0]


def test_the_rate_rises_then_holds_then_falls() -> None:
    assert rate(0, 0.0) < rate(100, 0.1) < rate(400, 0.2) == 1.0
    assert 1.0 > rate(5000, 0.7) > rate(9000, 1.0) > 0


def test_stages_end_by_their_share_or_when_they_are_learnt() -> None:
    course = Course()
    assert not course.advance(0.01, 0.1)
    assert course.advance(0.01, 0.99), "what is learnt is left early"
    assert course.now is STAGES[1]
    assert not course.advance(0.02, 0.1)
    assert course.advance(0.01 + STAGES[1].share, 0.1)
    for _ in range(10):
        course.advance(2.0, 1.0)
        course.began = 0.0
    assert course.now is STAGES[-1]


def test_what_ends_with_text_has_longer_for_lines() -> None:
    number, lines = next((at, stage) for at, stage in enumerate(STAGES) if stage.name == "lines")
    after = lines.share + 0.01
    assert Course(number).advance(after, 0.1)
    course = Course(number)
    assert not course.advance(after, 0.1, "text")
    assert course.advance(0.9, 0.1, "text")
    assert course.now.name == "text"
    assert not course.advance(1.0, 1.0, "text"), "it is the last"


def test_plans_are_values() -> None:
    assert Plan(1, 2, 3, 4) == Plan(1, 2, 3, 4)


def test_lines_of_sense_hold_no_random_characters(faces: Any) -> None:
    known = {word.casefold() for word in words("en", held=True)} | {"eur", "usd", "gbp", "chf"}
    known |= {name[:size].casefold() for name in calendar.month_name for size in (3, 9)}
    for sense in (True, False):
        strange = []
        for seed in range(40):
            made = page(Kind.LINES, seed, faces, sense=sense, language="en", held=True)
            tokens = (token.strip(",.:;!?€$%") for token in " ".join(made.plain).split())
            strange += [token for token in tokens if token.isalpha() and token.casefold() not in known]
        assert (not strange) is sense, strange

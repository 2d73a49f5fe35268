"""Large pages cut into parts and put together again: every line once, whatever the layout."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_runtime.families import TRAITS, Family
from model_runtime.scripted_chat import ScriptedChat
from model_runtime.spec import vlm_spec
from model_runtime.vlm import Hosted, ReaderSettings, VlmReader
from pipeline.certainty import Piece
from pipeline.cut_page import Sheet, halves, plan
from pipeline.orders import PageImage, ReadOrder
from pipeline.splice import Written, below, beside
from pipeline.tiling import Cut, Tile, Tiling, tiles
from schemas.engine import PixelLimits
from schemas.geometry import Box
from schemas.reading import PageReading
from schemas.request import Task

LIMITS = PixelLimits(factor=28, min_pixels=28 * 28 * 64, max_pixels=28 * 28 * 1280)
SPEC = vlm_spec("scripted", "qwen2-vl", TRAITS[Family.QWEN2_VL], visual_tokens=1280)


@dataclass(frozen=True)
class Printed:
    """A word on paper, in points."""

    text: str
    box: Box


@dataclass
class Paper:
    """A page that is known word by word, and what a reader sees of any part of it."""

    width: float
    height: float
    lines: list[list[Printed]]
    letter: float = 3.5
    careful: bool = False
    """The reader leaves out words that an edge cuts, as it is asked to."""

    def ink(self) -> np.ndarray:
        dark = np.zeros((round(self.height), round(self.width)), bool)
        for line in self.lines:
            for word in line:
                x0, y0, x1, y1 = word.box
                dark[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        return dark

    def seen(self, box: Box) -> str:
        """Words wholly inside; of those an edge cuts across, what a reader might make of half letters."""
        found = []
        for line in self.lines:
            words = []
            for word in line:
                x0, y0, x1, y1 = word.box
                if x0 < box[0] - 0.01 or x1 > box[2] + 0.01 or y1 <= box[1] or y0 >= box[3]:
                    continue
                whole = y0 >= box[1] - 0.01 and y1 <= box[3] + 0.01
                if self.careful and not whole:
                    continue
                words.append(word.text if whole else word.text[::-1].upper())
            if words:
                found.append(" ".join(words))
        return "\n".join(found)


class Aids:
    """Parts of a paper as images that say what they show."""

    def __init__(self, paper: Paper, image: tuple[int, int], tiling: Tiling | None) -> None:
        self.paper, self.image, self._tiling = paper, image, tiling
        self.crops = 0

    def layer(self) -> PageReading | None:
        return None

    def trusted(self) -> bool:
        return False

    def tiles(self) -> Tiling | None:
        return self._tiling

    def pictures(self) -> Sequence[Box]:
        return ()

    def crop(self, tile: Tile, turn: int = 0) -> PageImage:
        self.crops += 1
        assert tile.width * tile.height <= LIMITS.max_pixels
        assert tile.width % 28 == tile.height % 28 == 0
        sx, sy = self.paper.width / self.image[0], self.paper.height / self.image[1]
        x0, y0, x1, y1 = tile.box
        box = (x0 * sx, y0 * sy, x1 * sx, y1 * sy)
        return PageImage(json.dumps(box).encode(), "image/png", tile.width, tile.height)


def read(paper: Paper, scale: float, *, gutters: bool = True, most: int = 200) -> tuple[str, Aids]:
    """The page as it is read in parts, at so many pixels a point."""
    image = (840, 1176)
    sheet = Sheet(
        paper.width * scale,
        paper.height * scale,
        paper.letter * scale,
        image,
        paper.ink() if gutters else None,
    )
    aids = Aids(paper, image, plan(sheet, LIMITS, most))
    chat = ScriptedChat(answer=lambda turn: paper.seen(tuple(json.loads(turn.images[0].data))))
    reader = VlmReader(chat, lambda: Hosted("m", Family.QWEN2_VL), lambda _: SPEC, ReaderSettings())
    page = json.dumps((0, 0, paper.width, paper.height)).encode()
    order = ReadOrder(PageImage(page, "image/png", *image), frozenset({Task.TEXT}))
    reading = reader.read(order, lambda: False, aids)
    assert reading.unreadable is None
    assert reading.seen is not None
    return "\n".join(block.text for block in reading.seen.blocks or ()), aids


def row(words: Sequence[str], left: float, top: float, size: float = 7.0) -> list[Printed]:
    line, x = [], left
    for word in words:
        wide = len(word) * size * 0.5
        line.append(Printed(word, (x, top, x + wide, top + size)))
        x += wide + size * 0.4
    return line


def numbered(count: int, words: int, start: int = 0) -> list[list[str]]:
    """Lines none of whose words occurs twice."""
    return [[f"w{start + at}x{number}" for number in range(words)] for at in range(count)]


def each_once(text: str, lines: list[list[Printed]]) -> None:
    got = text.split()
    wanted = [word.text for line in lines for word in line]
    assert sorted(set(wanted) - set(got)) == [], "lost"
    assert sorted(set(got) - set(wanted)) == [], "made up"
    assert [word for word in set(got) if got.count(word) > 1] == [], "doubled"


def in_whole_rows(paper: Paper, scale: float, *, gutters: bool = True) -> Aids:
    """It is read in parts, and each of its lines comes back in one piece, in order."""
    text, aids = read(paper, scale, gutters=gutters)
    each_once(text, paper.lines)
    assert aids.crops > 1
    assert text.split("\n") == [" ".join(word.text for word in line) for line in paper.lines]
    return aids


def newspaper() -> Paper:
    """A broadsheet: a headline over all, then five columns of small print."""
    lines = [row(["MORNING", "HERALD"], 300, 30, 60)]
    for column in range(5):
        for at, words in enumerate(numbered(230, 5, column * 1000)):
            lines.append(row(words, 40 + 205 * column, 120 + 8.4 * at))
    return Paper(1080, 2100, lines)


def test_a_newspaper_page_is_read_column_by_column_every_line_once() -> None:
    paper = newspaper()
    text, aids = read(paper, 2.2)
    each_once(text, paper.lines)
    assert aids.crops > 6
    order = [word for word in text.split() if word.endswith("x0")]
    assert order == [f"w{column * 1000 + at}x0" for column in range(5) for at in range(230)]


def test_a_bill_is_not_cut_between_what_it_lists_and_the_prices() -> None:
    """The white between them is the widest of the page; what it parts are rows, not columns of text."""
    lines = [
        row([f"article{at}", f"of{at}", f"steel{at}"], 30, 20 + 14.0 * at)
        + row([f"{at}.{at + 10}"], 320, 20 + 14.0 * at)
        for at in range(90)
    ]
    in_whole_rows(Paper(380, 20 + 14.0 * 91, lines), 3.0)


def test_a_table_whose_rows_stand_close_is_cut_between_rows_and_not_between_its_columns() -> None:
    """No white across is wider than the space between two lines; that along parts names from numbers."""
    lines = [
        row([f"article{at}of", f"steel{at}"], 30, 20 + 9.0 * at)
        + row([f"{at}x{at + 1}"], 130, 20 + 9.0 * at)
        + row([f"{at}.{at + 10}"], 175, 20 + 9.0 * at)
        for at in range(140)
    ]
    in_whole_rows(Paper(230, 20 + 9.0 * 141, lines), 3.0)


def test_a_low_and_wide_page_is_not_cut_through_its_lines() -> None:
    """Nothing is known of its gutters, and it is less than half as high as wide; its lines stay whole."""
    lines = [row(words, 30, 20 + 8.4 * at) for at, words in enumerate(numbered(36, 44))]
    paper = Paper(max(w.box[2] for line in lines for w in line) + 30, 40 + 8.4 * 36, lines)
    assert paper.height < 0.5 * paper.width
    tiling = in_whole_rows(paper, 2.6, gutters=False).tiles()
    assert tiling is not None
    assert {(tile.box[0], tile.box[2]) for tile in tiles(tiling)} == {(0.0, 840.0)}


def test_an_a0_drawing_keeps_every_label_once() -> None:
    paper = drawing()
    text, aids = read(paper, 2.4)
    each_once(text, paper.lines)
    assert aids.crops > 20


def test_where_nothing_white_parts_a_drawing_no_label_is_lost() -> None:
    """Cut through whatever is there, in both directions: better a label twice than none."""
    paper = drawing(careful=True)
    text, _ = read(paper, 2.4, gutters=False)
    got, wanted = text.split(), [word.text for line in paper.lines for word in line]
    assert set(got) == set(wanted)
    assert len(got) < 1.2 * len(wanted)


def drawing(*, careful: bool = False) -> Paper:
    """An A0 sheet with labels here and there."""
    rng = np.random.default_rng(5)
    lines: list[list[Printed]] = []
    taken: list[Box] = []
    while len(lines) < 350:
        words = [f"L{len(lines)}a", f"L{len(lines)}b"][: int(rng.integers(1, 3))]
        label = row(words, float(rng.uniform(20, 3200)), float(rng.uniform(20, 2350)))
        box = (label[0].box[0] - 6, label[0].box[1] - 3, label[-1].box[2] + 6, label[0].box[3] + 3)
        if all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in taken):
            taken.append(box)
            lines.append(label)
    lines.sort(key=lambda label: (label[0].box[1], label[0].box[0]))
    return Paper(3370, 2384, lines, careful=careful)


@settings(max_examples=40, deadline=None)
@given(st.integers(30, 220), st.integers(2, 9), st.floats(1.8, 4.0))
def test_dense_text_without_any_gutter_is_read_every_line_once(count: int, words: int, scale: float) -> None:
    lines = [row(line, 30, 20 + 8.4 * at) for at, line in enumerate(numbered(count, words))]
    paper = Paper(max(w.box[2] for line in lines for w in line) + 30, 40 + 8.4 * count, lines)
    text, _ = read(paper, scale, gutters=False)
    each_once(text, paper.lines)
    assert [line.split()[0] for line in text.split("\n")] == [line[0].text for line in lines]


def test_too_many_parts_give_way_in_size() -> None:
    sheet = Sheet(20_000, 20_000, 20, (1000, 1000))
    tiling = plan(sheet, LIMITS, 24)
    assert tiling is not None
    assert len(tiles(tiling)) <= 24
    assert plan(Sheet(800, 800, 10, (800, 800)), LIMITS, 24) is None


def leaves(tiling: Tiling, check: Callable[[Cut], None]) -> None:
    if isinstance(tiling, Cut):
        check(tiling)
        for part in tiling.parts:
            leaves(part, check)


@settings(deadline=None)
@given(st.integers(200, 9000), st.integers(200, 9000), st.floats(4, 30))
def test_parts_cover_the_page_and_fit_the_engine(width: int, height: int, letter: float) -> None:
    tiling = plan(Sheet(width, height, letter, (700.0, 900.0)), LIMITS, 400)
    if tiling is None:
        assert width * height <= LIMITS.max_pixels
        return
    covered = np.zeros((90, 70), bool)
    for tile in tiles(tiling):
        assert tile.width * tile.height <= LIMITS.max_pixels
        x0, y0, x1, y1 = tile.box
        assert 0 <= x0 < x1 <= 700.001
        assert 0 <= y0 < y1 <= 900.001
        covered[int(y0 / 10) : int(np.ceil(y1 / 10)), int(x0 / 10) : int(np.ceil(x1 / 10))] = True
    assert covered.all()
    leaves(tiling, lambda cut: None if 0 <= cut.overlap <= 1 else pytest.fail("overlap"))


def test_halves_overlap_and_cover() -> None:
    cut = halves((0, 0, 840, 1176), LIMITS)
    first, second = cut.parts
    assert isinstance(first, Tile)
    assert isinstance(second, Tile)
    assert first.box[3] > second.box[1]
    assert second.box[3] == 1176


def test_a_strip_is_halved_along_and_keeps_its_line_whole() -> None:
    for box in ((0.0, 0.0, 448.0, 28.0), (0.0, 0.0, 14000.0, 112.0)):
        first, second = tiles(halves(box, LIMITS))
        assert (first.box[1], first.box[3]) == (second.box[1], second.box[3]) == (0, box[3])
        assert first.box[2] > second.box[0]


def test_a_page_a_thousand_times_too_large_gets_no_more_parts_than_any() -> None:
    sheet = Sheet(1.6e6, 1.6e6, 8.0, (1.6e6, 1.6e6))
    made = plan(sheet, LIMITS, 24)
    assert made is not None
    assert 12 <= len(tiles(made)) <= 24


def written(lines: list[str]) -> Written:
    text = "\n".join(lines)
    pieces: list[Piece] = []
    for index, line in enumerate(lines):
        pieces.append((("\n" if index else "") + line, -0.1 * (index + 1)))
    return Written(text, tuple(pieces))


@given(st.integers(2, 30), st.integers(1, 8), st.data())
def test_two_parts_with_lines_in_common_keep_each_once(count: int, shared: int, data: st.DataObject) -> None:
    lines = [" ".join(words) for words in numbered(count + shared, 4)]
    at = data.draw(st.integers(0, count))
    joined = below(written(lines[: at + shared]), written(lines[at:]), 0.5)
    assert joined.text.split() == " ".join(lines).split()
    assert "".join(piece for piece, _ in joined.pieces) == joined.text


def test_rows_of_a_table_that_the_edge_cut_are_one_table_again() -> None:
    rows = [f"<tr><td>item {at}</td><td>{at * 7} EUR net</td></tr>" for at in range(12)]
    upper = "<table><tr><th>what</th><th>price</th></tr>" + "".join(rows[:8]) + "</table>"
    lower = "<table>" + "".join(rows[5:]) + "</table>"
    joined = below(Written(upper), Written(lower), 0.4).text
    assert joined == "<table><tr><th>what</th><th>price</th></tr>" + "".join(rows) + "</table>"


def test_lines_that_run_across_the_edge_are_put_together() -> None:
    left = Written("the quick brown\nalone here\npack my box with")
    right = Written("quick brown fox jumps\nmy box with five dozen\nonly right")
    assert beside(left, right, 0.2).text.split("\n") == [
        "the quick brown fox jumps",
        "alone here",
        "pack my box with five dozen",
        "only right",
    ]
    assert beside(Written("12 Main Road"), Written("12 Main Road"), 0.2).text == "12 Main Road"

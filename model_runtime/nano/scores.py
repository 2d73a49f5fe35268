"""Scores one reply against what was right: each score a part and a whole, to be summed over pages."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from model_runtime.nano.exams import Question
from model_runtime.nano.tasks import Asked
from pipeline.native_boxes import marked
from pipeline.parse_markdown import read_page

Score = Mapping[str, tuple[float, float]]
_FRONT = re.compile(r"\s*---\n.*?\n---\n?", re.DOTALL)
NEAR_PT = 6.0
PIXELS_A_POINT = 1.5
"""Examined documents are set in about 15 pixels, as if 10 pt type were rendered at 108 dpi."""


def score(asked: Asked, question: Question, reply: str) -> Score:
    truth = question.exercise.reply
    if asked in (Asked.FIELDS, Asked.LOOK, Asked.QUESTION):
        return _values(question, truth, reply)
    if asked is Asked.PLACE:
        return _place(question, truth, reply)
    if asked is Asked.CHARTS:
        return {"exact": (float(_unboxed(truth) == _unboxed(reply)), 1.0)}
    return _text(truth, reply)


def _text(truth: str, reply: str) -> Score:
    wanted, said = _FRONT.sub("", truth, 1), _FRONT.sub("", reply, 1)
    found: dict[str, tuple[float, float]] = {}
    if wanted:
        found["cer"] = (float(distance(said, wanted)), float(len(wanted)))
        found["exact"] = (float(said == wanted), 1.0)
        found["lines_right"] = (float(said.count("\n") == wanted.count("\n")), 1.0)
    else:
        found["false_text"] = (float(bool(said.strip())), 1.0)
    if truth.startswith("---"):
        found["legible_right"] = (float(read_page(truth).legible == read_page(reply).legible), 1.0)
    return found


def _values(question: Question, truth: str, reply: str) -> Score:
    wanted, said = dict(_leaves(json.loads(truth))), _parsed(reply)
    found: dict[str, tuple[float, float]] = {"json": (float(said is not None), 1.0)}
    got = dict(_leaves(said)) if said is not None else {}
    there = {path: leaf for path, leaf in wanted.items() if leaf["value"] is not None}
    heads = {path: leaf for path, leaf in there.items() if len(path) == 1}
    for name, leaves in (("fields_exact", heads), ("all_exact", there)):
        right = sum(_same(leaf["value"], got.get(path, {}).get("value")) for path, leaf in leaves.items())
        found[name] = (float(right), float(len(leaves)))
    absent = [path for path, leaf in wanted.items() if leaf["value"] is None and len(path) == 1]
    invented = sum(got.get(path, {}).get("value") is not None for path in absent)
    found["invented"] = (float(invented), float(len(absent)))
    boxes = [(leaf.get("box"), got.get(path, {}).get("box")) for path, leaf in there.items() if path in got]
    offs = [_off(question, first, second) for first, second in boxes if first and _four(second)]
    if offs:
        found["box_near"] = (float(sum(off <= NEAR_PT for off in offs)), float(len(offs)))
        found["box_off_pt"] = (float(sum(min(off, 100.0) for off in offs)), float(len(offs)))
    return found


def _place(question: Question, truth: str, reply: str) -> Score:
    wanted, said = marked(truth), marked(reply)
    if not wanted:
        return {"false_place": (float(bool(said)), 1.0)}
    off = _off(question, list(wanted[0].numbers), list(said[0].numbers)) if said else 100.0
    return {"box_near": (float(off <= NEAR_PT), 1.0), "box_off_pt": (min(off, 100.0), 1.0)}


def _off(question: Question, first: Any, second: Any) -> float:
    """The side that is farthest off, in points."""
    height, width = question.page.drawn.cover.shape
    sides = (width, height, width, height)
    offs: list[float] = [
        abs(float(a) - float(b)) * float(s) / 1000 for a, b, s in zip(first, second, sides, strict=True)
    ]
    return max(offs) / PIXELS_A_POINT


def _four(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(isinstance(n, int | float) for n in box)


def _leaves(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    if isinstance(value, dict) and "value" in value:
        yield path, value
    elif isinstance(value, dict):
        for name, inside in value.items():
            yield from _leaves(inside, (*path, name))
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from _leaves(inside, (*path, number))


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) < 1e-6
    return bool(first == second)


def _parsed(reply: str) -> Any | None:
    try:
        return json.loads(reply)
    except ValueError:
        return None


def _unboxed(reply: str) -> str:
    return re.sub(r'"box":\[[^\]]*\]', '"box":[]', reply)


def distance(first: str, second: str) -> int:
    """Levenshtein's."""
    before = list(range(len(second) + 1))
    for number, char in enumerate(first, 1):
        now = [number]
        for place, other in enumerate(second, 1):
            now.append(min(before[place] + 1, now[-1] + 1, before[place - 1] + (char != other)))
        before = now
    return before[-1]

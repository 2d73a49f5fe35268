"""Reads values, answers and charts out of the JSON of a reply, each with its place in the text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.decoding import Derived, Slot
from pipeline.fields.shapes import EACH, Leaf
from pipeline.json_spans import Path, Span, Spanned
from schemas.chart import Chart, Point, PointSource, Series

_LONGEST = 2000
"""Characters of a value or a quote: no printed value is longer, and a model that runs on is not believed."""


@dataclass(frozen=True, slots=True)
class RawFinding:
    """A value as the model gave it. ``span`` covers the characters of the value alone, not of its quote."""

    leaf: Leaf
    row: int | None
    value: Any
    quote: str | None
    box: Any
    span: Span | None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    number: int
    answer: str
    quote: str | None
    box: Any
    span: Span | None


@dataclass(frozen=True, slots=True)
class RawChart:
    chart: Chart
    box: Any
    spans: tuple[Span, ...]


def raw_findings(reply: Spanned, derived: Derived) -> list[RawFinding]:
    """Values that are there; whatever else the reply holds was not asked for and is left alone."""
    return [found for slot, leaf in derived.leaves.items() for found in _of_leaf(reply, slot, leaf)]


def _of_leaf(reply: Spanned, slot: Slot, leaf: Leaf) -> Iterator[RawFinding]:
    for path, node, row in _nodes(reply.value, slot, (), None):
        if not isinstance(node, dict):
            continue
        value, quote = node.get("value"), node.get("quote")
        if value is None or isinstance(value, dict | list) or value == "":
            continue
        yield RawFinding(
            leaf,
            row,
            value[:_LONGEST] if isinstance(value, str) else value,
            quote[:_LONGEST] if isinstance(quote, str) and quote.strip() else None,
            node.get("box"),
            reply.spans.get((*path, "value")),
        )


def _nodes(
    value: Any, slot: tuple[str, ...], path: Path, row: int | None
) -> Iterator[tuple[Path, Any, int | None]]:
    if not slot:
        yield path, value, row
        return
    step, rest = slot[0], slot[1:]
    if step == EACH:
        for index, element in enumerate(value if isinstance(value, list) else ()):
            yield from _nodes(element, rest, (*path, index), index)
    elif isinstance(value, dict) and step in value:
        yield from _nodes(value[step], rest, (*path, step), row)


def raw_answers(reply: Spanned, count: int) -> list[RawAnswer]:
    """Answers to questions 1 to ``count`` that the page holds."""
    found = []
    value = reply.value if isinstance(reply.value, dict) else {}
    for number in range(1, count + 1):
        node = value.get(str(number))
        node = node if isinstance(node, dict) else {}
        answer = node.get("answer")
        if not isinstance(answer, str) or not answer.strip():
            continue
        quote = node.get("quote")
        found.append(
            RawAnswer(
                number,
                answer.strip()[:_LONGEST],
                quote[:_LONGEST] if isinstance(quote, str) and quote.strip() else None,
                node.get("box"),
                reply.spans.get((str(number), "answer")),
            )
        )
    return found


def raw_charts(reply: Spanned) -> list[RawChart]:
    """Charts with at least one point; a title alone is no chart."""
    listed = reply.value.get("charts") if isinstance(reply.value, dict) else None
    found = []
    for index, node in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(node, dict):
            continue
        series = [made for one in _list(node.get("series")) if (made := _series(one)) is not None]
        if not any(one.points for one in series):
            continue
        chart = Chart(
            id="c",
            page=0,
            type=_text(node.get("type")) or "other",
            title=_text(node.get("title")) or "",
            x_label=_text(node.get("x_label")),
            y_label=_text(node.get("y_label")),
            series=series,
        )
        spans = tuple(
            span
            for path, span in reply.spans.items()
            if path[:2] == ("charts", index) and path[-1] == "y" and len(path) > 4
        )
        found.append(RawChart(chart, node.get("box"), spans))
    return found


def _series(node: Any) -> Series | None:
    if not isinstance(node, dict):
        return None
    points = [made for one in _list(node.get("points")) if (made := _point(one)) is not None]
    return Series(name=_text(node.get("name")) or "", points=points)


def _point(node: Any) -> Point | None:
    if not isinstance(node, dict):
        return None
    x, y = node.get("x"), node.get("y")
    if isinstance(x, int | float) and not isinstance(x, bool):
        x = f"{x:g}"
    if not isinstance(x, str):
        return None
    number = float(y) if isinstance(y, int | float) and not isinstance(y, bool) else None
    source = PointSource.LABEL if node.get("source") == "label" else PointSource.ESTIMATE
    return Point(x=x[:_LONGEST], y=number, unit=_text(node.get("unit")), source=source)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value.strip()[:_LONGEST] or None if isinstance(value, str) else None

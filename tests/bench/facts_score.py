"""Tests of single facts about a page's Markdown: present, absent, order, table, math, baseline.

The kinds and their rules are those of olmOCR-bench (`tests.jsonl`), scored by code of our own. Two
simplifications: a text is present when some stretch is within ``max_diffs`` edits of it, and formulas are
compared as LaTeX source (spaces and needless braces ignored) instead of as rendered pictures.
"""

import re
from collections.abc import Callable
from typing import Any

from tests.bench.grid import Grid, GridCell, html_tables, tables_of
from tests.bench.text_score import ends_within, fold, similarity, starts_within

Fact = dict[str, Any]

_EMPHASIS = (
    (re.compile(r"<br\s*/?>", re.IGNORECASE), " "),
    (re.compile(r"</?[bi]>", re.IGNORECASE), ""),
    (re.compile(r"(\*\*|__)(.*?)\1"), r"\2"),
    (re.compile(r"(\*|_)(.*?)\1"), r"\2"),
)
_FORMULAS = (r"\\\((.+?)\\\)", r"\\\[(.+?)\\\]", r"\$\$(.+?)\$\$", r"\$(.+?)\$")
_MAX_REPEATS = 30
_SIDES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
_HEADINGS = {"top_heading": (-1, 0), "left_heading": (0, -1)}


def plain(text: str) -> str:
    """Text without Markdown emphasis, typography folded."""
    for pattern, replacement in _EMPHASIS:
        text = pattern.sub(replacement, text)
    return fold(text)


def _allowed(fact: Fact) -> int:
    return int(fact.get("max_diffs") or 0)


def _stands(fact: Fact, markdown: str) -> bool:
    text, page = plain(fact["text"]), plain(markdown)
    if not fact.get("case_sensitive", True):
        text, page = text.lower(), page.lower()
    first, last = fact.get("first_n"), fact.get("last_n")
    if first or last:
        page = (page[:first] if first else "") + (page[-last:] if last else "")
    return bool(ends_within(text, page, _allowed(fact)))


def _in_order(fact: Fact, markdown: str) -> bool:
    page = plain(markdown)
    before = starts_within(plain(fact["before"]), page, _allowed(fact))
    after = starts_within(plain(fact["after"]), page, _allowed(fact))
    return bool(before and after) and before[0] < after[-1]


def _alike(wanted: str, text: str, allowed: int) -> bool:
    return similarity(wanted, plain(text)) >= max(0.5, 1 - allowed / max(len(wanted), 1))


def _fits(grid: Grid, cell: GridCell, fact: Fact) -> bool:
    allowed = _allowed(fact)
    for names, look in ((_SIDES, grid.beside), (_HEADINGS, grid.headings)):
        for name, side in names.items():
            wanted = plain(fact.get(name) or "")
            if wanted and not any(_alike(wanted, other.text, allowed) for other in look(cell, *side)):
                return False
    return True


def _in_table(fact: Fact, markdown: str) -> bool:
    grids = html_tables(markdown) if fact.get("ignore_markdown_tables") else tables_of(markdown)
    wanted = plain(fact["cell"])
    return any(
        _alike(wanted, cell.text, _allowed(fact)) and _fits(grid, cell, fact)
        for grid in grids
        for cell in grid.cells
    )


def _source(latex: str) -> str:
    """LaTeX with what does not print taken out: spaces, sizing commands, braces around one symbol."""
    latex = re.sub(r"\\(left|right|,|;|!|:|quad|qquad|displaystyle)(?![A-Za-z])", "", latex)
    latex = re.sub(r"(\\[A-Za-z]+)\s+(?=[A-Za-z])", r"\1{}", latex)
    latex = re.sub(r"\s+", "", latex)
    return re.sub(r"\{(.|\\[A-Za-z]+)\}", r"\1", latex).replace("{}", "")


def _formula(fact: Fact, markdown: str) -> bool:
    wanted, rest = _source(fact["math"]), markdown
    for pattern in _FORMULAS:
        if any(_source(found) == wanted for found in re.findall(pattern, rest, re.DOTALL)):
            return True
        rest = re.sub(pattern, "", rest, flags=re.DOTALL)
    return False


def _repeats_at_end(text: str) -> int:
    """How often the last one to five characters repeat at the very end."""
    worst = 0
    for size in range(1, 6):
        tail, count = text[-size:], 0
        while tail and text[len(text) - (count + 1) * size : len(text) - count * size] == tail:
            count += 1
        worst = max(worst, count)
    return worst


def _baseline(fact: Fact, markdown: str) -> bool:
    size = sum(c.isalnum() for c in markdown)
    if fact.get("max_length") is not None:
        return size <= int(fact["max_length"])
    foreign = re.search(r"[\u3040-\u30ff\u4e00-\u9fff\U0001f1e6-\U0001f64f]", markdown)
    if fact.get("check_disallowed_characters", True) and foreign:
        return False
    return size > 0 and _repeats_at_end(markdown) <= _MAX_REPEATS


_KINDS: dict[str, Callable[[Fact, str], bool]] = {
    "present": _stands,
    "absent": lambda fact, markdown: not _stands(fact, markdown),
    "order": _in_order,
    "table": _in_table,
    "math": _formula,
    "baseline": _baseline,
}


def passes(fact: Fact, markdown: str) -> bool:
    """Whether one test holds for the Markdown of its page; an unknown kind raises KeyError."""
    return _KINDS[fact["type"]](fact, markdown)

"""What only the whole document shows: running headers, page numbers, heading levels, tables over pages."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pipeline.furniture import Furniture
from pipeline.levels import Levels
from pipeline.markdown import goes_on
from pipeline.merging import merged
from pipeline.summary import MARGIN_KINDS, Summary, summarise
from schemas.page import BlockKind, PageContent
from schemas.table import Table

__all__ = ["DocumentPlan", "TablePlan", "merge_tables", "plan_document", "summarise"]

Overlay = dict[str, Any]

# Between the last line of a page and the first of the next these may stand.
_ASIDE = frozenset(
    (BlockKind.FOOTNOTE, BlockKind.FIGURE, BlockKind.CAPTION, BlockKind.OTHER, BlockKind.TABLE)
)
_MOST_REPEATED = 16  # blocks above a table; of more, not all are known
_CONTINUED = (
    "continu",
    "cont'd",
    "cont.",
    "fortsetzung",
    "suite",
    "segue",
    "vervolg",
    "続",
    "续",
    "продолжение",
)


@dataclass(slots=True)
class TablePlan:
    """A table of the document; its parts as (page, index on that page, rows of repeated header)."""

    id: str
    parts: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class DocumentPlan:
    """The outcome of the first pass: an entry for each page that differs from what it looks like alone."""

    overlays: dict[int, Overlay] = field(default_factory=dict)
    tables: list[TablePlan] = field(default_factory=list)

    def overlay(self, number: int) -> Overlay | None:
        """Small JSON to be stored with the page; None where there is nothing to add."""
        return self.overlays.get(number)

    def running_on(self) -> frozenset[int]:
        """Pages whose last table or sentence goes on on the next."""
        return frozenset(
            number for number, said in self.overlays.items() if "table_goes_on" in said or "goes_on" in said
        )


def plan_document(summaries: Iterable[tuple[int, Summary]]) -> DocumentPlan:
    """First pass, over the summaries of the pages that were read, in the order of their numbers."""
    pages = sorted(summaries, key=lambda page: page[0])
    furniture, levels = Furniture(), Levels()
    for number, summary in pages:
        furniture.add(number, summary)
        levels.add(number, summary)
    kinds = furniture.kinds()
    plan = DocumentPlan()
    for number, changed in kinds.items():
        plan.overlays.setdefault(number, {})["kinds"] = {block: kind.value for block, kind in changed.items()}
    for number, changed_levels in levels.levels().items():
        plan.overlays.setdefault(number, {})["levels"] = changed_levels
    _plan_tables(plan, pages, kinds)
    _plan_breaks(plan, pages, kinds)
    return plan


_Kinds = dict[int, dict[str, BlockKind]]


def _plan_tables(plan: DocumentPlan, pages: list[tuple[int, Summary]], kinds: _Kinds) -> None:
    previous: tuple[int, Summary] | None = None
    first_part: dict[str, Any] | None = None
    for number, summary in pages:
        ids: list[str] = []
        for index in range(summary["tables"]):
            skip = None
            if index == 0 and previous is not None and first_part is not None:
                skip = _continues(previous, (number, summary), first_part, kinds)
            if skip is None:
                plan.tables.append(TablePlan(f"t{len(plan.tables) + 1}"))
            else:
                plan.overlays.setdefault(previous[0], {})["table_goes_on"] = True  # type: ignore[index]  # set with skip
                plan.overlays.setdefault(number, {})["table_from"] = skip
            plan.tables[-1].parts.append((number, index, skip or 0))
            ids.append(plan.tables[-1].id)
        if ids:
            plan.overlays.setdefault(number, {})["tables"] = ids
            if summary["tables"] > 1 or len(plan.tables[-1].parts) == 1:
                first_part = summary["last_table"]
        previous = (number, summary)


def _continues(
    previous: tuple[int, Summary], current: tuple[int, Summary], first: dict[str, Any], kinds: _Kinds
) -> int | None:
    """Rows of repeated header when the page's first table goes on with the last one of the page before."""
    if current[0] != previous[0] + 1 or not _ends_with_table(previous, kinds):
        return None
    last, table = previous[1]["last_table"], current[1]["first_table"]
    repeated = _repeated(_header(first), table["head"])
    if not _starts_with_table(current, kinds) and not (repeated and _same_lead(previous[1], current[1])):
        return None
    if table["cols"] != last["cols"] or not (_same_place(last, table) or repeated):
        return None
    return repeated


def _same_place(last: dict[str, Any], table: dict[str, Any]) -> bool:
    if last["x"] is None or table["x"] is None:
        return False
    if any(abs(a - b) > 0.03 for a, b in zip(last["x"], table["x"], strict=True)):
        return False
    pairs: list[tuple[float, float]] = [
        (a, b) for a, b in zip(last["lefts"], table["lefts"], strict=True) if None not in (a, b)
    ]
    return sum(abs(a - b) < 0.03 for a, b in pairs) > 0.5 * len(pairs)


def _header(first: dict[str, Any]) -> list[list[str]]:
    """Rows of data may be alike on two pages; a header that nobody marked is a row of words alone."""
    marked: list[list[str]] = first["head"][: first.get("heads", 1)]
    return marked or [row for row in first["head"][:1] if not any(map(str.isdigit, "".join(row)))]


def _repeated(head: list[list[str]], rows: list[list[str]]) -> int:
    count = 0
    for ours, theirs in zip(head, rows, strict=False):
        if ours != theirs or not any(ours):
            break
        count += 1
    return count


def _flow(entries: list[list[Any]], changed: dict[str, BlockKind]) -> list[tuple[str, BlockKind, str]]:
    """Blocks at a page's start or end without its running headers and footers."""
    kinds = [(block, changed.get(block, BlockKind(kind)), text) for block, kind, text in entries]
    return [entry for entry in kinds if entry[1] not in MARGIN_KINDS]


def _ends_with_table(page: tuple[int, Summary], kinds: _Kinds) -> bool:
    flow = _flow(page[1]["end"], kinds.get(page[0], {}))
    while flow and flow[-1][1] is BlockKind.FOOTNOTE:
        flow.pop()
    return bool(flow) and flow[-1][1] is BlockKind.TABLE


def _starts_with_table(page: tuple[int, Summary], kinds: _Kinds) -> bool:
    flow = _flow(page[1]["start"], kinds.get(page[0], {}))
    if len(flow) > 1 and flow[1][1] is BlockKind.TABLE and any(c in flow[0][2].lower() for c in _CONTINUED):
        return True  # "Table 2 (continued)"
    return bool(flow) and flow[0][1] is BlockKind.TABLE


def _same_lead(previous: Summary, current: Summary) -> bool:
    """The second page of a letter repeats what stands above the table on the first: address, number, date."""
    lead = current["lead"]
    return 0 < len(lead) <= _MOST_REPEATED and set(lead) <= set(previous["lead"])


def _plan_breaks(plan: DocumentPlan, pages: list[tuple[int, Summary]], kinds: _Kinds) -> None:
    """Paragraphs, and words, that run over the end of a page."""
    for (number, upper), (following, lower) in pairwise(pages):
        if following != number + 1:
            continue
        end = [e for e in _flow(upper["end"], kinds.get(number, {})) if e[1] not in _ASIDE]
        start = [e for e in _flow(lower["start"], kinds.get(following, {})) if e[1] not in _ASIDE]
        if not end or not start or end[-1][1] is not start[0][1] or start[0][1] is not BlockKind.PARAGRAPH:
            continue
        if goes_on(end[-1][2], start[0][2]):
            plan.overlays.setdefault(number, {})["goes_on"] = end[-1][0]
            plan.overlays.setdefault(following, {})["from"] = start[0][0]


def merge_tables(plan: DocumentPlan, fetch_page: Callable[[int], PageContent]) -> Iterator[Table]:
    """The document's tables in order, one at a time; ``fetch_page`` gives a page as it was read."""
    number, content = -1, None
    for table in plan.tables:
        parts: list[tuple[Table, int]] = []
        for page, index, skip in table.parts:
            if page != number or content is None:
                number, content = page, fetch_page(page)
            parts.append((content.tables[index], skip))
        yield merged(table.id, parts)

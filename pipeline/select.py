"""Turn a page specification such as ``1-3,7,12-`` into page numbers."""

import re
from collections.abc import Iterable

from schemas.errors import RequestInvalid

_HIGHEST = 9_999_999
_PART = re.compile(r"([0-9]{1,7})(?:(-)([0-9]{1,7})?)?")


def select_pages(spec: str | None, page_count: int, part: str | None = None) -> list[int]:
    """Page numbers in document order, each once; no specification means all pages, or those of ``part``.

    ``5-`` runs to the end. A range may end beyond the last page (``1-3`` asks for the first three, and of a
    two-page document gets two), but must begin inside the document; a single page must exist.
    Raises `RequestInvalid` with ``pages_malformed`` or ``pages_out_of_range``.
    """
    if part is not None:
        return _of_part(spec, page_count, part)
    if spec is None or not spec.strip():
        return list(range(1, page_count + 1))
    chosen: set[int] = set()
    for some in re.sub(r"\s", "", spec).split(","):
        chosen.update(_part(some, page_count))
    return sorted(chosen)


def _of_part(spec: str | None, page_count: int, part: str) -> list[int]:
    """The file's other pages belong to other documents."""
    own = select_pages(part, page_count)
    chosen = select_pages(spec, page_count) if spec is not None and spec.strip() else own
    foreign = sorted(set(chosen) - set(own))
    if foreign:
        raise RequestInvalid("pages_out_of_range", f"no page {foreign[0]}: this document has pages {part}")
    return chosen


def first_page(spec: str) -> int:
    """The lowest page of a specification made by `page_spec`."""
    return int(re.split("[-,]", spec, maxsplit=1)[0])


def pages_of(spec: str) -> list[int]:
    """All pages of a specification made by `page_spec`, whose ranges all have an end."""
    return select_pages(spec, _HIGHEST)


def page_spec(numbers: Iterable[int]) -> str:
    """The specification of these pages: ``3-5,7``."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _part(part: str, page_count: int) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise RequestInvalid(
            "pages_malformed", f"{part[:20]!r} is neither a page nor a range such as 2-5 or 5-"
        )
    first = int(match[1])
    last = first if match[2] is None else int(match[3]) if match[3] else page_count
    if first < 1 or first > page_count:
        plural = "" if page_count == 1 else "s"
        raise RequestInvalid(
            "pages_out_of_range", f"no page {first}: the document has {page_count} page{plural}"
        )
    if last < first:
        raise RequestInvalid("pages_malformed", f"the range {part} ends before it begins")
    return range(first, min(last, page_count) + 1)

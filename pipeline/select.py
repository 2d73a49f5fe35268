"""Turn a page specification such as ``1-3,7,12-`` into page numbers."""

import re

from schemas.errors import RequestInvalid

_PART = re.compile(r"(\d{1,7})(?:(-)(\d{1,7})?)?")


def select_pages(spec: str | None, page_count: int) -> list[int]:
    """Page numbers in document order, each once; no specification means all pages.

    ``5-`` runs to the end. A range may end beyond the last page (``1-3`` asks for the first three, and of a
    two-page document gets two), but must begin inside the document; a single page must exist.
    Raises `RequestInvalid` with ``pages_malformed`` or ``pages_out_of_range``.
    """
    if spec is None or not spec.strip():
        return list(range(1, page_count + 1))
    chosen: set[int] = set()
    for part in re.sub(r"\s", "", spec).split(","):
        chosen.update(_part(part, page_count))
    return sorted(chosen)


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

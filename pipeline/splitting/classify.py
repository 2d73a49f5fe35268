"""Says of which class the pages of one document are, or that they are of none."""

from collections.abc import Sequence

from pipeline.splitting.traits import Traits
from schemas.split import DocumentClass

_TITLE = {2: 6.0, 1: 3.0}
_LATER_TITLE = 1.0
_MOST_TERMS = 6
_MACHINE_LINES = 8.0
_SLIP = 1.5
_SLIP_RATIO = 1.9  # as high as wide, and more
_ENOUGH = 3.0
_MARGIN = 1.0


def class_of(pages: Sequence[Traits]) -> DocumentClass:
    """Of the pages of a document, in order; the first says most."""
    scores = _scores(pages)
    ranked = sorted(scores, key=lambda kind: -scores[kind])
    if not ranked or scores[ranked[0]] < _ENOUGH:
        return DocumentClass.OTHER
    if len(ranked) > 1 and scores[ranked[0]] - scores[ranked[1]] < _MARGIN:
        return DocumentClass.OTHER
    return ranked[0]


def _scores(pages: Sequence[Traits]) -> dict[DocumentClass, float]:
    scores: dict[DocumentClass, float] = {}

    def add(kind: DocumentClass, weight: float) -> None:
        scores[kind] = scores.get(kind, 0.0) + weight

    for at, page in enumerate(pages):
        if page.title is not None:
            add(page.title.kind, _LATER_TITLE if at else _TITLE[page.title.strength])
        if page.machine_lines:
            add(DocumentClass.ID_DOCUMENT, _MACHINE_LINES)
    for kind in DocumentClass:
        said = max((page.terms.get(kind, 0) for page in pages), default=0)
        if said:
            add(kind, float(min(said, _MOST_TERMS)))
    if pages and is_slip(pages[0]):
        add(DocumentClass.RECEIPT, _SLIP)
    return scores


def is_slip(page: Traits) -> bool:
    """Long and narrow, as tills print."""
    return page.size[1] >= _SLIP_RATIO * page.size[0]

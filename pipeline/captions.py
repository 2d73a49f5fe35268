"""Captions of tables: the caption that stands right above or below each."""

from collections.abc import Sequence

from pipeline.blocks import Draft
from pipeline.marks import is_caption, names_figure
from schemas.page import BlockKind
from schemas.table import Table

# Further away than this many lines of its own height, a caption belongs to something else.
_NEAR = 2.5


def captioned(tables: Sequence[Table], drafts: Sequence[Draft]) -> list[Table]:
    """The tables with their captions; one above is preferred, and none is given twice."""
    out = list(tables)
    texts = [item for item in drafts if _may_caption(item)]
    pairs = [
        (_distance(text, item), index, item.table)
        for index, text in enumerate(texts)
        for item in drafts
        if item.table is not None and _over(text, item)
    ]
    used: set[int] = set()
    for distance, index, table in sorted(pairs):
        if distance < _NEAR and index not in used and out[table].caption is None:
            out[table] = out[table].model_copy(update={"caption": " ".join(texts[index].text.split())})
            used.add(index)
    return out


def _may_caption(item: Draft) -> bool:
    captions = item.kind is BlockKind.CAPTION or (item.kind is BlockKind.HEADING and is_caption(item.text))
    return captions and bool(item.pieces) and not names_figure(item.text)


def _over(text: Draft, table: Draft) -> bool:
    return min(text.at[2], table.at[2]) > max(text.at[0], table.at[0])


def _distance(text: Draft, table: Draft) -> float:
    """In line heights; below the table counts as half a line further."""
    height = max(text.pieces[0].height, 1e-6)
    above, below = table.at[1] - text.at[3], text.at[1] - table.at[3]
    return max(above, 0.0) / height if above > below else max(below, 0.0) / height + 0.5

"""The route of full-text search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from schemas.api import Listing
from services.api import examples
from services.api.cursors import Cursor, cursor_of, next_cursor
from services.api.deps import Reader, Served

router = APIRouter(prefix="/v1/search", tags=["query"])


class Found(BaseModel):
    """A page that holds the words. ``highlights``: where in the snippet, in characters."""

    document_id: str
    run_id: str
    filename: str | None = None
    page: int
    score: float
    snippet: str
    highlights: list[tuple[int, int]] = []


@router.get("", responses=examples.problems(422))
def search(
    request: Request,
    parts: Served,
    who: Reader,
    q: Annotated[str, Query(min_length=1, max_length=1000, examples=['"net amount" Hamburg rech* -draft'])],
    document_id: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Listing[Found]:
    """Pages that hold all the words, the best first, of the newest finished run of each document.

    `"in this order"`, `begin*`, `-without`; filter by label with `label.KEY=value`.
    """
    marks = [(k[6:], v) for k, v in request.query_params.multi_items() if k.startswith("label.")][:8]
    after = cursor_of("search", cursor)
    hits = parts.search.page(who.tenant, q, after, limit + 1, document=document_id, marks=marks)
    items = [
        Found(
            document_id=hit.document_id,
            run_id=hit.run_id,
            filename=hit.filename,
            page=hit.page,
            score=round(hit.score, 6),
            snippet=hit.snippet,
            highlights=hit.marks,
        )
        for hit in hits[:limit]
    ]
    return Listing(
        items=items, next_cursor=next_cursor("search", hits[limit - 1].place) if len(hits) > limit else None
    )

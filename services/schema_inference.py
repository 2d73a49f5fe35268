"""Proposes a schema from a document that was read; the search itself runs in the cage."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Member

from pipeline.ports import Cage
from pipeline.user_schema import check_schema
from schemas.errors import ErrorItem, QuireError
from schemas.ids import TenantId
from services.lookup import Lookup
from services.page_views import PageViews
from workers import steps

_CHUNK = 8
_MOST_PAGES = 200
"""A schema shows in the first pages; looking through thousands would only keep the caller waiting."""


class Basis(BaseModel):
    """What is printed where that made a property be proposed."""

    path: str
    label: str | None = None
    value: str | None = None
    page: int


class Proposed(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    schema_: dict[str, Any] = Member(alias="schema")
    basis: list[Basis] = []
    warnings: list[ErrorItem] = []


class Inference:
    """Reads the pages of a finished run a few at a time."""

    def __init__(self, lookup: Lookup, pages: PageViews, cage: Cage) -> None:
        self._lookup = lookup
        self._pages = pages
        self._cage = cage

    def propose(self, tenant: TenantId, document_id: str, run_id: str | None, title: str | None) -> Proposed:
        run = self._lookup.finished_run(tenant, document_id, run_id)
        found = [self._cage.run(steps.printed, contents) for contents in self._chunks(tenant, run.id)]
        warnings: list[ErrorItem] = []
        last = self._pages.last_number(tenant, run.id)
        if last > _MOST_PAGES:
            detail = f"only the first {_MOST_PAGES} of {last} pages were looked at"
            warnings.append(ErrorItem(pointer="/document_id", code="pages_skipped", detail=detail))
        made = self._cage.run(steps.propose, found, title)
        try:
            check_schema(made.schema, "")
        except QuireError as error:  # a label as long as a page, for instance
            warnings += error.errors
        basis = [Basis(path=b.path, label=b.label, value=b.value, page=b.page) for b in made.basis]
        return Proposed(schema_=made.schema, basis=basis, warnings=warnings)

    def _chunks(self, tenant: TenantId, run_id: str) -> Iterator[list[bytes]]:
        contents: list[bytes] = []
        for content in self._pages.each(tenant, run_id, range(1, _MOST_PAGES + 1)):
            contents.append(content.model_dump_json().encode())
            if len(contents) == _CHUNK:
                yield contents
                contents = []
        if contents:
            yield contents

"""Has the cage look for the values a schema asks for; a page that breaks the search costs only itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.ledger import EndedPage
from pipeline.ports import Cage
from schemas.errors import CageKilled, QuireError, ResultWarning
from schemas.field import Field
from workers.cage_child import StepFailed
from workers.steps import candidates, resolve

if TYPE_CHECKING:
    from pipeline.fields.shapes import FieldCandidate  # loads the whole extraction, which runs in the cage


class Extraction:
    """Fed chunk by chunk; ``broken`` tells whether the search failed anywhere."""

    def __init__(self, cage: Cage, schema: dict[str, Any]) -> None:
        self._cage = cage
        self._schema = schema
        self._found: list[FieldCandidate] = []
        self._skipped: list[int] = []
        self.warnings: list[ResultWarning] = []
        self.fields: list[Field] = []
        self.summary: dict[str, Any] = {"extraction": None, "extraction_valid": None}

    @property
    def broken(self) -> bool:
        return any(warning.code == "extraction_failed" for warning in self.warnings)

    def look(self, pages: Sequence[EndedPage]) -> None:
        """Collect candidates. Of a chunk that breaks the search each page is tried by itself."""
        contents = [page.content for page in pages if page.content is not None]
        try:
            self._found += self._cage.run(candidates, self._schema, contents)
        except (CageKilled, StepFailed) as error:
            if len(pages) > 1:
                for page in pages:
                    self.look([page])
            else:
                self._skipped.append(pages[0].number)
                self._complain(error, pages[0].number)

    def choose(self, read: Sequence[int], unread: Sequence[int]) -> None:
        """Decide on the values; a page that was skipped counts as unread, so nothing is called missing."""
        skipped = set(self._skipped)
        seen = [number for number in read if number not in skipped]
        try:
            made = self._cage.run(resolve, self._schema, self._found, seen, [*unread, *self._skipped])
        except (CageKilled, StepFailed) as error:
            self._complain(error, None)
            return
        self.fields = list(made.fields)
        self.summary = {"extraction": made.extraction, "extraction_valid": made.extraction_valid}
        self.warnings += made.warnings

    def _complain(self, error: QuireError, page: int | None) -> None:
        detail = f"looking for the fields failed ({error.code}: {error.detail})"
        self.warnings.append(ResultWarning(code="extraction_failed", detail=detail, page=page))

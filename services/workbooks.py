"""Makes XLSX files of results and of queries' rows, read from the store part by part."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from schemas.errors import ResultWarning
from schemas.field import Answer as Reply
from schemas.ids import TenantId
from schemas.result import DocumentInfo
from schemas.table import Table
from services import document_sheets
from services.faults import fault
from services.page_views import PageViews
from services.query.ast import About
from services.query.engine import Answer
from services.query.notes import Notes
from services.query_sheets import QuerySheets
from services.results import Results, corrected
from services.stores.engine import Database
from services.views import Row
from services.workbook import Book

MOST_ROWS = 100_000
"""Rows of a query in one file: it is whole before its first byte can be sent."""


class Workbooks:
    """``folder`` is where files are put together; callers remove theirs."""

    def __init__(self, database: Database, pages: PageViews, folder: Path) -> None:
        self._results = Results(database, pages)
        self._notes = Notes(database)
        self._folder = folder

    def of_run(self, tenant: TenantId, document: DocumentInfo, run: Row) -> Path:
        outcome = corrected(run.outcome or {})
        tables = self._results.part_contents(tenant, run.id, "table")
        with self._made() as (book, path):
            document_sheets.add_fields(book, lambda: self._results.fields(tenant, run.id))
            document_sheets.add_answers(book, map(Reply.model_validate, outcome.get("answers", [])))
            document_sheets.add_tables(book, (Table.model_validate_json(content) for content in tables))
            warnings = map(ResultWarning.model_validate, outcome.get("warnings", []))
            document_sheets.add_document(book, document, warnings)
            book.save(path)
        return path

    def of_query(self, tenant: TenantId, answers: Iterable[Answer], *, by_schema: bool) -> Path:
        """``by_schema``: a sheet for each schema of the documents, with the columns that it has."""
        with (
            self._made() as (book, path),
            tempfile.TemporaryDirectory(dir=self._folder) as folder,
            closing(QuerySheets(Path(folder), by_schema=by_schema)) as sheets,
        ):
            rows = 0
            for answer in answers:
                rows += len(answer.rows)
                if rows > MOST_ROWS:
                    detail = f"a spreadsheet takes {MOST_ROWS} rows: set limit, or ask for CSV or Parquet"
                    raise fault("/limit", "too_many_rows", detail, whole="too_many_rows")
                sources = answer.columns.values()
                paths = sorted({s.name for s in sources if s is not None and s.about is About.FIELD})
                sheets.know(answer)
                for row, beside in self._notes.beside(tenant, answer.rows, paths):
                    sheets.add(answer, row, beside)
            sheets.write(book)
            book.save(path)
        return path

    @contextmanager
    def _made(self) -> Iterator[tuple[Book, Path]]:
        """A file that is gone again if it does not become whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".xlsx", delete=False) as file:
            path = Path(file.name)
        try:
            with Book() as book:
                yield book, path
        except BaseException:
            path.unlink(missing_ok=True)
            raise

"""Results in the formats of others: hOCR, ALTO, chunks, searchable PDF; streamed, a few pages in memory."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import orjson

from pipeline import sniff, steps
from pipeline.exports.alto import alto
from pipeline.exports.chunks import chunks
from pipeline.exports.hocr import hocr
from pipeline.orders import PageWords, Picture, SourceFile
from pipeline.ports import BlobKey, Blobs, Cage
from pipeline.select import pages_of, select_pages
from schemas.ids import Digest, TenantId
from schemas.page import PageContent, PageResult, PageSource
from services.page_views import PageViews
from services.results import coalesced
from services.views import Row
from workers import steps as caged

_PAGES_AT_ONCE = 50
_PICTURES_AT_ONCE = 4
_WIDEST = 4000
_USUAL_DPI = 200  # of a picture that does not say
_LARGEST_PT = 14_400  # what a PDF page may measure


class Exports:
    """Exports of finished runs. ``folder`` is where files are put together; callers remove theirs."""

    def __init__(self, pages: PageViews, blobs: Blobs, cage: Cage, folder: Path) -> None:
        self._pages = pages
        self._blobs = blobs
        self._cage = cage
        self._folder = folder

    def hocr(self, tenant: TenantId, document: Row, run: Row, pages: str | None) -> Iterator[bytes]:
        texts = hocr(self._results(tenant, run, pages), document.filename or document.id)
        return coalesced(text.encode() for text in texts)

    def alto(self, tenant: TenantId, document: Row, run: Row, pages: str | None) -> Iterator[bytes]:
        texts = alto(self._results(tenant, run, pages), document.filename or document.id)
        return coalesced(text.encode() for text in texts)

    def chunks(
        self, tenant: TenantId, document: Row, run: Row, pages: str | None, most: int
    ) -> Iterator[bytes]:
        contents = self._contents(tenant, run, pages)
        head = orjson.dumps({"document_id": document.id, "run_id": run.id, "max_chars": most})
        return coalesced(_chunks_json(head, contents, most))

    def searchable(self, tenant: TenantId, document: Row, run: Row) -> Path:
        """A PDF with the words that were read laid over its pages, invisibly, where there were none."""
        self._folder.mkdir(parents=True, exist_ok=True)
        key = BlobKey(tenant, Digest(document.digest), document.generation)
        with tempfile.TemporaryDirectory(dir=self._folder) as work, self._blobs.local(key) as path:
            made = Path(work) / "made.pdf"
            source = SourceFile(str(path), document.media_type)
            own = pages_of(document.part_pages) if document.part_pages is not None else None
            if document.media_type == sniff.PDF:
                self._cage.run(caged.begin_pdf, source, str(made), own)
            for batch in self._batches(tenant, run, own, document.media_type == sniff.PDF):
                if document.media_type != sniff.PDF:
                    self._cage.run(caged.add_pictures, str(made), self._pictures(source, batch, Path(work)))
                words = [found for at, page in batch if (found := _words(at, page, document.media_type))]
                if words:
                    self._cage.run(caged.add_words, str(made), words)
            kept = self._folder / f"{Path(work).name}.pdf"
            made.rename(kept)
        return kept

    def _batches(
        self, tenant: TenantId, run: Row, own: Sequence[int] | None, pdf: bool
    ) -> Iterator[list[tuple[int, PageResult]]]:
        """Pages with their number in the new file, which has all of a PDF's pages, or the part's ``own``;
        of a picture's those that were read."""
        pages = (content.page for content in self._pages.each(tenant, run.id, None))
        places = {number: at for at, number in enumerate(own or (), 1)}
        numbered = (
            (places.get(page.number, page.number) if pdf else at, page) for at, page in enumerate(pages, 1)
        )
        while batch := list(islice(numbered, _PAGES_AT_ONCE if pdf else _PICTURES_AT_ONCE)):
            yield batch

    def _pictures(
        self, source: SourceFile, batch: Sequence[tuple[int, PageResult]], work: Path
    ) -> list[Picture]:
        pictures = []
        for _, page in batch:
            width = max(16, min(_WIDEST, round(page.width)))
            image = self._cage.run(steps.render, source, page.number, width)
            path = work / f"{page.number}.image"
            path.write_bytes(image.data)
            pictures.append(Picture(str(path), page.width * _points(page), page.height * _points(page)))
        return pictures

    def _results(self, tenant: TenantId, run: Row, pages: str | None) -> Iterator[PageResult]:
        return (content.page for content in self._contents(tenant, run, pages))

    def _contents(self, tenant: TenantId, run: Row, pages: str | None) -> Iterator[PageContent]:
        """Faults of ``pages`` are raised here, before the first piece."""
        numbers = None
        if pages is not None:
            numbers = select_pages(pages, self._pages.last_number(tenant, run.id))
        return self._pages.each(tenant, run.id, numbers)


def _points(page: PageResult) -> float:
    scale = 72 / (page.dpi or _USUAL_DPI)
    return min(scale, _LARGEST_PT / max(page.width, page.height, 1))


def _words(number: int, page: PageResult, media_type: str) -> PageWords | None:
    """None for a page that can be searched already."""
    if page.source is PageSource.TEXT_LAYER and media_type == sniff.PDF:
        return None
    words = tuple((word.text, word.bbox) for word in page.words if word.bbox is not None and word.text)
    return PageWords(number, page.width, page.height, page.content_rotation, words) if words else None


def _chunks_json(head: bytes, contents: Iterator[PageContent], most: int) -> Iterator[bytes]:
    yield head[:-1] + b',"chunks":['
    for at, chunk in enumerate(chunks(contents, most)):
        yield (b"," if at else b"") + orjson.dumps(chunk)
    yield b"]}"

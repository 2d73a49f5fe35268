"""The jobs on pages: plan finds them, raster prepares them, read has an engine read them."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

from pipeline.ledger import Claim, Fenced, PageEnd, PlanFacts, Queue, UnitOfWork
from pipeline.orders import PageImage, PageOrder, ReadOrder, SourceFile
from pipeline.ports import BlobKey
from pipeline.select import select_pages
from schemas.errors import DocumentUnreadable, NotFound
from schemas.page import EngineUsed, PageSource
from schemas.request import BudgetProfile, Request, Task
from workers.aids import StoredPage
from workers.cage import Cancelled
from workers.commit import Commit
from workers.context import Context
from workers.failures import Failures, advance, ours
from workers.orders import more_of, page_order, request_of, reuse_base, source_of, tasks_of
from workers.steps import with_more
from workers.surroundings import step

_HOLD_OFF_S = 2.0

Lost = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class PageJobs:
    """Each method does one job; whatever it raises is dealt with by its caller."""

    context: Context
    commit: Commit
    failures: Failures

    def plan(self, claim: Claim, lost: Lost) -> None:  # noqa: ARG002  # every job is called alike
        context, request = self.context, request_of(claim)
        spec = context.engines.named(request.engine).spec
        with context.blobs.local(claim.facts.source) as path:
            found = context.cage.run(context.steps.inspect, source_of(claim, str(path)))
        pages = select_pages(request.pages, found.page_count, claim.facts.part)
        if not pages:
            raise DocumentUnreadable("no_pages", "the document has no pages")
        facts = PlanFacts(
            engine={"name": spec.name, "model": spec.model, "version": spec.version},
            warnings=tuple(warning.model_dump() for warning in found.warnings),
            reuse=reuse_base(claim, request, spec, context.version),
            asks=Task.QUESTIONS in tasks_of(request) & spec.tasks,
            looks=Task.FIELDS in tasks_of(request) & spec.reads_for,
        )

        def write(unit: UnitOfWork) -> None:
            unit.plan(pages, context.chunk, facts)
            unit.done()

        self.commit(claim, write)
        for _ in range(0, len(pages), context.chunk):
            context.waker.wake(Queue.RASTER)
        context.waker.wake(Queue.FINISH)

    def raster(self, claim: Claim, lost: Lost) -> None:
        if claim.reuse:
            pages = self.commit(claim, lambda unit: unit.look_again())
            self.context.waker.wake(Queue.FINISH)
            if not pages:
                return
            claim = replace(claim, pages=tuple(pages), page=pages[0], reuse=False)
        if self.context.ledger.unread(claim.run) > self.context.ahead:
            self.commit(claim, lambda unit: unit.hold_off(_HOLD_OFF_S))
            return
        todo = [page for page in claim.pages if claim.page is None or page >= claim.page]
        with self.context.blobs.local(claim.facts.source) as path:
            source, request = source_of(claim, str(path)), request_of(claim)
            spec = self.context.engines.named(request.engine).spec
            for page, following in zip(todo, [*todo[1:], None], strict=True):
                if lost():
                    raise Fenced("fenced", "the job is no longer ours")
                started = time.monotonic()
                try:
                    with step(self.context.tracer, "page", {"quire.page": page}):
                        base = self._before(claim, page)
                        more = more_of(claim) if base is not None else None
                        order = page_order(page, request, spec, more)
                        self._prepare(claim, source, order, following, base)
                except (Fenced, Cancelled):
                    raise
                except Exception as error:  # noqa: BLE001  # whatever happens to a page, its neighbours go on
                    ms = round((time.monotonic() - started) * 1000)
                    if not self.failures.of_page(claim, page, following, ours(error), ms):
                        return

    def _before(self, claim: Claim, page: int) -> bytes | None:
        """What an earlier run read of a page that this one asks more of.

        Pages of a run that only does over what failed are copied if there is anything to be found here.
        """
        based_on = claim.facts.based_on
        return self.context.ledger.content(based_on, page) if based_on is not None else None

    def _end(self, claim: Claim, made: PageEnd, base: bytes | None) -> PageEnd:
        end = replace(made, attempts=claim.attempts + 1)
        return end if base is None else self.context.cage.run(with_more, base, end, more_of(claim))

    def _prepare(
        self,
        claim: Claim,
        source: SourceFile,
        order: PageOrder,
        following: int | None,
        base: bytes | None,
    ) -> None:
        context = self.context
        made = context.cage.run(context.steps.prepare, source, order)
        if isinstance(made, PageEnd):
            end = self._end(claim, made, base)

            def write_end(unit: UnitOfWork) -> int | None:
                advance(unit, following)
                return unit.end_page(end)  # last: from here on all pages of the run wait for this commit

            if self.commit(claim, write_end) == 0:
                context.waker.wake(Queue.FINISH)
            return
        to_read, image = made, self._store(claim, made.image)

        def write_image(unit: UnitOfWork) -> None:
            unit.to_read(to_read, image)
            advance(unit, following)

        self.commit(claim, write_image)
        context.waker.wake(Queue.READ)

    def _store(self, claim: Claim, image: PageImage) -> BlobKey:
        context = self.context
        digest = hashlib.sha256(image.data).hexdigest()
        key, needed = context.ledger.upload(claim.tenant, digest, len(image.data))
        if needed or context.blobs.size(key) is None:  # images are a cache: somebody may have emptied it
            path = context.scratch / uuid4().hex
            try:
                path.write_bytes(image.data)
                context.blobs.put(key, path)
            finally:
                path.unlink(missing_ok=True)
        return key

    def read(self, claim: Claim, lost: Lost) -> None:
        context, request = self.context, request_of(claim)
        assert claim.prepared is not None
        assert claim.image is not None
        stored = claim.image
        try:
            with context.blobs.open(stored.blob) as file:
                image = PageImage(file.read(), stored.media_type, stored.width, stored.height)
        except NotFound:
            self.commit(claim, lambda unit: unit.render_again())
            context.waker.wake(Queue.RASTER)
            return
        reader = context.engines.named(request.engine)
        aids = StoredPage(context, claim, image)
        assert claim.page is not None
        base = self._before(claim, claim.page)
        more = more_of(claim) if base is not None else None
        reading = reader.read(_read_order(claim, request, image, more), lost, aids)
        if lost():
            raise Fenced("fenced", "the job is no longer ours")
        spec = reader.spec
        engine = EngineUsed(
            name=spec.name, model=spec.model, prompt=spec.prompt, calibration=spec.calibration
        )
        source = PageSource.MODEL if spec.limits.counts_tokens else PageSource.OCR
        made = context.cage.run(context.steps.arrange, claim.prepared, reading, engine, source, image)
        end = self._end(claim, made, base)

        def write(unit: UnitOfWork) -> int | None:
            unit.done()
            return unit.end_page(end)  # last: from here on all pages of the run wait for this commit

        if self.commit(claim, write) == 0:
            context.waker.wake(Queue.FINISH)


def _read_order(claim: Claim, request: Request, image: PageImage, more: Task | None) -> ReadOrder:
    return ReadOrder(
        image=image,
        tasks=tasks_of(request, more),
        languages=tuple(request.languages),
        schema=claim.facts.schema,
        questions=tuple(request.questions),
        attempt=claim.attempts + 1,
        profile=request.budget.profile or BudgetProfile.BALANCED,
    )

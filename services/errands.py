"""Puts together the work that belongs to no run: batches taken apart, webhooks delivered."""

from opentelemetry.trace import Tracer

from pipeline.archives.entries import Limits
from pipeline.ports import Blobs, Waker
from services.admission import Admission
from services.batch_sources import BatchSources
from services.guard import Guard, PinnedBackend
from services.post import GuardedPost
from services.settings import Settings
from services.sources import sources_of
from services.stores.batch_work import SqlBatches
from services.stores.delivery_rows import SqlDeliveries
from services.stores.engine import Database
from workers.batches import BatchSteps
from workers.context import ScopedCage
from workers.deliver import Deliverer
from workers.expand import Expansion
from workers.meter import Meter


class LateWaker:
    """Stands for the wakes of workers that are being put together."""

    target: Waker | None = None

    def wake(self, queue: str) -> None:
        if self.target is not None:
            self.target.wake(queue)


def batch_steps(
    settings: Settings, database: Database, blobs: Blobs, cage: ScopedCage, *, waker: Waker, meter: Meter
) -> BatchSteps:
    store = SqlBatches(database)
    sources = BatchSources(
        sources_of(settings, database),
        database,
        blobs,
        settings.data_dir / "staging",
        settings.max_upload_bytes,
    )
    limits = Limits(
        entries=settings.max_batch_members,
        total_bytes=settings.max_batch_bytes,
        member_bytes=settings.max_upload_bytes,
        ratio=settings.max_archive_ratio,
    )
    return BatchSteps(
        store,
        Expansion(store, sources, blobs, cage, settings.data_dir / "scratch", limits),
        Admission(database, settings.max_backlog_pages),
        waker,
        meter,
    )


def deliverer(settings: Settings, database: Database, meter: Meter, tracer: Tracer) -> Deliverer:
    allowed, public = settings.webhook_allow, settings.reach_public
    outward = Guard(PinnedBackend(allowed, setting="QUIRE_WEBHOOK_ALLOW", public=public))
    return Deliverer(
        SqlDeliveries(database),
        GuardedPost(outward, settings.webhook_timeout_s),
        meter,
        tracer,
        retry_for_s=settings.webhook_retry_s,
    )

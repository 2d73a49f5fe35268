"""What has to go, goes: expired documents, cached images, answers to repeated posts, lost bytes."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from pipeline.ports import Blobs
from services.stores import audit_rows, blob_rows, delivery_log, search_rows, transitions
from services.stores.engine import Database, now_us
from services.stores.erasure import Erasure
from services.stores.tables import idempotency, pages, runs

_HOUR_US = 3_600_000_000
_SOME, _MOST_BLOBS = 100, 20_000


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Each method removes a bounded number of things and may be called by several processes at once."""

    database: Database
    blobs: Blobs
    images_kept_us: int = _HOUR_US
    """Page images are a cache for a page's reading and for people looking at it right after."""

    answers_kept_us: int = 24 * _HOUR_US
    blobs_kept_us: int = _HOUR_US
    """How long an upload may take before a reference to it is written."""

    acts_kept_days: int = 365
    """Entries of the audit log."""

    also: tuple[Callable[[], None], ...] = ()
    """What others have to tidy up."""

    def tidy(self) -> None:
        Erasure(self.database, self.blobs).expire()
        self.drop_images()
        self.drop_answers()
        self.collect_blobs()
        self.forget_words()
        self.drop_deliveries()
        self.forget_acts()
        self.blobs.sweep()
        for tidy in self.also:
            tidy()
        self.database.scrub()

    def drop_images(self) -> None:
        """Of runs that have ended: a page still to be read needs its image."""
        ended = sa.select(runs.c.id).where(
            runs.c.finished_at < now_us() - self.images_kept_us,
            runs.c.state.not_in(transitions.OPEN_RUNS),
        )
        with self.database.write() as connection:
            connection.execute(
                sa.update(pages)
                .where(pages.c.image_digest.is_not(None), pages.c.run_id.in_(ended))
                .values(image_digest=None, image_generation=None, image_type=None)
            )

    def drop_answers(self) -> None:
        with self.database.write() as connection:
            connection.execute(
                sa.delete(idempotency).where(idempotency.c.created_at < now_us() - self.answers_kept_us)
            )

    def drop_deliveries(self) -> None:
        with self.database.write() as connection:
            delivery_log.drop_old(connection)

    def forget_words(self) -> None:
        """Of pages that were deleted."""
        with self.database.write() as connection:
            search_rows.purge(connection)

    def forget_acts(self) -> None:
        while self._forget_some():
            pass

    def _forget_some(self) -> int:
        with self.database.write() as connection:
            return audit_rows.forget(connection, self.acts_kept_days * 24 * _HOUR_US)

    def collect_blobs(self) -> int:
        """As many as come up in a minute of hard work, and a backlog after a while."""
        gone = 0
        while gone < _MOST_BLOBS and (some := self._collect_some()):
            gone += some
        return gone

    def _collect_some(self) -> int:
        """Mark and commit, delete, forget and commit: whatever dies in between, the next call goes on."""
        with self.database.write() as connection:
            keys = blob_rows.collect(connection, self.blobs_kept_us, _SOME)
        for key in keys:
            self.blobs.delete(key)
        if keys:
            with self.database.write() as connection:
                for key in keys:
                    blob_rows.forget(connection, key)
        return len(keys)

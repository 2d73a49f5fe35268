"""`MemberSources`: members of batches brought from URLs and buckets into the blob store."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.batches import StoredFile
from pipeline.ports import Blobs
from pipeline.sniff import sniff
from schemas.ids import TenantId
from services.ingest import keep
from services.sources import Source, Sources
from services.stores.engine import Database
from services.uploads import Receiver


@dataclass(frozen=True, slots=True)
class BatchSources:
    """``staging`` is where bytes lie on their way."""

    sources: Sources
    database: Database
    blobs: Blobs
    staging: Path
    limit: int

    def listed(
        self, tenant: TenantId, prefix: str, after: str | None, most: int
    ) -> Sequence[tuple[str, int]]:
        objects = self.sources.buckets.objects(tenant, prefix, after)
        return [(found.url, found.size) for found in islice(objects, most)]

    def fetch(self, tenant: TenantId, source: dict[str, Any]) -> StoredFile:
        receiver = Receiver(self.staging, self.limit, sniff)
        staged = self.sources.receive(tenant, Source.model_validate(source), receiver)
        try:
            return StoredFile(keep(self.database, self.blobs, tenant, staged), staged.size, staged.media_type)
        finally:
            staged.discard()

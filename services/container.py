"""The composition root: the only place that chooses adapters, by the URLs in the settings."""

from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pipeline.ports import Blobs, Cage, PageReader
from services.asks import Asks
from services.builtin_schemas import Builtins
from services.idempotency import Keys
from services.ingest import Ingest
from services.lookup import Lookup
from services.page_views import PageViews
from services.results import Results
from services.settings import Settings
from services.stores.engine import Database
from services.watch import Watch


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process of Quire is made of."""

    settings: Settings
    database: Database
    blobs: Blobs
    cage: Cage
    reader: PageReader
    builtins: Builtins
    lookup: Lookup
    pages: PageViews
    results: Results
    ingest: Ingest
    asks: Asks
    keys: Keys
    watch: Watch
    http: httpx.Client = field(repr=False)

    @property
    def staging(self) -> Path:
        return self.settings.data_dir / "staging"

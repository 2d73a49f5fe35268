"""The ports the recipe and the workers need; adapters live in services, workers and model_runtime.

`UnitOfWork`, the transactional store of runs, pages and jobs, is the largest and has a module of its own:
`pipeline.ledger`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, NamedTuple, ParamSpec, Protocol, TypeVar

from pipeline.orders import PageImage, ReadOrder
from pipeline.tiling import Tile, Tiling
from schemas.engine import EngineSpec
from schemas.geometry import Box
from schemas.ids import Digest, TenantId
from schemas.reading import PageReading

P = ParamSpec("P")
R = TypeVar("R")


class BlobKey(NamedTuple):
    """Bytes of one tenant by digest; the generation tells a re-upload from the copy being collected."""

    tenant: TenantId
    digest: Digest
    generation: int


class Blobs(Protocol):
    """Durable bytes. Raises `StoreUnavailable`, and `NotFound` for a key it does not hold."""

    def put(self, key: BlobKey, source: Path) -> None:
        """Copy a file in; durable when this returns; the same key again is a no-op."""

    def open(self, key: BlobKey) -> BinaryIO: ...

    def local(self, key: BlobKey) -> AbstractContextManager[Path]:
        """The bytes as a local read-only file, for as long as the context lasts."""

    def delete(self, key: BlobKey) -> None:
        """Remove; a key it does not hold is no error."""

    def size(self, key: BlobKey) -> int | None:
        """Bytes, or None when there is no such key."""

    def sweep(self) -> None:
        """Remove what processes that died long ago had half written. Any process may, at any time."""

    def close(self) -> None:
        """Let go of connections and local copies."""


class PageAids(Protocol):
    """What a reader may ask for beside the page image, in which all boxes are. Each call may take a while."""

    def layer(self) -> PageReading | None:
        """The page's text layer, whether or not it can be trusted."""

    def trusted(self) -> bool:
        """Whether the text layer stands for the page's text, which then need not be read."""

    def tiles(self) -> Tiling | None:
        """The parts to read the page's text in, where one image cannot show it."""

    def pictures(self) -> Sequence[Box]:
        """Pictures that seem to hold text of their own, on a page whose text layer can be trusted."""

    def crop(self, tile: Tile, turn: int = 0) -> PageImage:
        """A part of the page rendered anew, then turned clockwise by ``turn``, a multiple of 90 degrees."""


class PageReader(Protocol):
    """An engine. Raises `EngineUnavailable` (try later) or `DocumentUnreadable` (this page never works)."""

    @property
    def spec(self) -> EngineSpec: ...

    def read(
        self, order: ReadOrder, cancelled: Callable[[], bool], aids: PageAids | None = None
    ) -> PageReading:
        """Read one page image; boxes in pixels of that image. Ends early once ``cancelled()`` is true."""

    def close(self) -> None: ...


class Cage(Protocol):
    """Runs hostile work in child processes. Raises `CageKilled` when a child died of it."""

    def run(self, step: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call an importable function in a child; its `QuireError` is raised here as it was there."""

    def close(self) -> None: ...


class Waker(Protocol):
    """Hints that a queue may have runnable jobs; losing one costs at most a poll interval."""

    def wake(self, queue: str) -> None: ...


class Clock(Protocol):
    def now(self) -> int:
        """Microseconds since the epoch, UTC."""

"""The ports of batches: what the work on a batch, step by step, needs of the store and of sources."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pipeline.ledger import Later, Origin
from pipeline.ports import BlobKey
from schemas.errors import ErrorInfo
from schemas.ids import BatchId, Digest, DocumentId, JobId, ProcessId, TenantId


class BatchKind(StrEnum):
    """Where the members of a batch come from."""

    ARCHIVE = "archive"
    PREFIX = "prefix"
    SOURCES = "sources"


class Task(StrEnum):
    """What is being done with a batch; the documents themselves are read by others."""

    EXPAND = "expand"
    CANCEL = "cancel"
    RETRY = "retry"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """The next step of a batch, leased to one process; ``token`` is what its commits must still hold.

    ``expanded``: all members are known. ``position``, ``unpacked``, ``listed``: how far that has come.
    ``at``: the document up to which it was cancelled or retried.
    """

    job: JobId
    token: int
    tenant: TenantId
    batch: BatchId
    attempts: int
    setbacks: int
    task: Task
    kind: BatchKind
    expanded: bool
    archive: BlobKey | None
    media_type: str | None
    position: int
    unpacked: int
    prefix: str | None
    listed: str | None
    at: DocumentId | None
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Bytes of a member that are in the blob store."""

    blob: BlobKey
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member that was found: its bytes, or where they are to be fetched from, or why it is refused."""

    number: int
    name: str
    size: int | None
    what: StoredFile | ErrorInfo | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far expanding has come with these members. ``error``: it stops here, for this reason."""

    position: int
    unpacked: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    listed: str | None = None
    done: bool = False
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class WaitingMember:
    """A member that is no document yet."""

    number: int
    stored: StoredFile | None
    source: dict[str, Any] | None


class BatchUnit(Protocol):
    """One transaction in the name of a step that is still held."""

    def add(self, members: Sequence[NewMember], progress: Progress) -> None:
        """Members that were found, and how far that is; never one without the other."""

    def admit(self, members: Sequence[tuple[int, StoredFile | ErrorInfo]]) -> None:
        """Make documents of waiting members, by number; those that could not be had are refused."""

    def drop_waiting(self, most: int) -> int:
        """Cancel members that are no documents yet; how many there were."""

    def again(self, *, delay_s: float = 0.0, task: Task | None = None, at: DocumentId | None = None) -> None:
        """This step is done, and there is another."""

    def rest(self) -> None:
        """Nothing is left to do until somebody asks."""

    def later(self, later: Later) -> None:
        """Give the step back."""

    def fail(self, error: ErrorInfo) -> None:
        """No more members will be found; what was found goes on."""


class BatchStore(Protocol):
    """The transactional store as the work on batches sees it."""

    def claim(self, process: ProcessId) -> BatchClaim | None: ...

    def holding(self, claim: BatchClaim) -> AbstractContextManager[BatchUnit]:
        """Raises `Fenced` when the step is no longer ours."""

    def announce(self, tenant: TenantId, files: Sequence[tuple[Digest, int]]) -> list[tuple[BlobKey, bool]]:
        """Where to store bytes, and whether that is still needed."""

    def stored(self, keys: Sequence[BlobKey]) -> None:
        """The bytes are there."""

    def fold(self) -> int:
        """Count what has ended since, and give the results their sequence; how many batches finished."""

    def waiting(self, batch: BatchId, most: int) -> Sequence[WaitingMember]: ...

    def documents(self, claim: BatchClaim, states: Sequence[str], most: int) -> Sequence[DocumentId]:
        """Documents of the batch in these states, behind ``claim.at``."""

    def cancel(self, tenant: TenantId, document: DocumentId) -> None: ...

    def retry(self, tenant: TenantId, document: DocumentId) -> None: ...


class Room(Protocol):
    """How much a tenant may add."""

    def room(self, tenant: TenantId, wanted: int) -> int:
        """Take so many places, as far as there are any; how many there were."""


class MemberSources(Protocol):
    """Where members are brought from that are not in an archive."""

    def listed(
        self, tenant: TenantId, prefix: str, after: str | None, most: int
    ) -> Sequence[tuple[str, int]]:
        """Addresses and sizes of objects below a prefix, in order."""

    def fetch(self, tenant: TenantId, source: dict[str, Any]) -> StoredFile:
        """Bring one into the blob store. Raises what is wrong with it."""

"""Finds the members of a batch: out of an archive in the cage, or in a bucket; brings bytes to the store."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from pipeline.archives.entries import Limits
from pipeline.archives.names import is_junk
from pipeline.archives.unpack import Member, Order, Unpacked, unpack
from pipeline.batches import (
    BatchClaim,
    BatchKind,
    BatchStore,
    MemberSources,
    NewMember,
    Progress,
    StoredFile,
    WaitingMember,
)
from pipeline.ports import Blobs
from schemas.errors import BadInput, ErrorInfo, StoreUnavailable
from schemas.ids import TenantId
from workers.context import ScopedCage
from workers.failures import ours

AT_ONCE = 500
"""Members a transaction: what a kill costs is finding these again."""

_THREADS = 8
_DEADLINE_S = 600.0
"""For walking to where another process stopped; the step itself ends after seconds."""

_LEFT_S = 3600.0
_FOLDER = "batch-"


@dataclass(frozen=True, slots=True)
class Expansion:
    """Each method does a bounded piece of work and leaves writing it down to its caller."""

    store: BatchStore
    sources: MemberSources
    blobs: Blobs
    cage: ScopedCage
    scratch: Path
    limits: Limits

    def find(self, claim: BatchClaim, stopping: Callable[[], bool]) -> tuple[list[NewMember], Progress]:
        """The next members, and how far that is."""
        if claim.kind is BatchKind.ARCHIVE:
            with _folder(self.scratch) as folder:
                return self._unpack(claim, folder, stopping)
        return self._list(claim)

    def fetch(
        self, tenant: TenantId, waiting: Sequence[WaitingMember]
    ) -> list[tuple[int, StoredFile | ErrorInfo]]:
        """The members' bytes in the store, or why they cannot be had."""

        def one(member: WaitingMember) -> tuple[int, StoredFile | ErrorInfo]:
            if member.stored is not None:
                return member.number, member.stored
            assert member.source is not None
            try:
                return member.number, self.sources.fetch(tenant, member.source)
            except StoreUnavailable:
                raise  # ours: all of them wait
            except Exception as error:  # noqa: BLE001  # whatever happens to a member, the others go on
                return member.number, ours(error).info()

        if all(member.stored is not None for member in waiting):
            return [one(member) for member in waiting]
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(one, waiting))

    def _unpack(
        self, claim: BatchClaim, folder: Path, stopping: Callable[[], bool]
    ) -> tuple[list[NewMember], Progress]:
        assert claim.archive is not None
        assert claim.media_type is not None
        # After a failed try: a child that carries nothing of other files, so that the archive is to blame.
        scope = self.cage.within(
            deadline_s=_DEADLINE_S, cancelled=stopping, affinity=claim.batch, alone=claim.attempts > 0
        )
        with self.blobs.local(claim.archive) as path, scope:
            order = Order(
                str(path), claim.media_type, str(folder), claim.position, claim.unpacked, self.limits, AT_ONCE
            )
            part = self.cage.run(unpack, order)
        members = self._kept(claim.tenant, part.members)
        return members, Progress(
            part.position, part.unpacked, part.skipped, done=part.done, error=part.refused
        )

    def _kept(self, tenant: TenantId, members: Sequence[Member]) -> list[NewMember]:
        """The members' files in the blob store; the same bytes are stored once."""
        files = {m.found.digest: m.found for m in members if isinstance(m.found, Unpacked)}
        keys = self.store.announce(tenant, [(digest, file.size) for digest, file in files.items()])
        missing = [key for key, needed in keys if needed]
        if missing:
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(self.blobs.put, missing, [Path(files[key.digest].file) for key in missing]))
            self.store.stored(missing)
        blobs = {key.digest: key for key, _ in keys}

        def kept(found: Unpacked | ErrorInfo) -> StoredFile | ErrorInfo:
            if isinstance(found, ErrorInfo):
                return found
            return StoredFile(blobs[found.digest], found.size, found.media_type)

        return [NewMember(m.number, m.name, m.size, kept(m.found)) for m in members]

    def _list(self, claim: BatchClaim) -> tuple[list[NewMember], Progress]:
        assert claim.prefix is not None
        found = self.sources.listed(claim.tenant, claim.prefix, claim.listed, AT_ONCE)
        position = claim.position + len(found)
        try:
            self.limits.check_count(position)
        except BadInput as error:
            return [], Progress(claim.position, done=True, error=error.info())
        members: list[NewMember] = []
        skipped: Counter[str] = Counter()
        for number, (url, size) in enumerate(found, claim.position + 1):
            if size and not is_junk(url):
                members.append(NewMember(number, url, size, {"object": url}))
            else:
                skipped["empty" if not size else "junk"] += 1
        return members, Progress(
            position,
            skipped=dict(skipped),
            listed=found[-1][0] if found else claim.listed,
            done=len(found) < AT_ONCE,
        )


@contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    """A folder for one step; what killed processes left goes too, in time, pictures of pages as well."""
    before = time.time() - _LEFT_S
    for left in scratch.iterdir():
        with suppress(OSError):  # another process was faster
            if left.stat().st_mtime < before:
                rmtree(left) if left.is_dir() else left.unlink()
    folder = Path(mkdtemp(prefix=_FOLDER, dir=scratch))
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)

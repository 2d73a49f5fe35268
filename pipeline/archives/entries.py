"""What every archive format is turned into: entries one after the other, and how one refuses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from schemas.errors import DocumentUnreadable, ErrorInfo

PIECE = 1 << 18
"""Bytes of a member in memory at a time."""

Pieces: TypeAlias = Callable[[], Iterator[bytes]]


class ArchiveRefused(DocumentUnreadable):
    """The archive as a whole goes no further; ``code`` says which rule it met."""

    code = "archive_corrupt"


class MemberRefused(DocumentUnreadable):
    """One member cannot be had; the others can."""

    code = "member_corrupt"


class What(StrEnum):
    """What an entry of an archive is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    SPECIAL = "special"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``read`` yields its bytes, at most once and before the next entry is asked for.

    ``size`` is what the archive claims; ``refused``: why its bytes cannot be had.
    """

    name: str
    what: What
    size: int
    read: Pieces
    refused: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may come to. ``ratio``: unpacked bytes for each of its own, beyond the first 64 MiB."""

    entries: int
    total_bytes: int
    member_bytes: int
    ratio: int

    def allowed(self, archive_bytes: int) -> int:
        """Bytes that may come out of an archive of this size."""
        return min(self.total_bytes, _FREE_BYTES + self.ratio * archive_bytes)

    def check_total(self, unpacked: int, archive_bytes: int) -> None:
        if unpacked <= self.allowed(archive_bytes):
            return
        if unpacked > self.total_bytes:
            raise ArchiveRefused(
                "archive_too_large", f"what the archive holds is larger than {self.total_bytes} bytes"
            )
        raise ArchiveRefused(
            "archive_ratio", f"the archive unpacks to more than {self.ratio} times its own size"
        )

    def check_count(self, count: int) -> None:
        if count > self.entries:
            raise ArchiveRefused(
                "too_many_members", f"the archive has more than {self.entries} entries, empty ones among them"
            )


_FREE_BYTES = 64 << 20


def corrupt(detail: str) -> ArchiveRefused:
    return ArchiveRefused("archive_corrupt", detail)


def no_bytes() -> Iterator[bytes]:
    """The bytes of what has none."""
    return iter(())

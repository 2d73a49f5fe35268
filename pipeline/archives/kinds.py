"""Tell an archive's kind from its first bytes, as `pipeline.sniff` does for documents."""

import re
from enum import StrEnum

from pipeline.archives.seven_header import MAGIC
from pipeline.archives.tar_entries import is_header
from schemas.errors import BadInput


class Kind(StrEnum):
    """The formats, by media type."""

    ZIP = "application/zip"
    TAR = "application/x-tar"
    TAR_GZ = "application/gzip"
    TAR_ZST = "application/zstd"
    SEVEN = "application/x-7z-compressed"


_MAGIC = (
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),  # empty
    (b"\x1f\x8b", Kind.TAR_GZ),
    (b"\x28\xb5\x2f\xfd", Kind.TAR_ZST),
    (MAGIC, Kind.SEVEN),
)
# Office and e-book files are ZIP archives that nobody wants unpacked; their first member gives them away.
_OFFICE = re.compile(rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|docProps/|mimetype)", re.DOTALL)


def kind_of(head: bytes) -> Kind | None:
    """None for what is no archive that Quire unpacks."""
    if _OFFICE.match(head):
        return None
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return Kind.TAR if is_header(head[:512]) else None


def sniff(head: bytes) -> str:
    """The media type of an archive. Raises `BadInput` with ``empty_body`` or ``unsupported_media_type``."""
    if not head:
        raise BadInput("empty_body", "the file is empty", status=400)
    kind = kind_of(head)
    if kind is None:
        detail = "this is no archive that can be read; zip, tar, tar.gz, tar.zst and 7z are accepted"
        raise BadInput("unsupported_media_type", detail, status=415)
    return str(kind)

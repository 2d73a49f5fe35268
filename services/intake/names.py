"""Names of results: derived from names of documents, safe on any file system."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

_MOST_BYTES = 160
_MOST_PARTS = 24
# What some system forbids, and what a terminal or a shell would act on.
_BAD = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.I)
_OUR_ENDS = (".json", ".md", ".csv", ".part")


def safe(parts: Sequence[str]) -> str:
    """A relative path with `/` for the parts of a name; nothing in it leads anywhere else."""
    kept = [_part(part) for part in parts if part not in ("", ".", "..")] or ["document"]
    if len(kept) > _MOST_PARTS:
        kept = [f"deep-{mark('/'.join(parts))}", kept[-1]]
    # A folder must never take the name of a file that holds a result.
    folders = [f"{part}_" if part.casefold().endswith(_OUR_ENDS) else part for part in kept[:-1]]
    return "/".join([*folders, kept[-1]])


def apart(name: str, origin: bytes) -> str:
    """Another name for a document whose own is taken."""
    return f"{name}~{hashlib.sha256(origin).hexdigest()[:12]}"


def claim(name: str) -> str:
    """What two names have in common if some file system takes them for one."""
    return unicodedata.normalize("NFKC", name).casefold()


def shown(text: str) -> str:
    """For a terminal: a name must not move its cursor, and need not be text."""
    return "".join(char if char.isprintable() else "?" for char in text)


def mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _part(text: str) -> str:
    kept = _BAD.sub("_", unicodedata.normalize("NFC", text)).strip()
    kept = re.sub(r"^[.~-]|[. ]+$", "_", kept) or "_"
    if _DEVICES.match(kept):
        kept = f"_{kept}"
    encoded = kept.encode()
    if len(encoded) > _MOST_BYTES:
        kept = f"{encoded[:_MOST_BYTES].decode('utf-8', 'ignore')}~{mark(text)}"
    return kept

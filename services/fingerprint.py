"""What the code that reads pages is, as one word: pages read by other code are not used again."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

_READS = ("schemas", "pipeline", "model_runtime", "workers")
_LIBRARIES = ("pymupdf", "pillow", "zxing-cpp")


@cache
def code_version() -> str:
    """By content and not by a number: whoever changed how pages are read would forget to count it up."""
    digest = hashlib.sha256()
    for package in _READS:
        for name, content in _sources(files(package), package):
            digest.update(f"{name} {len(content)}\n".encode())
            digest.update(content)
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    return digest.hexdigest()


def _sources(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            found += _sources(entry, path)
        elif entry.name.endswith(".py"):
            found.append((path, entry.read_bytes()))
    return found

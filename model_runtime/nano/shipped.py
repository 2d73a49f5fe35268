"""The small checkpoint that comes with Quire: finds it, once its bytes are those that were measured."""

import hashlib
import json
from functools import cache
from pathlib import Path

from schemas.errors import EngineUnavailable

ALIAS = "nano"
"""What `quire model serve` and ``torch://nano`` call it."""

NAME = "quire-nano-qwen2-vl"
"""What results call it; a server's model of this name is spoken to as a Qwen2-VL."""

_FOLDER = Path(__file__).parent / "checkpoint"
_SUMS = Path(__file__).parent / "checkpoint.sha256"


def folder() -> Path:
    """Where it lies. Raises `EngineUnavailable` where a file is missing, added or changed."""
    _check(_FOLDER, _SUMS)
    return _FOLDER


def options() -> dict[str, str]:
    """Options of an engine's URL under which it reads best, as measured (``engine.json`` beside it).

    A value with the name of a file in the folder becomes that file's path.
    """
    known: dict[str, str] = json.loads((folder() / "engine.json").read_text(encoding="utf-8"))
    return {
        name: str(_FOLDER / value) if (_FOLDER / value).is_file() else value for name, value in known.items()
    }


def sums(of: Path) -> dict[str, str]:
    """SHA-256 of every file, in hexadecimal."""
    files = sorted(path for path in of.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@cache
def _check(of: Path, listed: Path) -> None:
    check(of, listed)


def check(of: Path, listed: Path) -> None:
    """Hold the files of a folder against a list as `sha256sum` writes it."""
    try:
        lines = listed.read_text(encoding="ascii").splitlines()
        wanted = {name: digest for digest, name in (line.split(None, 1) for line in lines if line)}
        found = sums(of)
    except OSError as error:
        raise EngineUnavailable(
            "engine_model_missing", f"the checkpoint {ALIAS!r} is not complete in this installation"
        ) from error
    odd = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if odd:
        raise EngineUnavailable(
            "engine_model_changed",
            f"of the checkpoint {ALIAS!r}, {odd[0]} is not what was measured; install Quire anew",
        )

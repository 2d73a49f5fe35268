"""Examines the machine and the settings: what is there, what is missing, how to mend it."""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from model_runtime.choose import engine
from model_runtime.cpu_ocr.tessdata import installed as tesseract_languages
from schemas.errors import QuireError
from services import mode, reach
from services.mode import Role
from services.settings import Settings
from workers.cage import ProcessCage

_WANTED = {
    "rus": "Cyrillic",
    "kor": "Korean",
    "ara": "Arabic",
    "vie": "Vietnamese",
}
_ROOM_BYTES = 2_000_000_000
_MODULES = ("pymupdf", "rapidocr", "onnxruntime", "tesserocr", "pillow-heif", "celery", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Finding:
    """``mark``: ok, missing (works, but less well), broken (does not work)."""

    name: str
    mark: str
    detail: str
    mend: str = ""

    @property
    def bad(self) -> bool:
        return self.mark == "broken"


def examine(settings: Settings) -> list[Finding]:
    return [
        *_machine(),
        *_configuration(settings),
        *_folder(settings),
        *_libraries(),
        *_tesseract(),
    ]


def _machine() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"{python} on {sys.platform}, {os.cpu_count()} cores")
    yield Finding("sqlite", "ok", sqlite3.sqlite_version)


def _configuration(settings: Settings) -> Iterator[Finding]:
    distributed = mode.shared(settings) and settings.broker_url is not None
    try:
        mode.require(settings, Role.API if distributed else Role.SERVE)
    except QuireError as error:
        yield Finding("mode", "broken", error.detail, "change the setting that is named")
        return
    text = "distributed (quire api, worker, sweep)" if distributed else "embedded (quire serve)"
    yield Finding("mode", "ok", f"{text}, listening on {settings.host}:{settings.port}")
    yield _engine(settings.engine_url)
    if settings.database_url is not None:
        yield _reached(
            "database", reach.database, settings,
            "start it, or correct QUIRE_DATABASE_URL; on another revision: quire migrate",
        )  # fmt: skip
    if settings.broker_url is not None:
        yield _reached("broker", reach.broker, settings, "start Redis, or correct QUIRE_BROKER_URL")
    if settings.blobs_url is not None:
        yield _reached("blobs", reach.blobs, settings, "start the store, or correct QUIRE_BLOBS_URL")


def _reached(name: str, ask: Callable[[Settings], str], settings: Settings, mend: str) -> Finding:
    try:
        return Finding(name, "ok", ask(settings))
    except QuireError as error:
        return Finding(name, "broken", reach.why(error), mend)


def _engine(url: str) -> Finding:
    """Whether there is such an engine; a server behind it is not asked."""
    with closing(ProcessCage(1)) as cage:  # starts no child before its first call
        try:
            engine(url, cage).close()
        except QuireError as error:
            return Finding(
                "engine", "broken", error.detail, "set QUIRE_ENGINE_URL to one of these, or unset it"
            )
    return Finding("engine", "ok", url)


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = "make it writable, or set QUIRE_DATA_DIR to a folder that is"
        yield Finding("data", "broken", f"{folder}: {error.strerror}", mend)
        return
    free = shutil.disk_usage(folder).free
    text = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _ROOM_BYTES:
        yield Finding("data", "missing", text, "free some space; documents and page images are kept there")
    else:
        yield Finding("data", "ok", text)


def _libraries() -> Iterator[Finding]:
    for name in _MODULES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "broken", "not installed", f"pip install {name}")


def _tesseract() -> Iterator[Finding]:
    found = sorted(tesseract_languages())
    yield Finding("tesseract", "ok" if found else "missing", f"language data: {', '.join(found) or 'none'}")
    for code, script in _WANTED.items():
        if code not in found:
            yield Finding(
                f"tesseract {code}",
                "missing",
                f"{script} in scans cannot be read (born-digital pages can)",
                f"install the data, e.g. apt-get install tesseract-ocr-{code}; or put {code}.traineddata "
                "into a folder and set TESSDATA_PREFIX to it",
            )

"""Knows which Tesseract language data is installed."""

import os
from functools import lru_cache
from pathlib import Path

PLACES = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "/opt/local/share/tessdata",
)


@lru_cache(maxsize=1)
def folder() -> Path | None:
    """Where the data lies; TESSDATA_PREFIX, Tesseract's own variable, comes first."""
    prefix = os.environ.get("TESSDATA_PREFIX")
    candidates = [Path(prefix), Path(prefix) / "tessdata"] if prefix else []
    candidates += [Path(place) for place in PLACES]
    return next((place for place in candidates if any(place.glob("*.traineddata"))), None)


@lru_cache(maxsize=1)
def installed() -> frozenset[str]:
    """Tesseract's names (three letters) of the languages that can be read."""
    where = folder()
    return frozenset(path.stem for path in where.glob("*.traineddata")) if where else frozenset()

"""Says what could not be read, or only doubtfully, instead of passing noise off as text."""

from collections.abc import Sequence
from statistics import median

from model_runtime.cpu_ocr.lines import Place
from model_runtime.cpu_ocr.rotate import dense, size
from model_runtime.cpu_ocr.route import Route
from model_runtime.cpu_ocr.scripts import BY_LANGUAGE, SCRIPTS, VIETNAMESE, Script, share
from schemas.errors import ResultWarning
from schemas.reading import ReadLine

UNREAD_EMPTY = "a line of text was detected, but no characters were recognised"
UNREAD_IMPLAUSIBLE = "a line of text was detected, but what was recognised is too uncertain to be text"

IMPLAUSIBLE = 0.5  # mean certainty below which what was read is noise
MOSTLY_NOISE = 0.75  # median line of a page below which most of it is noise
STRICT = 0.8  # what a line must reach there
DOUBTFUL = {False: 0.93, True: 0.85}  # median line of a page in a script not really read; by Tesseract: True


def plausible(line: ReadLine, place: Place, least: float) -> bool:
    return (line.confidence or 0.0) >= least and dense(line.text, *size(place.quad))


def least_certainty(lines: Sequence[ReadLine | None]) -> float:
    """What a line must reach to count as text; more on a page most of which looks like no known script."""
    certainties = [line.confidence or 0.0 for line in lines if line is not None]
    return IMPLAUSIBLE if certainties and median(certainties) >= MOSTLY_NOISE else STRICT


def warnings(
    chosen: Route, lines: Sequence[ReadLine], installed: frozenset[str]
) -> tuple[ResultWarning, ...]:
    """Language data that was asked for, or that this page seems to need, and that is not installed."""
    found = [_missing(name) for name in chosen.missing]
    if not found:
        found = [_missing(name) for name in _needed(chosen, lines, installed)]
    return tuple(found)


def _needed(chosen: Route, lines: Sequence[ReadLine], installed: frozenset[str]) -> list[str]:
    """PP-OCRv6 is sure of Vietnamese without its tones; of other scripts it is merely less sure."""
    certainty = median(line.confidence or 0.0 for line in lines) if lines else 0.0
    if chosen.language is not None:
        absent = [x for x in BY_LANGUAGE[chosen.language].languages if x not in installed]
        return absent if certainty < DOUBTFUL[True] else []
    text = " ".join(line.text for line in lines)
    if not _readable(VIETNAMESE, installed) and share(text, VIETNAMESE) > 0.5:
        return list(VIETNAMESE.languages)
    if certainty >= DOUBTFUL[False]:
        return []
    return [script.languages[0] for script in SCRIPTS if not _readable(script, installed)]


def _readable(script: Script, installed: frozenset[str]) -> bool:
    return any(language in installed for language in script.languages)


def _missing(name: str) -> ResultWarning:
    script = BY_LANGUAGE[name].name
    detail = f"Text in {script} script may be misread or missing: Tesseract's data {name!r} is not installed."
    return ResultWarning(code="language_data_missing", detail=detail)

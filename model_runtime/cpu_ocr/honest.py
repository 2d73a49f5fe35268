"""Says what could not be read, or only doubtfully, instead of passing noise off as text."""

from collections.abc import Sequence
from dataclasses import dataclass
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
SHORTEST = (
    3  # characters of a line there: strokes of an unknown script pass for single letters, and surely so
)
DOUBTFUL = {False: 0.93, True: 0.85}  # median line of a page in a script not really read; by Tesseract: True


@dataclass(frozen=True, slots=True)
class Standard:
    """What a line must reach to count as text: mean certainty, and number of characters."""

    certainty: float
    length: int

    def met(self, line: ReadLine, place: Place) -> bool:
        sure = (line.confidence or 0.0) >= self.certainty and len(line.text.strip()) >= self.length
        return sure and dense(line.text, *size(place.quad))


def standard(lines: Sequence[ReadLine | None]) -> Standard:
    """More is asked where most of a page looks like no known script; None is a line that yielded nothing."""
    if lines and median(map(_certainty, lines)) < MOSTLY_NOISE:
        return Standard(STRICT, SHORTEST)
    return Standard(IMPLAUSIBLE, 1)


def _certainty(line: ReadLine | None) -> float:
    return (line.confidence or 0.0) if line is not None else 0.0


def warnings(
    chosen: Route, lines: Sequence[ReadLine | None], installed: frozenset[str]
) -> tuple[ResultWarning, ...]:
    """Language data that was asked for, or that this page seems to need, and that is not installed.

    ``lines``: of all places where text was detected; None where none could be read.
    """
    missing = chosen.missing or tuple(_needed(chosen, lines, installed))
    return (_missing(missing),) if missing else ()


def _needed(chosen: Route, lines: Sequence[ReadLine | None], installed: frozenset[str]) -> list[str]:
    """PP-OCRv6 is sure of Vietnamese without its tones; of other scripts it is merely less sure."""
    certainty = median(map(_certainty, lines)) if lines else 0.0
    if chosen.language is not None:
        absent = [x for x in BY_LANGUAGE[chosen.language].languages if x not in installed]
        return absent if certainty < DOUBTFUL[True] else []
    text = " ".join(line.text for line in lines if line is not None)
    if not _readable(VIETNAMESE, installed) and share(text, VIETNAMESE) > 0.5:
        return list(VIETNAMESE.languages)
    if certainty >= DOUBTFUL[False]:
        return []
    return [script.languages[0] for script in SCRIPTS if not _readable(script, installed)]


def _readable(script: Script, installed: frozenset[str]) -> bool:
    return any(language in installed for language in script.languages)


def _missing(names: Sequence[str]) -> ResultWarning:
    scripts = " or ".join(dict.fromkeys(BY_LANGUAGE[name].name for name in names))
    data = ", ".join(repr(name) for name in names)
    detail = f"Text in {scripts} script may be misread or missing: Tesseract's data {data} is not installed."
    return ResultWarning(code="language_data_missing", detail=detail)

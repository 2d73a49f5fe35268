"""Decides which recogniser reads a page: PP-OCRv6, or Tesseract with one language."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from model_runtime.cpu_ocr import tesseract
from model_runtime.cpu_ocr.arrays import Pixels
from model_runtime.cpu_ocr.scripts import BY_LANGUAGE, NAMES, SCRIPTS, hinted, share

THRESHOLD = 0.75  # the lowest right page scored .86, the highest wrong one .71
BEATEN = 0.55  # enough where PP-OCRv6 makes even less of the page (Ukrainian read as Russian)
PLAIN, BEHIND = 0.99, 0.05
"""Where PP-OCRv6 has hardly a doubt, another script must come as near as this: three Latin lines scored .999
there and .91 as Russian, Russian ones .94 to .99 and .94 to .97."""

SAMPLE = 6
PROBE = 2  # lines after which a language that got neither right is given up
PROBE_THRESHOLD = 0.6

TessReader = Callable[[Pixels, str], tesseract.TessLine]


@dataclass(frozen=True, slots=True)
class Route:
    """``language``: Tesseract's name, or None for PP-OCRv6. ``missing``: asked for, but not installed."""

    language: str | None
    score: float = 0.0
    missing: tuple[str, ...] = ()

    @property
    def tag(self) -> str | None:
        return NAMES.get(self.language) if self.language else None


def candidates(
    languages: Sequence[str], installed: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Languages to try, and those asked for that are not installed. Hints win over guessing."""
    asked = hinted(languages)
    if languages:
        return tuple(x for x in asked if x in installed), tuple(x for x in asked if x not in installed)
    firsts = (next((x for x in script.languages if x in installed), None) for script in SCRIPTS)
    return tuple(x for x in firsts if x is not None), ()


def route(
    sample: Sequence[Pixels],
    languages: Sequence[str],
    installed: frozenset[str],
    rival: float,
    read: TessReader = tesseract.read_once,
) -> Route:
    """Route by hints, else by reading the sample in every script; ``rival``: how well PP-OCRv6 read it."""
    tried, missing = candidates(languages, installed)
    if len(languages) == 1 and tried:
        return Route(tried[0], 1.0)
    best = Route(None, missing=missing)
    for language in tried:
        score = likeness(sample, language, read)
        if rival >= PLAIN and score < rival - BEHIND:
            continue
        if score > best.score and (score >= THRESHOLD or (score >= BEATEN and score > rival)):
            best = Route(language, score, missing)
    return best


def likeness(sample: Sequence[Pixels], language: str, read: TessReader = tesseract.read_once) -> float:
    """How much the sample looks like that language: median of confidence times share of its letters."""
    scores: list[float] = []
    for line in sample[:SAMPLE]:
        words = read(line, language)
        text = " ".join(word.text for word in words)
        scores.append(tesseract.score(words) * share(text, BY_LANGUAGE[language]))
        if len(scores) == PROBE and max(scores) < PROBE_THRESHOLD:
            break
    return median(scores) if scores else 0.0

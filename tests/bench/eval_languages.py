"""Character error rates: rendered pages in many languages, and pages that come with their text."""

import tempfile
from pathlib import Path

from tests.bench.client import Api, Outcome
from tests.bench.figures import Figures
from tests.bench.text_score import error_rate
from tests.samples.languages import LANGUAGES, Language, LanguagePage, articles, language_page


def _text(outcome: Outcome) -> str:
    return "\n".join(page.text for page in outcome.result.pages) if outcome.result else ""


def _remark(figures: Figures, name: str, truth: str, read: str, error: float) -> None:
    if error > 0.01:
        figures.remark("languages", f"{name} {error:.4f}: {read[:300]!r} instead of {truth[:300]!r}")


def _rate(api: Api, image: Path, page: LanguagePage, figures: Figures) -> float:
    """Read without a language hint: the reader has to find out."""
    read = _text(api.read(image))
    error = error_rate(page.truth, read, page.language.code)
    _remark(figures, image.stem, page.truth, read, error)
    return error


def languages(api: Api, folder: Path, figures: Figures) -> None:
    """Pages rendered from `languages/UDHR_first_article_all.txt`, clean at 200 and noisy at 150 dpi."""
    texts = articles(folder / "UDHR_first_article_all.txt")
    known = [language for language in LANGUAGES if language.heading in texts]

    def both(language: Language) -> tuple[float, float]:
        page = language_page(language, texts[language.heading])
        clean, noisy = Path(scratch, f"{language.code}.png"), Path(scratch, f"{language.code}_noisy.png")
        page.clean.save(clean, dpi=(200, 200))
        page.noisy.save(noisy, dpi=(150, 150))
        return _rate(api, clean, page, figures), _rate(api, noisy, page, figures)

    with tempfile.TemporaryDirectory() as scratch:
        rates = list(api.each(both, known))
    for language, (clean, _) in zip(known, rates, strict=True):
        figures.add(f"cer.{language.code}", clean)
    for language, (_, noisy) in zip(known, rates, strict=True):
        figures.add(f"cer_noisy.{language.code}", noisy)


def pages(api: Api, folder: Path, figures: Figures) -> None:
    """`pages/NAME.LANG.(pdf|png|…)` beside `NAME.LANG.txt`, the text as it should be read."""
    files = sorted(p for p in folder.iterdir() if p.suffix != ".txt" and p.with_suffix(".txt").is_file())
    for outcome in api.each(api.read, files):
        truth = outcome.path.with_suffix(".txt").read_text(encoding="utf-8")
        name = outcome.path.stem
        error = error_rate(truth, _text(outcome), name.rpartition(".")[2])
        _remark(figures, outcome.path.name, truth, _text(outcome), error)
        figures.add(f"pages.{name}", error)

"""Says which language a page is in, or nothing where the text is too short to tell."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_LONGEST = 4000
"""Characters looked at: more change nothing."""

_LETTERS = 24
"""Fewer letters than this are names and labels, which look alike in many languages."""

_SURE = 0.8
"""The identifier's own probability; on forms and receipts, where it guesses, it stays far below."""


def language_of(text: str) -> str | None:
    """ISO 639-1 code such as ``de``; None when it cannot be told."""
    sample = text[:_LONGEST]
    if sum(map(str.isalpha, sample)) < _LETTERS:
        return None
    label, probability = _identifier().classify(sample)
    return label if probability >= _SURE and len(label) == 2 else None


@cache
def _identifier() -> "LanguageIdentifier":
    # Loaded on first use: its tables take a second and 60 MB, which an importer may not need.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

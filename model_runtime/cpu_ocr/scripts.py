"""Which scripts and languages PP-OCRv6 does not read, and Tesseract's names for them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """A script that Tesseract reads for us: its letters and the language models tried, likeliest first."""

    name: str
    letters: re.Pattern[str]
    languages: tuple[str, ...]
    rtl: bool = False


HANGUL = Script("Hangul", re.compile(r"[가-힣ㄱ-ㆎ]"), ("kor",))
CYRILLIC = Script("Cyrillic", re.compile(r"[Ѐ-ӿ]"), ("rus", "ukr", "bul", "srp", "mkd", "bel"))
ARABIC = Script("Arabic", re.compile(r"[؀-ۿݐ-ݿﭐ-﷿ﹰ-﻿]"), ("ara", "fas", "urd"), rtl=True)
VIETNAMESE = Script("Vietnamese", re.compile(r"[ăâđêôơưĂÂĐÊÔƠƯạ-ỹẠ-Ỹ]"), ("vie",))
HEBREW = Script("Hebrew", re.compile(r"[֐-׿]"), ("heb",), rtl=True)
GREEK = Script("Greek", re.compile(r"[Ͱ-Ͽἀ-῿]"), ("ell",))
THAI = Script("Thai", re.compile(r"[฀-๿]"), ("tha",))
DEVANAGARI = Script("Devanagari", re.compile(r"[ऀ-ॿ]"), ("hin", "mar", "nep"))

SCRIPTS = (HANGUL, CYRILLIC, ARABIC, VIETNAMESE, HEBREW, GREEK, THAI, DEVANAGARI)
BY_LANGUAGE = {language: script for script in SCRIPTS for language in script.languages}

# BCP 47 primary subtag -> Tesseract's name; a language absent here is left to PP-OCRv6.
TAGS = {
    "ko": "kor", "ru": "rus", "uk": "ukr", "bg": "bul", "sr": "srp", "mk": "mkd", "be": "bel",
    "ar": "ara", "fa": "fas", "ur": "urd", "vi": "vie", "he": "heb", "iw": "heb", "el": "ell",
    "th": "tha", "hi": "hin", "mr": "mar", "ne": "nep",
}  # fmt: skip
NAMES = {tess: tag for tag, tess in TAGS.items() if tag != "iw"}

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")


def hinted(languages: Iterable[str]) -> tuple[str, ...]:
    """Tesseract languages among the caller's tags; a three-letter Tesseract name is taken as it is."""
    found = []
    for tag in languages:
        primary = re.split(r"[-_]", tag.lower())[0]
        name = TAGS.get(primary, primary if primary in BY_LANGUAGE else None)
        if name is not None:
            found.append(name)
    return tuple(dict.fromkeys(found))


def only_common(text: str) -> bool:
    """Whether there are letters, and none of a script that Tesseract reads for us."""
    return bool(_LETTER.search(text)) and not any(script.letters.search(text) for script in SCRIPTS)


def share(text: str, script: Script) -> float:
    """Share of letters of the script; for Vietnamese, whether marked words are as many as usual there."""
    if script is VIETNAMESE:
        words = _WORD.findall(text)
        marked = sum(1 for word in words if script.letters.search(word))
        return min(1.0, marked / len(words) / 0.4) if words else 0.0
    letters = _LETTER.findall(text)
    return len(script.letters.findall(text)) / len(letters) if letters else 0.0

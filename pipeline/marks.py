"""Marks at the start of a line: bullets, numbers, check boxes, footnote signs, section numbers."""

import re
from collections.abc import Sequence

BULLETS = "•●○◦▪▫■□◆◇►▶➢➤✓✔✗❖·∙‣⁃–—*-\u00b7\uf0b7\uf0a7\uf0d8\uf076"
_BULLET = re.compile(rf"([{re.escape(BULLETS)}])(?:\s+|$)")
_STRONG_BULLET = re.compile(r"([•●○◦▪▫■◆◇►▶➢➤❖∙‣⁃\uf0b7\uf0a7\uf0d8\uf076])\s*(?=\S)")
_ORDINAL = re.compile(
    r"(?P<open>[(\[]?)(?P<value>\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})(?P<close>[.)\]])(?P<more>\d+(?:\.\d+)*\.?)?(?:\s+|$)"
)
_BOX = re.compile(r"(?P<box>[☐☑☒❏❑❒]|\[(?: |x|X|✓)?\](?!\())\s*(?P<label>.*)", re.DOTALL)
_SECTION = re.compile(
    r"(?:(?:chapter|section|part|annex|appendix|kapitel|teil)\s+)?"
    r"(\d{1,3}(?:\.\d{1,3})*|[IVX]{1,6})[.)]?\s+\S",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"(?:\d{1,3}[.)]?|[¹²³⁰⁴-⁹]+|\(\d{1,2}\)|\[\d{1,2}\]|[a-z](?=\s))\s*[\"“‘(]?[^\W\d_]|[*†‡§¶#]{1,3}\s*\S"
)

_TABLE = re.compile(
    r"(?:supplementary\s+|extended data\s+)?(?:tab|quadro|exhibit|box|табл|表|표)", re.IGNORECASE
)
_CAPTION = re.compile(
    r"(?i:(?:supplementary\s+|extended data\s+)?"
    r"(?:fig(?:ure|\.|s\.)?|table|tab\.|chart|scheme|plate|exhibit|box|abb(?:ildung|\.)|"
    r"tabelle|tableau|figura|tabla|tabella|quadro|gráfico|rysunek|tabela|рис(?:унок|\.)|таблица|图|圖|図|表|그림|표))\s*"
    r"(?:\d{1,4}[a-zA-Z]?|[IVXLC]{2,5}|[A-Z](?=\.?\d|\s*[.:|–—]|$))(?:[.\-–]\d+)*\s*(?:[.:|–—]|\s|$|(?=[^\x00-\x7f]))"
)


def is_marker(text: str) -> bool:
    """The whole text is a mark that belongs to what follows it on its line."""
    text = text.strip()
    if len(text) > 6:
        return False
    return bool(_BULLET.fullmatch(text) or _ORDINAL.fullmatch(text) or checkbox(text + " "))


def bullet(text: str) -> tuple[str, str] | None:
    """A bullet and what follows it."""
    match = _STRONG_BULLET.match(text) or _BULLET.match(text)
    return (match[1], text[match.end() :].strip()) if match else None


def ordinal(text: str) -> tuple[str, str, str] | None:
    """Style (``1.``, ``(a)``), value and rest of a numbered item; "1.2 Scope" is a section, not an item."""
    match = _ORDINAL.match(text)
    if match is None or match["more"]:
        return None
    value = match["value"]
    shape = "1" if value.isdigit() else "i" if len(value) > 1 else "a"
    return f"{match['open']}{shape}{match['close']}", value, text[match.end() :].strip()


def checkbox(text: str) -> tuple[bool, str] | None:
    """Whether a box is ticked, and its label; None where the line does not start with one."""
    match = _BOX.match(text)
    return (match["box"] not in ("☐", "❏", "❑", "❒", "[ ]", "[]"), match["label"].strip()) if match else None


def section_depth(text: str) -> int | None:
    """2 for "1.2 Scope", 1 for "3 Methods" or "IV. Results"; None without a section number."""
    match = _SECTION.match(text)
    return match[1].count(".") + 1 if match else None


def is_note(text: str) -> bool:
    """Starts with a sign that a footnote may start with."""
    return _NOTE.match(text) is not None


def is_caption(text: str) -> bool:
    """Starts like "Figure 3:" or "Tabelle 1"."""
    return _CAPTION.match(text) is not None


def names_figure(text: str) -> bool:
    """A caption that names something other than a table."""
    match = _CAPTION.match(text)
    return match is not None and _TABLE.match(text) is None


def counted(texts: Sequence[str], lefts: Sequence[float], slack: float) -> list[bool]:
    """Which lines start with a number that another line in the same place counts on from or towards."""
    seen: dict[tuple[str, int], list[int]] = {}
    values: list[tuple[str, int] | None] = []
    for index, text in enumerate(texts):
        found = ordinal(text)
        value = None if found is None or not found[2] else (found[0], _number(found[1]))
        values.append(value)
        if value is not None:
            seen.setdefault(value, []).append(index)
    return [
        value is not None
        and any(
            abs(lefts[other] - lefts[index]) < slack
            for step in (-1, 1)
            for other in seen.get((value[0], value[1] + step), ())
        )
        for index, value in enumerate(values)
    ]


def _number(value: str) -> int:
    if value.isdigit():
        return int(value)
    return roman(value) if len(value) > 1 else ord(value.lower()) - ord("a") + 1


_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


def roman(text: str) -> int:
    """Value of a Roman numeral; 0 where it is none in its usual spelling."""
    digits = [_ROMAN.get(char, 0) for char in text.lower()]
    if not digits or 0 in digits:
        return 0
    total = sum(-d if any(d < later for later in digits[i + 1 : i + 2]) else d for i, d in enumerate(digits))
    return total if to_roman(total) == text.lower() else 0


def to_roman(number: int) -> str:
    out = ""
    pairs = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
    for value, letters in (*pairs, (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):
        count, number = divmod(number, value)
        out += letters * count
    return out

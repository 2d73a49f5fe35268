"""Escapes what Markdown would misread, so that a document's words stay words."""

import re

_LINE_START = re.compile(r"^(#{1,6} |[-+*] |\d{1,9}[.)] |>|\||```|~~~|(?:=+|-{3,})$)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_EMPHASES = (
    ("*", re.compile(r"(\*{1,3})(?=[^\s*])([^*\n]*[^\s*])\1")),
    ("_", re.compile(r"(?<!\w)(_{1,3})(?=[^\s_])([^_\n]*[^\s_])\1(?!\w)")),
)


def escaped(text: str, *, inline: bool = False) -> str:
    """Only what Markdown would misread is escaped: the text stays greppable."""
    text = _TAG.sub("&lt;", text)
    for mark, emphasis in _EMPHASES:
        if mark in text:
            text = emphasis.sub(_spelled_out, text)
    if not inline and (start := _LINE_START.match(text)):
        mark = start[1]
        if mark[0].isdigit():
            return text[: len(mark) - 2] + "\\" + text[len(mark) - 2 :]
        return "\\" + text
    return text


def _spelled_out(found: re.Match[str]) -> str:
    marks = found[1].replace("*", "\\*").replace("_", "\\_")
    return f"{marks}{found[2]}{marks}"

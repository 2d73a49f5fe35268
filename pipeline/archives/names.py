"""Names of archive members: text to show and to tell members apart by, never paths."""

import re

_LONGEST = 4096
_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_DRIVE = re.compile(r"[A-Za-z]:")


def decoded(raw: bytes, fallback: str | None = None) -> str:
    """UTF-8 if it is, else as ``fallback`` has it, else with every odd byte escaped: nothing is dropped."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode(fallback) if fallback is not None else raw.decode("utf-8", "backslashreplace")
    return shown(text)


def shown(text: str) -> str:
    """Without what a terminal or a page would obey: control characters are spelt out."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def is_junk(name: str) -> bool:
    """What file managers leave behind."""
    parts = _parts(name)
    last = parts[-1].lower()
    return "__MACOSX" in parts or last in _JUNK or last.startswith("._")


def is_unsafe(name: str) -> bool:
    """A name that, taken for a path by somebody, leads out of the folder it is unpacked in."""
    parts = _parts(name)
    return parts[0] == "" or ".." in parts or _DRIVE.match(name) is not None


def _parts(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")

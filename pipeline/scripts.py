"""Facts about characters: which scripts join without spaces, and what printed forms stand for."""

import re
import unicodedata

_CJK = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uff9f\uffe0-\uffe6\U00020000-\U0003134f]"
)
# Thai, Lao, Burmese, Khmer: words are not spaced either.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff]")

# Forms that exist only for printing: Latin and Armenian ligatures, Hebrew and Arabic presentation forms, the
# radicals that some fonts put in place of ideographs. Full-width letters and superscripts mean something.
_PRINTED = re.compile("[\u2e80-\u2fd5\ufb00-\ufdff\ufe70-\ufefc]+")
_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffb\ud800-\udfff]")
# Double quotes set as two single ones.
_TEX_QUOTES = re.compile("‘‘|’’")
_SPACES = re.compile("[\\s\u00a0\u2000-\u200a\u202f\u205f]+")


def is_cjk(char: str) -> bool:
    """Ideographs, kana and their punctuation. Hangul is spaced, so it is not among them."""
    return _CJK.match(char) is not None


def is_unspaced(char: str) -> bool:
    return _CJK.match(char) is not None or _UNSPACED.match(char) is not None


def clean(text: str) -> str:
    """Text as typed: ligatures and presentation forms resolved, composed (NFC), single plain spaces.

    Soft hyphens stay: only joining knows whether one stands at a line end.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    text = _PRINTED.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    text = _TEX_QUOTES.sub(lambda pair: "“" if pair[0] == "‘‘" else "”", text)
    return unicodedata.normalize("NFC", _SPACES.sub(" ", _DROPPED.sub("", text))).strip()

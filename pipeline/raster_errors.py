"""Turn what MuPDF raises and prints into our codes: nothing of it reaches callers or stderr."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pymupdf

from schemas.errors import DocumentUnreadable

# MuPDF reports most damage by printing and going on; these lines mean that something of the page is lost.
_LOSS = re.compile(r"error|premature end|truncated|invalid|not be correct|failed|cannot|broken", re.I)
# … and these do not: colour profiles, fonts replaced by metrically close ones, tolerated syntax.
_HARMLESS = re.compile(r"ICC|non-embedded font|substitut|xref|startxref|repair|invalid font metrics", re.I)

# RuntimeError includes pymupdf.FileDataError and EmptyFileError.
MUPDF_ERRORS: tuple[type[Exception], ...] = (RuntimeError, pymupdf.mupdf.FzErrorBase)
"""What MuPDF itself raises."""

VENDOR_ERRORS: tuple[type[Exception], ...] = (*MUPDF_ERRORS, ValueError, TypeError, IndexError, OSError)
"""What PyMuPDF raises on bad files; TypeError and IndexError come out of its Python layer."""


def quiet() -> None:
    """Keep MuPDF's messages in its own buffer; a child process has no use for them on stderr."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)


@contextmanager
def page_errors(number: int) -> Iterator[None]:
    """Whatever MuPDF raises inside becomes ``page_corrupt`` of that page."""
    try:
        yield
    except VENDOR_ERRORS as error:
        raise DocumentUnreadable(
            "page_corrupt", f"page {number} cannot be opened or drawn ({public_reason(error)})"
        ) from error


def public_reason(error: Exception) -> str:
    """A vendor's message without paths or object addresses, short enough to show."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if text.startswith("Failed to open file"):  # PyMuPDF's wrapper: a path, and no reason
        return "no page structure can be recovered"
    text = re.sub(r"(['\"])[^'\"]*/[^'\"]*\1", "the file", text)
    return re.sub(r"code=\d+: ", "", text)[:160]


def forget_messages() -> None:
    pymupdf.TOOLS.reset_mupdf_warnings()


def losses() -> list[str]:
    """The messages since `forget_messages` that mean part of the page is lost, each once, at most five."""
    lines = pymupdf.TOOLS.mupdf_warnings().splitlines()
    lost = [line for line in lines if _LOSS.search(line) and not _HARMLESS.search(line)]
    return list(dict.fromkeys(line[:160] for line in lost))[:5]

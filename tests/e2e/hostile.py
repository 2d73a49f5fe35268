"""Steps that behave as hostile files make parsers behave; children of the cage import them by name."""

import os
import signal
import time

from pipeline.ledger import PageEnd, PageToRead
from pipeline.orders import DocumentFacts, PageImage, PageOrder, SourceFile
from schemas.errors import DocumentUnreadable
from schemas.page import EngineUsed, PageContent, PageResult, PageSource, PageState
from schemas.reading import PageReading
from workers.steps import ended

# A file is one line per page: what happens to it, then its text.


def inspect(source: SourceFile) -> DocumentFacts:
    return DocumentFacts(page_count=len(_lines(source)))


def prepare(source: SourceFile, order: PageOrder) -> PageEnd | PageToRead:
    what, _, text = _lines(source)[order.number - 1].partition(" ")
    if what == "crash":
        os.abort()
    if what == "murder":
        os.kill(os.getppid(), signal.SIGKILL)  # of the worker that holds the lease
    if what == "hang":
        time.sleep(3600)
    if what == "eat":
        bytearray(8 << 30)
    if what == "refuse":
        raise DocumentUnreadable("page_corrupt", "nothing can be made of it")
    if what == "bug":
        raise KeyError(text)
    if what == "slow":
        time.sleep(0.05)
    if what == "image":
        data = text.encode()
        return PageToRead(order.number, str(order.number).encode(), PageImage(data, "image/png", 28, 28))
    return ended(_content(order.number, text), {"unit": "pt", "width": 1.0, "height": 1.0})


def arrange(
    prepared: bytes, reading: PageReading, engine: EngineUsed, source: PageSource, image: PageImage
) -> PageEnd:
    return ended(
        _content(int(prepared), f"{engine.name} read {image.data.decode()}"), {}, spent=reading.spent
    )


def grow(size: int) -> int:
    """Use more and more memory, a little at a time."""
    kept = []
    for _ in range(size // (1 << 20)):
        kept.append(bytearray(os.urandom(1 << 20)))
        time.sleep(0.002)
    return len(kept)


def _lines(source: SourceFile) -> list[str]:
    with open(source.path, encoding="utf-8") as file:  # noqa: PTH123  # as plain as a parser
        return file.read().splitlines()


def _content(number: int, text: str) -> PageContent:
    return PageContent(page=PageResult(number=number, state=PageState.READ, text=text, width=1, height=1))

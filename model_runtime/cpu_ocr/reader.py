"""The embedded reader behind the engine port: hands each page to a child process."""

import os
from collections.abc import Callable

from model_runtime.spec import cpu_spec
from pipeline.orders import ReadOrder
from pipeline.ports import Cage, PageAids
from schemas.engine import EngineSpec
from schemas.reading import PageReading


def read_image(order: ReadOrder, threads: int = 1) -> PageReading:
    """Read one page image; runs in a child, since image decoders and native OCR code may crash."""
    # Here, not above: the parent names this function without loading 200 MB of native libraries.
    from model_runtime.cpu_ocr.arrays import decode  # noqa: PLC0415
    from model_runtime.cpu_ocr.page import read_pixels  # noqa: PLC0415

    return read_pixels(decode(order.image.data), order.languages, threads)


class CpuReader:
    """`PageReader` on the CPU. ``threads`` per page: one, since pages are read side by side."""

    def __init__(self, cage: Cage, threads: int = 1) -> None:
        self._cage = cage
        self._threads = threads
        self._spec = cpu_spec(os.cpu_count() or 1)

    @property
    def spec(self) -> EngineSpec:
        return self._spec

    def read(
        self,
        order: ReadOrder,
        cancelled: Callable[[], bool],
        aids: PageAids | None = None,  # noqa: ARG002  # one look at the whole page is all it takes
    ) -> PageReading:
        if cancelled():
            return PageReading(width=order.image.width, height=order.image.height)
        return self._cage.run(read_image, order, self._threads)

    def close(self) -> None:
        """The cage is its owner's; nothing is held here."""

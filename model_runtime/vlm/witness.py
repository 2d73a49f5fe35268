"""Finds somebody else who has seen the page: its text layer, or the CPU reader where it is worth seconds."""

from dataclasses import replace

from model_runtime.cpu_ocr.scripts import only_common
from model_runtime.vlm.session import Session
from model_runtime.vlm.settings import Check
from pipeline.cut_page import tile_of
from pipeline.ground import Reference
from pipeline.orders import PageImage
from pipeline.ports import PageReader
from pipeline.trust import garbled
from schemas.errors import QuireError
from schemas.reading import PageReading
from schemas.request import BudgetProfile, Task

_FEW = 12
"""Letters; a text layer with fewer is a stamp or a page number, and witnesses nothing."""

_COMMON = ("en",)
"""Any language whose script needs no reader of its own."""

_CPU_PIXELS = 2_000_000


class Witness:
    """``layer`` costs nothing; `cpu` is asked at most once a page."""

    def __init__(self, session: Session, second: PageReader | None) -> None:
        self._session = session
        self._second = second
        self._asked = False
        self.reference: Reference | None = None
        self.saw_nothing = False
        """The page was read by somebody else, who saw no print on it, legible or not."""

        layer = session.aids.layer() if session.aids is not None else None
        if layer is not None and _says_something(layer):
            self.reference = Reference(layer.lines)

    def ask_cpu(self, *, doubtful: bool, text: str = "") -> None:
        """Have the page read by the CPU reader, if nobody else has seen it and there is reason to.

        ``text``: what the model read. A few Latin words pass for Cyrillic where the CPU reader has to guess
        the script, so it is told of the scripts that are not among them.
        """
        session, second = self._session, self._second
        if self.reference is not None or second is None or self._asked or not self._worth_it(doubtful):
            return
        self._asked = True
        image = self._image(second)
        languages = session.order.languages or (_COMMON if only_common(text) else ())
        order = replace(
            session.order, image=image, tasks=frozenset({Task.TEXT}), schema=None, questions=(),
            languages=languages,
        )  # fmt: skip
        try:
            reading = second.read(order, session.cancelled)
        except QuireError as error:
            session.warn("check_failed", f"the page could not be read a second time ({error.code})")
            return
        page = session.order.image
        self.reference = Reference(reading.scaled_to(page.width, page.height).lines)
        self.saw_nothing = not reading.lines and not reading.unread

    def _worth_it(self, doubtful: bool) -> bool:
        settings, order = self._session.settings, self._session.order
        if settings.check is Check.NEVER:
            return False
        if settings.check is Check.ALWAYS or order.profile is BudgetProfile.ACCURATE:
            return True
        # By the image itself, so that the same page is sampled or not whenever it is read.
        sampled = settings.sampled > 0 and sum(order.image.data[-64:]) % settings.sampled == 0
        return (doubtful and order.profile is not BudgetProfile.FAST) or sampled

    def _image(self, second: PageReader) -> PageImage:
        """Larger than the model saw it, where that is small: the CPU reader needs its pixels."""
        session = self._session
        page = session.order.image
        if page.width * page.height >= _CPU_PIXELS or session.aids is None:
            return page
        grow = (_CPU_PIXELS / (page.width * page.height)) ** 0.5
        view = session.crop(tile_of(session.page.box, grow, second.spec.limits))
        return view.image if view is not None else page


def _says_something(layer: PageReading) -> bool:
    text = "\n".join(line.text for line in layer.lines)
    return sum(char.isalnum() for char in text) >= _FEW and garbled(text) is None

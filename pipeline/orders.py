"""Orders and deliveries of the recipe: plain picklable values, because steps run in child processes."""

from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.tiling import Tiling
from schemas.engine import PixelLimits
from schemas.errors import ResultWarning
from schemas.geometry import Box, scaled
from schemas.page import BudgetUsed, PageContent, Unit
from schemas.reading import PageReading
from schemas.request import BudgetProfile, BudgetRequest, Task


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A document as a local file. ``media_type`` is what sniffing found, never what the sender claimed."""

    path: str
    media_type: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What opening a document tells: how many pages it has, and whether it had to be repaired."""

    page_count: int
    warnings: tuple[ResultWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Geometry:
    """The visible page: size in ``unit`` after /Rotate or EXIF; ``dpi`` only for images that state one."""

    unit: Unit
    width: float
    height: float
    rotation: int = 0
    dpi: float | None = None

    def head(self, number: int) -> dict[str, Any]:
        """What every result of a page with this geometry begins with, however it was read."""
        return {
            "number": number,
            "unit": self.unit,
            "width": self.width,
            "height": self.height,
            "dpi": self.dpi,
            "rotation": self.rotation,
        }


@dataclass(frozen=True, slots=True)
class PageOrder:
    """How one page is to be prepared: the engine's limits, the caller's budget, tasks and languages.

    ``image_always``: the engine has work on this page even where the text layer can be trusted.
    """

    number: int
    limits: PixelLimits
    pixels_per_x_height: float
    budget: BudgetRequest
    tasks: frozenset[Task]
    languages: tuple[str, ...] = ()
    image_always: bool = False


@dataclass(frozen=True, slots=True)
class PageImage:
    """An encoded page image, rendered once at exactly ``width`` x ``height`` pixels."""

    data: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Code:
    """A barcode that was decoded. ``format``: `qr_code`, `ean_13`, `code_128` ..."""

    format: str
    text: str
    bbox: Box

    def moved(self, scale: float, x: float, y: float) -> "Code":
        """The code in another unit, its picture's corner at (x, y) there."""
        x0, y0, x1, y1 = scaled(self.bbox, scale, scale)
        return replace(self, bbox=(x0 + x, y0 + y, x1 + x, y1 + y))


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """Either ``content`` (text layer or blank: the page is done) or ``image`` + ``budget`` for an engine.

    ``layer`` is the text layer as read: an independent second reading for the engine step. Where it is
    ``trusted`` it stands for the page's text, and the engine is asked for the rest. ``tiles``: the parts to
    read the text in where one image cannot show it.
    ``warnings`` and ``codes`` belong to the page whatever it comes of; in ``content`` they are already.
    """

    number: int
    geometry: Geometry
    content: PageContent | None = None
    image: PageImage | None = None
    budget: BudgetUsed | None = None
    layer: PageReading | None = None
    pictures: tuple[Box, ...] = ()
    """Where alone the engine is believed, while ``layer`` stands for the rest. Empty: everywhere."""

    warnings: tuple[ResultWarning, ...] = ()
    codes: tuple[Code, ...] = ()
    """Barcodes that were decoded on the page, in its unit."""

    trusted: bool = False
    tiles: Tiling | None = None


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """What an engine is asked of one page image."""

    image: PageImage
    tasks: frozenset[Task]
    languages: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    questions: tuple[str, ...] = ()
    attempt: int = 1
    profile: BudgetProfile = BudgetProfile.BALANCED


@dataclass(frozen=True, slots=True)
class PageWords:
    """Words of a page with their boxes in the page's unit; ``turn``: the content's rotation, clockwise."""

    number: int
    width: float
    height: float
    turn: int
    words: tuple[tuple[str, Box], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A page that is a picture: put into the PDF at this size in points."""

    path: str
    width: float
    height: float

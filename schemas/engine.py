"""What a page reader says of itself: limits, tasks, languages, how much it takes at once."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from schemas.request import Task


class CoordinateConvention(StrEnum):
    """How a model writes boxes down."""

    PIXELS = "pixels"  # absolute pixels of the image it was sent
    PER_MILLE = "per_mille"  # 0..1000 of either side
    NONE = "none"  # it gives no boxes


class PixelLimits(BaseModel):
    """What sizes of image an engine takes: both sides multiples of ``factor``, area between the limits.

    ``counts_tokens`` is false for readers that spend no visual tokens (CPU OCR).
    """

    model_config = ConfigDict(frozen=True)

    factor: int
    min_pixels: int
    max_pixels: int
    counts_tokens: bool = True

    def tokens(self, width: int, height: int) -> int:
        return (width // self.factor) * (height // self.factor) if self.counts_tokens else 0


class EngineSpec(BaseModel):
    """One engine as `GET /v1/engines` shows it and the pipeline plans for it."""

    model_config = ConfigDict(frozen=True)

    name: str
    model: str
    version: str
    limits: PixelLimits
    tasks: frozenset[Task]
    languages: tuple[str, ...] = ()  # BCP 47; empty: not limited
    coordinates: CoordinateConvention = CoordinateConvention.PIXELS
    calibration: str | None = None
    prompt: str | None = None
    max_in_flight: int = 1
    pixels_per_x_height: float = 20.0
    """Height in pixels that the smallest lower-case letters need to be read reliably."""

    reads_for: frozenset[Task] = frozenset(Task)
    """Tasks that change what is read of a page. Others are done with what was read, so that a page read
    without them is used again."""

    unsupported: dict[Task, str] = {}
    """For each task that cannot be done: why, and what to configure."""

    def asked(self, tasks: frozenset[Task]) -> frozenset[Task]:
        """What it is asked for where these are wanted. Values that it does not give are found in its text."""
        own = tasks & self.tasks
        return own | {Task.TEXT} if Task.FIELDS in tasks - own else own

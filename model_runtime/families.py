"""The families of vision language models that are spoken to: how each counts pixels and writes boxes."""

import re
from dataclasses import dataclass
from enum import StrEnum

from schemas.engine import CoordinateConvention


class Family(StrEnum):
    QWEN2_VL = "qwen2-vl"
    QWEN2_5_VL = "qwen2.5-vl"
    QWEN3_VL = "qwen3-vl"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Traits:
    """``factor``: side of the square of pixels behind one visual token.

    ``markers``: it names places between special tokens rather than in JSON.
    """

    factor: int
    coordinates: CoordinateConvention
    markers: bool = False

    @property
    def box_unit(self) -> str | None:
        """What a prompt says of the numbers of a box; None where none are asked for."""
        return {
            CoordinateConvention.PIXELS: "in pixels of the image",
            CoordinateConvention.PER_MILLE: "from 0 to 1000 across and down the image",
            CoordinateConvention.NONE: None,
        }[self.coordinates]


TRAITS = {
    Family.QWEN2_VL: Traits(28, CoordinateConvention.PER_MILLE, markers=True),
    Family.QWEN2_5_VL: Traits(28, CoordinateConvention.PIXELS),
    Family.QWEN3_VL: Traits(32, CoordinateConvention.PER_MILLE),
    Family.OTHER: Traits(28, CoordinateConvention.NONE),
}

_NAMES = (
    (re.compile(r"qwen[-_ ]?2[._]5[-_ ]?vl", re.IGNORECASE), Family.QWEN2_5_VL),
    (re.compile(r"qwen[-_ ]?3[-_ ]?vl", re.IGNORECASE), Family.QWEN3_VL),
    (re.compile(r"qwen[-_ ]?2[-_ ]?vl", re.IGNORECASE), Family.QWEN2_VL),
)


def family_of(model: str) -> Family:
    """By the name of a checkpoint, such as ``Qwen/Qwen2.5-VL-7B-Instruct-AWQ``."""
    return next((family for pattern, family in _NAMES if pattern.search(model)), Family.OTHER)

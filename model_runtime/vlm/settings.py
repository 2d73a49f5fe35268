"""What can be set of a reader that reads with a model."""

from dataclasses import dataclass
from enum import StrEnum

from model_runtime.families import Family
from pipeline.confidence import Calibration
from schemas.request import BudgetProfile


class Check(StrEnum):
    """When a page that has no text layer is also read by the CPU reader, which costs seconds."""

    NEVER = "never"
    DOUBTFUL = "doubtful"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Hosted:
    """The model that answers. ``context`` 0: its server did not say."""

    model: str
    family: Family
    context: int = 0


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """``context``: tokens of prompt, images and reply together; ``reply_tokens``: of a reply, at most.
    ``plain``: see `pipeline.prompts.text`."""

    context: int | None = None
    reply_tokens: int = 8192
    check: Check = Check.DOUBTFUL
    sampled: int = 20
    """Of so many pages one is checked by the CPU reader though nothing speaks against it; 0: none."""

    plain: bool = False
    calibration: Calibration | None = None


SECOND_LOOKS = {BudgetProfile.FAST: 0, BudgetProfile.BALANCED: 4, BudgetProfile.ACCURATE: 12}
"""Regions of a page that are looked at again, larger, at most."""

TRIES = 14
"""Calls that a page may cost beyond one for each of its parts and tasks: it bounds every ladder."""

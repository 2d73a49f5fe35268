"""What a caller asks of a document: the `request` of a run."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StrictBool,
    StringConstraints,
    field_validator,
    model_validator,
)

from schemas.numbers import OF_JSON
from schemas.split import SplitRequest


class Task(StrEnum):
    TEXT = "text"
    TABLES = "tables"
    CHARTS = "charts"
    FIELDS = "fields"
    QUESTIONS = "questions"


class Priority(StrEnum):
    INTERACTIVE = "interactive"
    BULK = "bulk"


class BudgetProfile(StrEnum):
    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


class BudgetRequest(BaseModel):
    """A profile, or explicit pixel limits (pixels of the image the engine sees), not both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: BudgetProfile | None = None
    min_pixels: Annotated[int, Field(ge=784, le=33_554_432), OF_JSON] | None = None
    max_pixels: Annotated[int, Field(ge=784, le=33_554_432), OF_JSON] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "BudgetRequest":
        if self.profile is not None and (self.min_pixels or self.max_pixels):
            raise ValueError("give a profile or pixel limits, not both")
        if self.min_pixels and self.max_pixels and self.min_pixels > self.max_pixels:
            raise ValueError("min_pixels is greater than max_pixels")
        return self


PAGES_SHAPE: dict[str, Any] = {"pattern": r"^[0-9,\s-]*$"}
"""What OpenAPI says of a choice of pages; whether it makes sense is seen when it is read."""

_PAGES = re.compile(r"[0-9]{1,7}(-([0-9]{1,7})?)?(,[0-9]{1,7}(-([0-9]{1,7})?)?)*")
_LABEL_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Request(BaseModel):
    """The `request` of `POST /v1/documents` and `POST .../runs`; unknown members are refused by name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    tasks: list[Task] | None = None
    schema_: dict[str, Any] | str | None = Field(default=None, alias="schema")
    questions: list[Question] = Field(default_factory=list, max_length=50)
    pages: str | None = Field(
        default=None, max_length=2000, examples=["1-3,7"], json_schema_extra=PAGES_SHAPE
    )
    split: StrictBool | SplitRequest = False
    languages: list[Language] = Field(default_factory=list, max_length=8)
    budget: BudgetRequest = BudgetRequest(profile=BudgetProfile.BALANCED)
    engine: str = Field(default="auto", max_length=100)
    reuse: StrictBool = True
    password: SecretStr | None = Field(default=None, max_length=512)
    priority: Priority = Priority.INTERACTIVE
    callback_url: HttpUrl | None = None
    labels: dict[str, str] = Field(default_factory=dict, max_length=32)
    external_id: str | None = Field(default=None, min_length=1, max_length=256)
    retention_hours: Annotated[int, Field(ge=1, le=876_000), OF_JSON] | None = None

    @field_validator("pages")
    @classmethod
    def _pages_well_formed(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = re.sub(r"\s", "", value)
        if not _PAGES.fullmatch(value):
            raise ValueError("pages must look like 1-3,7 or 5-")
        return value

    @field_validator("labels")
    @classmethod
    def _labels_short(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            if not _LABEL_KEY.fullmatch(key):
                raise ValueError(f"label key {key[:64]!r}: letters, digits, _ . - and at most 63 of them")
            if len(text) > 256:
                raise ValueError(f"label {key!r}: at most 256 characters")
        return value

    def effective_tasks(self) -> tuple[Task, ...]:
        """Default: text and tables, fields when there is a schema, questions when there are questions.

        A file that is to be split is only read: its parts have the fields.
        """
        if self.tasks is not None:
            wanted = set(self.tasks)
        else:
            wanted = {Task.TEXT, Task.TABLES}
            if self.schema_ is not None:
                wanted.add(Task.FIELDS)
            if self.questions:
                wanted.add(Task.QUESTIONS)
        if self.split:
            wanted.discard(Task.FIELDS)
        return tuple(task for task in Task if task in wanted)

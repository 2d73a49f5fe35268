"""Charts: type, axes and data series."""

from enum import StrEnum

from pydantic import BaseModel

from schemas.geometry import PublicBox


class PointSource(StrEnum):
    LABEL = "label"
    ESTIMATE = "estimate"


class Point(BaseModel):
    x: str
    y: float | None
    unit: str | None = None
    source: PointSource


class Series(BaseModel):
    name: str
    points: list[Point] = []


class Chart(BaseModel):
    id: str
    page: int
    bbox: PublicBox | None = None
    type: str
    title: str = ""
    x_label: str | None = None
    y_label: str | None = None
    confidence: float | None = None
    series: list[Series] = []

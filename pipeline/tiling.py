"""The parts that a page is read in, and how they lie to each other."""

from dataclasses import dataclass

from schemas.geometry import Box


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a page: its box in pixels of the page image, and the size it is read at."""

    box: Box
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Parts in reading order. ``down``: one below the other; otherwise side by side.

    ``overlap``: the share of a part that stands in its neighbour too; 0 where the cut runs through white.
    """

    down: bool
    overlap: float
    parts: "tuple[Tile | Cut, Tile | Cut]"


Tiling = Tile | Cut


def tiles(tiling: Tiling) -> list[Tile]:
    """The parts in reading order."""
    if isinstance(tiling, Tile):
        return [tiling]
    return [tile for part in tiling.parts for tile in tiles(part)]

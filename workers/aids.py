"""What a reader may ask of the page it reads: its text layer, and parts of it rendered anew in the cage."""

from collections.abc import Sequence
from functools import cached_property

from pipeline.ledger import Claim
from pipeline.orders import PageImage, PreparedPage
from pipeline.tiling import Tile, Tiling
from schemas.geometry import Box, scaled
from schemas.reading import PageReading
from workers.context import Context
from workers.orders import source_of
from workers.steps import prepared_of


class StoredPage:
    """`PageAids` of a claimed page. What was stored of it is only parsed when a reader asks."""

    def __init__(self, context: Context, claim: Claim, image: PageImage) -> None:
        self._context = context
        self._claim = claim
        self._image = image

    @cached_property
    def _prepared(self) -> PreparedPage:
        assert self._claim.prepared is not None
        return prepared_of(self._claim.prepared)

    @property
    def _across(self) -> float:
        """Units of the page to a pixel of its image."""
        return self._prepared.geometry.width / self._image.width

    @property
    def _down(self) -> float:
        return self._prepared.geometry.height / self._image.height

    def layer(self) -> PageReading | None:
        layer = self._prepared.layer
        return layer.scaled_to(self._image.width, self._image.height) if layer is not None else None

    def trusted(self) -> bool:
        return self._prepared.trusted

    def tiles(self) -> Tiling | None:
        return self._prepared.tiles

    def pictures(self) -> Sequence[Box]:
        return [scaled(box, 1 / self._across, 1 / self._down) for box in self._prepared.pictures]

    def crop(self, tile: Tile, turn: int = 0) -> PageImage:
        context, claim, page = self._context, self._claim, self._prepared
        size = (tile.width, tile.height)
        with context.blobs.local(claim.facts.source) as path:
            source = source_of(claim, str(path))
            return context.cage.run(
                context.steps.crop,
                source,
                page.number,
                scaled(tile.box, self._across, self._down),
                size,
                turn,
            )

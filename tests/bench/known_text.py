"""Pages whose every line is known, by made-up issuers: what fits of the confidence of text are made on."""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pipeline.orders import PageImage

_SYLLABLES = "an bel cor dra el fan gor hal il jor kan lu mor nel or pan quil ros sun tor ul vel win yor zan"
_GOODS = (
    "Coffee Bread Milk Cheese Paper Ink Bolts Nuts Screws Lamp Cable Soap Tea Rice Salt Flour Eggs Pens Tape "
    "Glue Wood Paint Brush Bag Box Cup Plate Fork Knife Spoon Chair Desk Shelf Sock Shirt Hat"
)
_LABELS = ("Total", "Net", "VAT", "Cash", "Card", "Change", "Sum", "Due")


@dataclass(frozen=True)
class KnownPage:
    issuer: str
    text: str
    image: PageImage


def pages(count: int, issuers: int = 40, seed: int = 4) -> Iterator[KnownPage]:
    """Each issuer has goods, print and scanner of its own; a page has one to five short lines."""
    rng = random.Random(seed)
    houses = [_house(rng) for _ in range(issuers)]
    for number in range(count):
        house = houses[number % issuers]
        text = "\n".join(house.line(rng) for _ in range(rng.randint(1, 5)))
        yield KnownPage(house.name, text, house.page(text, rng))


@dataclass(frozen=True)
class _House:
    name: str
    goods: tuple[str, ...]
    label: str
    size: int
    ink: int
    paper: int
    blur: float
    noise: float

    def line(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.15:
            return self.name
        if kind < 0.3:
            return f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.20{rng.randint(10, 26)}"
        what = self.label if kind < 0.45 else rng.choice(self.goods)
        return f"{what} {rng.randint(0, 299)}.{rng.randint(0, 99):02}"

    def page(self, text: str, rng: random.Random) -> PageImage:
        """On at most 60 visual tokens of a Qwen2-VL: 280 by 168 pixels."""
        width, height = 280, 28 * max(2, min(6, text.count("\n") + 2))
        image = Image.new("L", (width, height), self.paper)
        ImageDraw.Draw(image).multiline_text(
            (rng.randint(4, 12), rng.randint(3, 8)),
            text,
            fill=self.ink,
            font=ImageFont.load_default(self.size),
        )
        image = image.filter(ImageFilter.GaussianBlur(self.blur * rng.uniform(0.5, 1.5)))
        noise = np.random.default_rng(rng.getrandbits(32)).normal(128, self.noise, (height, width))
        grain = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
        image = Image.blend(image, grain, min(0.35, self.noise / 200))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "PNG")
        return PageImage(buffer.getvalue(), "image/png", width, height)


def _house(rng: random.Random) -> _House:
    name = "".join(rng.choices(_SYLLABLES.split(), k=rng.randint(2, 3))).capitalize()
    return _House(
        f"{name} {rng.choice(('Ltd', 'Inc', 'GmbH', 'Co'))}",
        tuple(rng.sample(_GOODS.split(), 6)),
        rng.choice(_LABELS),
        rng.randint(16, 20),
        rng.randint(0, 90),
        rng.randint(215, 255),
        rng.uniform(0, 0.8),
        rng.uniform(1, 30),
    )

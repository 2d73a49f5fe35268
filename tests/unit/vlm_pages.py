"""Pages that scripted models read: what stands on them, what is asked, what was read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from model_runtime.families import TRAITS, Family
from model_runtime.scripted import ScriptedReader
from model_runtime.scripted_chat import Line, ScriptedChat
from model_runtime.spec import vlm_spec
from model_runtime.vlm import Check, Hosted, ReaderSettings, VlmReader
from pipeline.confidence import Calibration
from pipeline.orders import PageImage, ReadOrder
from pipeline.tiling import Tile, Tiling
from schemas.geometry import Box
from schemas.reading import PageReading, ReadLine, ReadWord, line_of
from schemas.request import BudgetProfile, Task
from schemas.seen import Seen

WIDTH, HEIGHT = 840, 1176
FIT = Calibration("test-1", 0.0, {"mean": 1.0})
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "total": {"type": "number", "x-type": "money"},
        "items": {
            "type": "array",
            "items": {"$ref": "#/$defs/item"},
        },
    },
    "$defs": {
        "item": {"type": "object", "properties": {"sku": {"type": "string"}, "amount": {"type": "number"}}}
    },
}


def printed(*lines: str) -> tuple[ReadLine, ...]:
    """Lines of a text layer, each word 60 wide, 30 from line to line."""
    return tuple(
        line_of(
            [
                ReadWord(word, (40 + 70.0 * i, 40 + 30.0 * at, 100 + 70.0 * i, 52 + 30.0 * at))
                for i, word in enumerate(line.split())
            ],
            12,
        )
        for at, line in enumerate(lines)
    )


LAYER = printed("Invoice No. INV-17", "A-1 Bolts 12,00", "A-2 Nuts 8,50", "Total 20,50 EUR")


@dataclass
class Aids:
    lines: Sequence[ReadLine] = ()
    is_trusted: bool = False
    crops: list[tuple[Tile, int]] = field(default_factory=list)

    def layer(self) -> PageReading | None:
        return PageReading(WIDTH, HEIGHT, tuple(self.lines)) if self.lines else None

    def trusted(self) -> bool:
        return self.is_trusted

    def tiles(self) -> Tiling | None:
        return None

    def pictures(self) -> Sequence[Box]:
        return ()

    def crop(self, tile: Tile, turn: int = 0) -> PageImage:
        self.crops.append((tile, turn))
        size = (tile.height, tile.width) if turn % 180 else (tile.width, tile.height)
        return PageImage(f"crop {tile.box} {turn}".encode(), "image/png", *size)


def reader_of(
    chat: ScriptedChat,
    settings: ReaderSettings,
    family: Family,
    second: ScriptedReader | None = None,
    *,
    tasks: frozenset[Task] = frozenset(Task),
    plain: bool = False,
) -> VlmReader:
    spec = vlm_spec("scripted", "m", TRAITS[family], visual_tokens=1280, tasks=tasks, plain=plain)
    return VlmReader(chat, lambda: Hosted("m", family), lambda _: spec, settings, second)


def read(
    chat: ScriptedChat,
    *tasks: Task,
    aids: Aids | None = None,
    family: Family = Family.QWEN2_5_VL,
    calibration: Calibration | None = None,
    profile: BudgetProfile = BudgetProfile.BALANCED,
    schema: dict[str, Any] | None = None,
    questions: tuple[str, ...] = (),
    plain: bool = False,
) -> PageReading:
    reader = reader_of(
        chat, ReaderSettings(check=Check.NEVER, calibration=calibration, plain=plain), family, plain=plain
    )
    order = ReadOrder(
        PageImage(b"page", "image/png", WIDTH, HEIGHT),
        frozenset(tasks),
        schema=schema or SCHEMA,
        questions=questions,
        profile=profile,
    )
    return reader.read(order, lambda: False, aids)


def seen(reading: PageReading) -> Seen:
    assert reading.unreadable is None
    assert reading.seen is not None
    return reading.seen


def said(value: Any, quote: str | None, box: list[int] | None = None) -> dict[str, Any]:
    return {"quote": quote, "value": value} | ({} if box is None else {"box": box})


def fields(**values: Any) -> Line:
    return Line((json.dumps(values),), task="fields")


GOOD = fields(
    number=said("INV-17", "Invoice No. INV-17"),
    total=said(20.5, "20,50 EUR"),
    items=[
        {"sku": said("A-1", "A-1"), "amount": said(12, "12,00")},
        {"sku": said("A-2", "A-2"), "amount": said(8.5, "8,50")},
    ],
)


def codes(reading: PageReading) -> list[str]:
    return [warning.code for warning in reading.warnings]


PAGE = "---\nlanguage: en\nrotation: 0\nlegible: yes\n---\n"
WHOLE = (
    PAGE
    + "# Invoice No. INV-17\n\n<table><tr><td>A-1</td><td>Bolts</td><td>12,00</td></tr></table>"
    + "\n\nTotal 20,50 EUR"
)

"""Gives what was transcribed its places on the page and its probabilities."""

from collections.abc import Sequence
from dataclasses import replace

from model_runtime.vlm.transcribe import Text
from pipeline.align import Alignment, align
from pipeline.certainty import Tokens
from pipeline.confidence import Calibration, text_features, text_probability
from pipeline.ground import Reference
from pipeline.parse_markdown import ParsedBlock
from schemas.geometry import Box, union
from schemas.seen import SeenBlock, SeenTable, SeenWord


def pieces_of(blocks: Sequence[ParsedBlock]) -> list[str]:
    """The texts to be found on the page: blocks, and of tables their cells."""
    pieces: list[str] = []
    for block in blocks:
        pieces += [c.text for c in block.table.table.cells] if block.table is not None else [block.text]
    return pieces


def laid(text: Text, reference: Reference | None) -> Alignment:
    return align(pieces_of(text.transcription.blocks), reference)


def seen_blocks(
    text: Text, alignment: Alignment, calibration: Calibration | None
) -> tuple[list[SeenBlock], list[SeenTable]]:
    tokens = Tokens(text.written.text, text.written.pieces)
    blocks: list[SeenBlock] = []
    tables: list[SeenTable] = []
    piece = 0
    for block in text.transcription.blocks:
        certainty = tokens.of(*block.span)
        sure = text_probability(certainty, calibration)
        if block.table is None:
            blocks.append(
                SeenBlock(
                    block.kind,
                    block.text,
                    block.level,
                    bbox=alignment.box(piece),
                    confidence=sure,
                    words=alignment.words[piece],
                    signs=text_features(certainty) if certainty is not None else None,
                )
            )
            piece += 1
            continue
        table = block.table.table
        cells = []
        words: list[SeenWord] = []
        for cell, span in zip(table.cells, block.table.spans, strict=True):
            probability = text_probability(tokens.of(*span), calibration)
            cells.append(replace(cell, bbox=alignment.box(piece), confidence=probability))
            words += alignment.words[piece]
            piece += 1
        box = _around([cell.bbox for cell in cells if cell.text])
        tables.append(replace(table, cells=tuple(cells), bbox=box))
        blocks.append(
            SeenBlock(block.kind, "", table=len(tables) - 1, bbox=box, confidence=sure, words=tuple(words))
        )
    return blocks, tables


def _around(boxes: Sequence[Box | None]) -> Box | None:
    """Around the cells, when most of them were found."""
    known = [box for box in boxes if box is not None]
    return union(known) if known and 2 * len(known) >= len(boxes) else None

"""Puts the barcodes that were read on a page among its blocks, its text and its Markdown."""

from collections.abc import Sequence

from pipeline.markdown import page_markdown
from pipeline.orders import Code
from schemas.geometry import Box
from schemas.page import Block, BlockKind, PageContent, PageState


def with_codes(content: PageContent, codes: Sequence[Code]) -> PageContent:
    """Each code is a block of its own, before what stands below it. Words stay what was read as letters."""
    page = content.page
    if not codes or page.state not in (PageState.READ, PageState.UNREADABLE):
        return content
    blocks = list(page.blocks)
    for number, code in enumerate(codes, len(page.blocks) + 1):
        block = Block(
            id=f"b{number}", kind=BlockKind.BARCODE, text=code.text, bbox=code.bbox, format=code.format
        )
        blocks.insert(_place(blocks, code.bbox), block)
    page.blocks = blocks
    page.text = "\n".join(block.text for block in blocks if block.text)
    page.markdown = page_markdown(blocks, content.tables)
    return content


def _place(blocks: Sequence[Block], box: Box) -> int:
    """Before the first block that stands below the code in its column, else at the end."""
    for at, block in enumerate(blocks):
        if block.bbox is None:
            continue
        x0, y0, x1, _ = block.bbox
        if y0 >= box[3] and x0 < box[2] and x1 > box[0]:
            return at
    return len(blocks)

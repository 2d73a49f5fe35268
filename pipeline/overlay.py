"""Lays what the whole document says about a page over the page as it was read."""

from typing import Any

from pipeline.markdown import page_markdown
from schemas.page import Block, BlockKind, PageContent


def apply(content: PageContent, overlay: dict[str, Any] | None) -> PageContent:
    """The page as users see it. Pure, and applying twice is applying once; None changes nothing."""
    if not overlay:
        return content
    kinds: dict[str, str] = overlay.get("kinds", {})
    levels: dict[str, int] = overlay.get("levels", {})
    ids: list[str] = overlay.get("tables", [table.id for table in content.tables])
    renamed = {table.id: new for table, new in zip(content.tables, ids, strict=False)}
    tables = [t.model_copy(update={"id": renamed.get(t.id, t.id)}) for t in content.tables]
    blocks = [_changed(block, kinds, levels, renamed) for block in content.page.blocks]
    page = content.page.model_copy(update={"blocks": blocks, "markdown": page_markdown(blocks, tables)})
    return content.model_copy(update={"page": page, "tables": tables})


def _changed(block: Block, kinds: dict[str, str], levels: dict[str, int], renamed: dict[str, str]) -> Block:
    update: dict[str, Any] = {}
    if block.id in kinds:
        update["kind"] = BlockKind(kinds[block.id])
        update["level"] = None
    elif block.id in levels and block.kind is BlockKind.HEADING:
        update["level"] = levels[block.id]
    if block.table_id is not None:
        update["table_id"] = renamed.get(block.table_id, block.table_id)
    return block.model_copy(update=update) if update else block

"""Cursors of listings: opaque to clients, bound to the listing they came from."""

import base64
import binascii
from typing import Annotated

from fastapi import Query

from services.faults import fault

Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before")]


def next_cursor(listing: str, position: str) -> str:
    return base64.urlsafe_b64encode(f"{listing}:{position}".encode()).decode().rstrip("=")


def cursor_of(listing: str, cursor: str | None) -> str | None:
    """The position a cursor stands for; refuses cursors of other listings."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    name, _, position = text.partition(":")
    if name != listing or not position:
        raise fault("/query/cursor", "cursor_invalid", "not a cursor of this listing", whole="cursor_invalid")
    return position


def number_of(listing: str, cursor: str | None) -> int | None:
    """A position that is a number."""
    position = cursor_of(listing, cursor)
    if position is None:
        return None
    if not position.isdecimal() or len(position) > 18:
        raise fault("/query/cursor", "cursor_invalid", "not a cursor of this listing", whole="cursor_invalid")
    return int(position)

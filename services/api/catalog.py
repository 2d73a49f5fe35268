"""Routes of what can be asked of the engines."""

from fastapi import APIRouter

from schemas.api import Listing
from schemas.engine import EngineSpec
from services.api.deps import Reader, Served

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/engines")
def list_engines(parts: Served, who: Reader) -> Listing[EngineSpec]:
    """The engines configured here: what each can do, and why not what it cannot."""
    del who
    return Listing(items=[parts.reader.spec])

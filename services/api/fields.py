"""The route of corrections by people."""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from schemas import field as shapes
from schemas.ids import DocumentId
from services.api import examples
from services.api.bodies import json_members
from services.api.deps import Served, Writer
from services.corrections import Change
from services.faults import fault, invalid

router = APIRouter(prefix="/v1/documents/{document_id}/fields", tags=["results"])


class CorrectionIn(BaseModel):
    """A value (null: it is not in the document), or ``withdraw``: the machine's value counts again."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1, max_length=2000)
    value: Any = None
    withdraw: StrictBool = False


class CorrectionsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    corrections: list[CorrectionIn] = Field(min_length=1, max_length=500)


class CorrectedView(BaseModel):
    """The corrected fields, and the extraction with every correction in it."""

    fields: list[shapes.Field]
    extraction: dict[str, Any] | None
    extraction_valid: bool | None


@router.patch(
    "",
    openapi_extra=examples.PATCH_FIELDS,
    responses=examples.problems(400, 404, 409, 410, 413, 415, 422),
)
async def correct_fields(request: Request, document_id: str, parts: Served, who: Writer) -> CorrectedView:
    """Correct fields of the newest finished run. Queries and `extraction` use it; `value` stays as read."""
    try:
        body = CorrectionsIn.model_validate(await json_members(request, parts))
    except ValidationError as error:
        raise invalid(error) from None
    for index, one in enumerate(body.corrections):
        if one.withdraw == ("value" in one.model_fields_set):
            raise fault(f"/corrections/{index}", "correction_malformed", "either a value, or withdraw: true")
    changes = [Change(one.path, one.value, one.withdraw) for one in body.corrections]
    made = await to_thread.run_sync(
        parts.corrections.apply, who.tenant, DocumentId(document_id), who.name, changes
    )
    return CorrectedView(
        fields=made.fields, extraction=made.extraction, extraction_valid=made.extraction_valid
    )

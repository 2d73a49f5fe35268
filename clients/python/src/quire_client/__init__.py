"""Client of Quire, the document service."""

from quire_client.batches import BatchRunning
from quire_client.client import LOCAL, Quire
from quire_client.errors import (
    AnswerInvalid,
    Conflict,
    DocumentFailed,
    Expired,
    Fault,
    Forbidden,
    NotFound,
    Problem,
    QuireError,
    RequestInvalid,
    SignatureInvalid,
    StillRunning,
    TooMany,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from quire_client.exports import Export
from quire_client.queries import RowFormat
from quire_client.retries import Retries
from quire_client.shapes import Document, Event, Request, Result
from quire_client.signatures import sign, verify
from quire_client.webhooks import CALLBACKS

__all__ = [
    "CALLBACKS",
    "LOCAL",
    "AnswerInvalid",
    "BatchRunning",
    "Conflict",
    "Document",
    "DocumentFailed",
    "Event",
    "Expired",
    "Export",
    "Fault",
    "Forbidden",
    "NotFound",
    "Problem",
    "Quire",
    "QuireError",
    "Request",
    "RequestInvalid",
    "Result",
    "Retries",
    "RowFormat",
    "SignatureInvalid",
    "StillRunning",
    "TooMany",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "sign",
    "verify",
]

"""Send a document once: what the service has under a key already is not sent again."""

from typing import BinaryIO

from quire_client import Document, Quire, Request


def sent_once(quire: Quire, key: str, content: BinaryIO, filename: str, request: Request) -> Document:
    """The key is the document's external id: idempotency keys alone are forgotten after a day."""
    for document in quire.documents.list(external_id=key):
        return document
    named: Request = {**request, "external_id": key}
    return quire.documents.submit(content, filename=filename, idempotency_key=key, **named)

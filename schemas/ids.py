"""Identifiers: one NewType per kind, prefixed and sortable by creation time."""

import secrets
import time
from typing import NewType

TenantId = NewType("TenantId", str)
DocumentId = NewType("DocumentId", str)
RunId = NewType("RunId", str)
BatchId = NewType("BatchId", str)
JobId = NewType("JobId", str)
ProcessId = NewType("ProcessId", str)
RequestId = NewType("RequestId", str)
UploadId = NewType("UploadId", str)
WebhookId = NewType("WebhookId", str)
MessageId = NewType("MessageId", str)
DeliveryId = NewType("DeliveryId", str)
KeyId = NewType("KeyId", str)
"""Names a key; the key itself is a secret."""

Digest = NewType("Digest", str)
"""SHA-256 of the stored bytes, 64 lower-case hexadecimal digits."""

DEFAULT_TENANT = TenantId("default")

# Crockford's base 32: no I, L, O, U, and its order is the order of the digits it stands for.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def _encode(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 32)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


def new_id(prefix: str) -> str:
    """A new id such as ``doc_01jd…``: 48 bits of milliseconds, then 80 random bits (a ULID)."""
    return f"{prefix}_{_encode(time.time_ns() // 1_000_000, 10)}{_encode(secrets.randbits(80), 16)}"


def document_id() -> DocumentId:
    return DocumentId(new_id("doc"))


def run_id() -> RunId:
    return RunId(new_id("run"))


def batch_id() -> BatchId:
    return BatchId(new_id("bat"))


def job_id() -> JobId:
    return JobId(new_id("job"))


def process_id() -> ProcessId:
    return ProcessId(new_id("prc"))


def upload_id() -> UploadId:
    return UploadId(new_id("upl"))


def key_id() -> KeyId:
    return KeyId(new_id("key"))


def request_id() -> RequestId:
    return RequestId(new_id("req"))


def webhook_id() -> WebhookId:
    return WebhookId(new_id("whk"))


def message_id() -> MessageId:
    return MessageId(new_id("msg"))


def delivery_id() -> DeliveryId:
    return DeliveryId(new_id("dlv"))

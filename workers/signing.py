"""Signatures of webhooks, as standardwebhooks.com has them: HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
import secrets as random
from collections.abc import Sequence

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(random.token_bytes(_BYTES)).decode()


def headers(secrets: Sequence[str], message: str, at_s: int, body: bytes) -> dict[str, str]:
    """One signature for each secret: while one replaces another, the receiver may know either."""
    signatures = " ".join(f"v1,{_signature(secret, message, at_s, body)}" for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": str(at_s), "webhook-signature": signatures}


def _signature(secret: str, message: str, at_s: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{message}.{at_s}.".encode() + body, hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()

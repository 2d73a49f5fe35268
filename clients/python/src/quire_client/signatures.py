"""Signatures of webhooks, as https://www.standardwebhooks.com/ has them."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import cast

from quire_client.errors import SignatureInvalid
from quire_client.shapes import Event

TOLERANCE_S = 300
_PREFIX = "whsec_"


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secret: str | Iterable[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> Event:
    """The event, if one of the secrets signed exactly these bytes, lately; else `SignatureInvalid`.

    ``body`` must be the bytes that came, not JSON written anew. Give old and new secret while rotating.
    An event comes at least once: remember `webhook-id` to recognise one that comes again.
    """
    given = {name.lower(): value for name, value in headers.items()}
    ident, moment, signatures = (
        given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (ident and moment and signatures):
        raise SignatureInvalid("the headers webhook-id, webhook-timestamp and webhook-signature are needed")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 15):
        raise SignatureInvalid("webhook-timestamp is not a number of seconds")
    age = (time.time() if now is None else now) - int(moment)
    if abs(age) > tolerance_s:
        raise SignatureInvalid(f"signed {abs(age):.0f} s {'ago' if age > 0 else 'in the future'}")
    signed = f"{ident}.{moment}.".encode() + body
    offered = [text.removeprefix("v1,") for text in signatures.split() if text.startswith("v1,")]
    if not any(_match(signed, key, text) for key in _keys(secret) for text in offered):
        raise SignatureInvalid("no signature fits")
    try:
        event = json.loads(body)
    except ValueError:
        raise SignatureInvalid("what was signed is not JSON") from None
    return cast("Event", event)


def sign(ident: str, timestamp: int, body: bytes, secret: str) -> str:
    """The value of `webhook-signature`: for tests of what receives webhooks."""
    (key,) = _keys(secret)
    return f"v1,{_signature(f'{ident}.{timestamp}.'.encode() + body, key)}"


def _keys(secret: str | Iterable[str]) -> list[bytes]:
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets:
        raise ValueError("no secret is given")
    try:
        keys = [base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True) for text in secrets]
    except binascii.Error:
        raise ValueError(f"a secret is {_PREFIX} and base64") from None
    if not all(keys):
        raise ValueError("a secret is empty")
    return keys


def _match(signed: bytes, key: bytes, offered: str) -> bool:
    return hmac.compare_digest(_signature(signed, key).encode(), offered.encode())


def _signature(signed: bytes, key: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()

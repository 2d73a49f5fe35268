"""Webhook signatures: the published example verifies, and nothing else does."""

import base64
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire_client import SignatureInvalid, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of thirty-two byte").decode()
BODY = b'{"test": 2432232314}'
MOMENT = 1_614_265_330
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(MOMENT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_example_of_the_specification() -> None:
    assert verify(HEADERS, BODY, SECRET, now=MOMENT) == {"test": 2432232314}  # type: ignore[comparison-overlap]


def test_names_of_headers_in_any_case_and_secrets_with_or_without_prefix() -> None:
    titled = {name.title(): text for name, text in HEADERS.items()}
    assert verify(titled, BODY, SECRET.removeprefix("whsec_"), now=MOMENT)


def test_while_a_secret_is_rotated_either_fits() -> None:
    signed = f"v1a,zzz {sign(HEADERS['webhook-id'], MOMENT, BODY, OTHER)} {HEADERS['webhook-signature']}"
    rotating = HEADERS | {"webhook-signature": signed}
    for secret in (SECRET, OTHER, [OTHER, SECRET], ["whsec_" + base64.b64encode(b"x" * 24).decode(), SECRET]):
        assert verify(rotating, BODY, secret, now=MOMENT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"webhook-id": "msg_x"}, "no signature fits"),
        ({"webhook-timestamp": str(MOMENT + 1)}, "no signature fits"),
        ({"webhook-timestamp": "1e9"}, "not a number"),
        ({"webhook-timestamp": "-1"}, "not a number"),
        ({"webhook-timestamp": "9" * 400}, "not a number"),
        ({"webhook-timestamp": str(MOMENT - 301)}, "301 s ago"),
        ({"webhook-timestamp": str(MOMENT + 301)}, "301 s in the future"),
        ({"webhook-signature": ""}, "are needed"),
        ({"webhook-signature": "v1,"}, "no signature fits"),
        ({"webhook-signature": "v1,\N{SNOWMAN}"}, "no signature fits"),
        ({"webhook-signature": HEADERS["webhook-signature"].replace("v1,", "v1a,")}, "no signature fits"),
        ({"webhook-id": ""}, "are needed"),
    ],
)
def test_what_is_changed_is_refused(change: dict[str, str], said: str) -> None:
    with pytest.raises(SignatureInvalid, match=re.escape(said)):
        verify(HEADERS | change, BODY, SECRET, now=MOMENT)


def test_what_is_missing_is_refused() -> None:
    for name in HEADERS:
        with pytest.raises(SignatureInvalid):
            verify({k: v for k, v in HEADERS.items() if k != name}, BODY, SECRET, now=MOMENT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", [], ["whsec_"]])
def test_secrets_that_are_none_are_the_programs_fault(secret: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify(HEADERS, BODY, secret, now=MOMENT)


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=64), st.dictionaries(st.text(), st.integers()), st.data())
def test_a_signature_fits_its_own_bytes_only(key: bytes, event: dict[str, int], data: st.DataObject) -> None:
    secret, body = base64.b64encode(key).decode(), json.dumps(event).encode()
    headers = {
        "webhook-id": "a.b",
        "webhook-timestamp": "5",
        "webhook-signature": sign("a.b", 5, body, secret),
    }
    assert verify(headers, body, secret, now=5.5) == event  # type: ignore[comparison-overlap]
    at = data.draw(st.integers(0, len(body) - 1))
    bent = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    with pytest.raises(SignatureInvalid):
        verify(headers, bent, secret, now=5.5)

"""The URL of a bucket says everything, or says what is wrong with it."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settings import SettingsInvalid
from services.stores.s3_url import S3Location, parse_s3_url

AWS = {"AWS_ACCESS_KEY_ID": "envkey", "AWS_SECRET_ACCESS_KEY": "envsecret"}


def parse(text: str, environment: dict[str, str] | None = None) -> S3Location:
    return parse_s3_url(text, environment or {}, "QUIRE_BLOBS_URL")


def test_everything_in_the_url() -> None:
    found = parse(
        "s3://KEY:s%2Fe%2Bc@files:9000/bucket/a/b/?region=eu-1&secure=false&timeout=5&public=https://x.example:1"
    )
    assert found == S3Location(
        host="files:9000", secure=False, bucket="bucket", prefix="a/b/", region="eu-1", access_key="KEY",
        secret_key="s/e+c", public="https://x.example:1", timeout_s=5,
    )  # fmt: skip
    assert "s/e+c" not in repr(found)


def test_credentials_and_region_of_the_environment() -> None:
    found = parse("s3://host/bucket", {**AWS, "AWS_SESSION_TOKEN": "token", "AWS_REGION": "eu-central-1"})
    assert (found.access_key, found.secret_key, found.session_token) == ("envkey", "envsecret", "token")
    assert (found.region, found.secure, found.prefix) == ("eu-central-1", True, "")
    given_in_url = parse("s3://k:s@host/bucket", {**AWS, "AWS_SESSION_TOKEN": "token"})
    assert (given_in_url.access_key, given_in_url.session_token) == ("k", None)


def test_amazon_tells_its_region_itself() -> None:
    assert parse("s3://s3.eu-west-1.amazonaws.com/bucket", AWS).region is None
    assert parse("s3://files.example.com/bucket", AWS).region == "us-east-1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://k:hush@host/bucket", "not an s3"),
        ("s3://k:hush@host", "no bucket"),
        ("s3://k:hush@host/", "no bucket"),
        ("s3:///bucket", "no host"),
        ("s3://k:hush@host/Bucket", "not a bucket name"),
        ("s3://k:hush@host/bu", "not a bucket name"),
        ("s3://k:hush@host/bucket/../other", "segment"),
        ("s3://k:hush@host/bucket/%2e%2e/other", "segment"),
        ("s3://k:hush@host/bucket/a//b", "segment"),
        ("s3://k:hu/sh@host/bucket", "%2F"),
        ("s3://k:1/hush@host/bucket", "%2F"),
        ("s3://k:hu@sh@host/bucket", "%40"),
        ("s3://k:hu#sh@host/bucket", ""),
        ("s3://host/bucket", "no credentials"),
        ("s3://k@host/bucket", "without a secret"),
        ("s3://:hush@host/bucket", "without a secret"),
        ("s3://k:hush@host:x/bucket", "malformed"),
        ("s3://k:hush@host:0/bucket", "no host"),
        ("s3://k:hush@host/bucket?secur=false", "did you mean secure?"),
        ("s3://k:hush@host/bucket?secure=no", "secure is true"),
        ("s3://k:hush@host/bucket?region=a&region=b", "twice"),
        ("s3://k:hush@host/bucket?timeout=0", "timeout"),
        ("s3://k:hush@host/bucket?timeout=nan", "timeout"),
        ("s3://k:hush@host/bucket?public=files", "public"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as told:
        parse(text)
    assert told.value.detail.startswith("QUIRE_BLOBS_URL: ")
    assert said in told.value.detail
    assert "hu" not in told.value.detail
    assert "sh@" not in told.value.detail


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_escaped_credentials_come_through(key: str, secret: str) -> None:
    found = parse(f"s3://{quote(key, safe='')}:{quote(secret, safe='')}@host/bucket")
    assert (found.access_key, found.secret_key) == (key, secret)
    assert parse(f"s3://{quote(key, safe='')}:{quote(secret, safe='')}@host/bucket") == found


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for whole in (text, f"s3://{text}", f"s3://k:s@host/{text}"):
        try:
            parse(whole, AWS)
        except SettingsInvalid as told:
            assert told.detail  # noqa: PT017  # either outcome is right

"""Buckets as sources, on a real server: who may read what, and how much of it is in memory."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from pipeline.sniff import sniff
from schemas.errors import BadInput
from schemas.ids import DEFAULT_TENANT, TenantId
from services.buckets import Buckets, SourceObject, parse_allowed
from services.guard import SourceFailed, SourceRefused
from services.settings import SettingsInvalid
from services.uploads import PayloadTooLarge, Receiver
from tests.servers.proxy import Proxy
from tests.servers.s3 import Bucket

ACME, OTHER = TenantId("acme"), TenantId("other")
PDF = b"%PDF-1.7\n" + b"x" * 100_000


@pytest.fixture(scope="module")
def inbox(bucket: Bucket) -> Bucket:
    """A customer's bucket with a few files."""
    made = bucket.beside()
    names = ["in/a.pdf", "in/Rechnung März (1)+%2F#?.pdf", "in/2026/b.pdf", "inside/secret.pdf", "secret.pdf"]
    for name in names:
        made.put(name, PDF)
    return made


@pytest.fixture
def buckets(inbox: Bucket) -> Buckets:
    return Buckets(parse_allowed([f"acme={inbox.url('in')}"], {}, None))


def fetch(buckets: Buckets, tenant: TenantId, url: str, folder: Path, limit: int = 10**6) -> bytes:
    with Receiver(folder, limit, sniff) as receiver:
        buckets.fetch(tenant, url, receiver, 30)
        staged = receiver.finish()
    content = staged.path.read_bytes()
    staged.discard()
    return content


@pytest.mark.parametrize("name", ["in/a.pdf", "in/Rechnung März (1)+%2F#?.pdf", "in/2026/b.pdf"])
def test_an_allowed_object_is_read_under_its_very_name(
    buckets: Buckets, inbox: Bucket, tmp_path: Path, name: str
) -> None:
    assert fetch(buckets, ACME, f"s3://{inbox.location.bucket}/{name}", tmp_path) == PDF


@pytest.mark.parametrize(
    "address",
    [
        "s3://BUCKET/secret.pdf",
        "s3://BUCKET/inside/secret.pdf",
        "s3://BUCKET/in",
        "s3://BUCKET/in/",
        "s3://BUCKET/in/../secret.pdf",
        "s3://BUCKET/in/./a.pdf",
        "s3://BUCKET/in/a\x00.pdf",
        "s3://BUCKET/in/a\r\nHost: x",
        "s3://BUCKET/in/" + "x" * 1025,
        "s3://BUCKET",
        "s3://BUCKET/",
        "s3://nobody/in/a.pdf",
        "s3://key:secret@BUCKET/in/a.pdf",
        "http://BUCKET/in/a.pdf",
        "BUCKET/in/a.pdf",
        "",
    ],
)
def test_everything_else_is_refused(buckets: Buckets, inbox: Bucket, tmp_path: Path, address: str) -> None:
    with pytest.raises(SourceRefused):
        fetch(buckets, ACME, address.replace("BUCKET", inbox.location.bucket), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tenants_read_their_own_buckets_only(inbox: Bucket, tmp_path: Path) -> None:
    url = f"s3://{inbox.location.bucket}/in/a.pdf"
    for allowed, readers in {
        "acme=": {ACME},
        "": {DEFAULT_TENANT},
        "*=": {ACME, OTHER, DEFAULT_TENANT},
    }.items():
        buckets = Buckets(parse_allowed([allowed + inbox.url("in")], {}, None))
        for tenant in (ACME, OTHER, DEFAULT_TENANT):
            if tenant in readers:
                assert fetch(buckets, tenant, url, tmp_path) == PDF
            else:
                with pytest.raises(SourceRefused):
                    fetch(buckets, tenant, url, tmp_path)
                with pytest.raises(SourceRefused):
                    next(buckets.objects(tenant, f"s3://{inbox.location.bucket}/in/"))


def test_quires_own_bucket_can_not_be_a_source(inbox: Bucket) -> None:
    with pytest.raises(SettingsInvalid, match="item 2"):
        parse_allowed([inbox.url().replace(inbox.location.bucket, "else"), inbox.url()], {}, inbox.location)


@pytest.mark.parametrize(
    "item", ["https://x", "acme:s3://k:hush@h/bucket", "a b=s3://k:hush@h/bucket", "=s3://"]
)
def test_a_malformed_item_is_named(item: str) -> None:
    with pytest.raises(SettingsInvalid, match="QUIRE_SOURCE_BUCKETS, item 1") as told:
        parse_allowed([item], {}, None)
    assert "hush" not in told.value.detail


def test_what_is_too_large_stops(buckets: Buckets, inbox: Bucket, tmp_path: Path) -> None:
    with pytest.raises(PayloadTooLarge):
        fetch(buckets, ACME, f"s3://{inbox.location.bucket}/in/a.pdf", tmp_path, limit=1000)
    assert list(tmp_path.iterdir()) == []


def test_failures_of_the_other_side_are_said(inbox: Bucket, tmp_path: Path) -> None:
    host, port = inbox.location.host.split(":")
    url = f"s3://{inbox.location.bucket}/in/a.pdf"
    with Proxy(int(port), host) as proxy:
        far = Buckets(parse_allowed([inbox.url("in", host=proxy.address, timeout="1")], {}, None))
        with pytest.raises(SourceFailed, match="no such object") as missing:
            fetch(far, DEFAULT_TENANT, f"{url}.none", tmp_path)
        assert not missing.value.retryable
        proxy.cut()
        with pytest.raises(SourceFailed, match="bucket could not be reached") as away:
            fetch(far, DEFAULT_TENANT, url, tmp_path)
        assert away.value.retryable
        with pytest.raises(SourceFailed):
            next(far.objects(DEFAULT_TENANT, f"s3://{inbox.location.bucket}/in/"))
        proxy.restore()
        assert fetch(far, DEFAULT_TENANT, url, tmp_path) == PDF
    wrong = Bucket(replace(inbox.location, secret_key="hush/secret"))
    refused = Buckets(parse_allowed([wrong.url("in")], {}, None))
    with pytest.raises(SourceFailed) as told:
        fetch(refused, DEFAULT_TENANT, url, tmp_path)
    assert "hush" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def names(found: Iterator[SourceObject]) -> list[str]:
    return [item.url.split("/", 3)[3] for item in found]


def test_what_lies_below_a_prefix(buckets: Buckets, inbox: Bucket) -> None:
    root = f"s3://{inbox.location.bucket}"
    found = list(buckets.objects(ACME, f"{root}/in/"))
    assert {item.size for item in found} == {len(PDF)}
    assert names(iter(found)) == ["in/2026/b.pdf", "in/Rechnung März (1)+%2F#?.pdf", "in/a.pdf"]
    assert names(buckets.objects(ACME, f"{root}/in/2026/")) == ["in/2026/b.pdf"]
    assert names(buckets.objects(ACME, f"{root}/in/", after=found[0].url)) == names(iter(found[1:]))
    assert names(buckets.objects(ACME, f"{root}/in/none")) == []
    for address in (f"{root}/", f"{root}/in", f"{root}/inside/", f"{root}/in/../", "s3://nobody/in/"):
        with pytest.raises(BadInput):
            next(buckets.objects(ACME, address))


def test_a_long_listing_comes_in_pages(inbox: Bucket, buckets: Buckets) -> None:
    """More than one answer of a server holds (1,000)."""
    folder = f"in/many-{uuid4().hex}"
    for number in range(1100):
        inbox.put(f"{folder}/{number:05}", b"")
    address = f"s3://{inbox.location.bucket}/{folder}/"
    found = names(buckets.objects(ACME, address))
    assert found == [f"{folder}/{number:05}" for number in range(1100)]
    first = list(itertools.islice(buckets.objects(ACME, address), 600))
    assert names(buckets.objects(ACME, address, after=first[-1].url)) == found[600:]

"""What a bucket adds to the contract of blobs: a network that fails, a cache, files sent in parts."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from pipeline.ports import BlobKey, Blobs
from schemas.errors import NotFound, StoreUnavailable
from schemas.ids import DEFAULT_TENANT, Digest
from services.settings import Settings
from services.stores import s3_bucket
from services.stores.blobs_s3 import PART_BYTES
from services.stores.choose import blobs_of
from services.stores.s3_url import parse_s3_url
from tests.servers.proxy import Proxy
from tests.servers.s3 import KEY, SECRET, Bucket, RcloneServer

PREFIX = "test/s3"
LARGE = 3 * PART_BYTES - 7


class Put:
    """Bytes in a file, and the key they belong under."""

    def __init__(self, folder: Path, size: int) -> None:
        self.path = folder / f"source-{size}"
        self.content = os.urandom(size)
        self.path.write_bytes(self.content)
        self.key = BlobKey(DEFAULT_TENANT, Digest(hashlib.sha256(self.content).hexdigest()), 1)


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[Proxy]:
    host, port = bucket.location.host.split(":")
    with Proxy(int(port), host) as proxy:
        yield proxy


@pytest.fixture
def url(bucket: Bucket, proxy: Proxy) -> str:
    return bucket.url(PREFIX, host=proxy.address)


def store(url: str, folder: Path) -> Blobs:
    return blobs_of(Settings.model_validate({"data_dir": folder, "blobs_url": url}), {})


@pytest.fixture
def far(url: str, tmp_path: Path) -> Iterator[Blobs]:
    """Blobs behind the proxy."""
    made = store(url, tmp_path / "far")
    yield made
    made.close()


def stored_at(bucket: Bucket, key: BlobKey) -> str:
    (name,) = [name for name in bucket.keys(PREFIX) if key.digest in name]
    return name


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, LARGE])
def test_files_of_any_size(far: Blobs, tmp_path: Path, size: int) -> None:
    put = Put(tmp_path, size)
    far.put(put.key, put.path)
    far.put(put.key, put.path)
    with far.open(put.key) as file:
        assert file.read() == put.content
    with far.local(put.key) as path:
        assert path.read_bytes() == put.content
    far.delete(put.key)
    assert far.size(put.key) is None


@pytest.mark.parametrize("size", [0, 10, LARGE])
def test_a_file_that_is_not_its_digest_never_becomes_visible(
    far: Blobs, bucket: Bucket, tmp_path: Path, size: int
) -> None:
    put = Put(tmp_path, size)
    key = put.key._replace(digest=Digest(hashlib.sha256(b"another").hexdigest()))
    with pytest.raises(StoreUnavailable, match="digest_mismatch"):
        far.put(key, put.path)
    assert far.size(key) is None
    assert [name for name in bucket.keys(PREFIX) if key.digest in name] == []


@pytest.mark.parametrize("how", [Proxy.cut, Proxy.freeze])
def test_an_outage_is_said_soon_and_ends(
    far: Blobs, url: str, proxy: Proxy, tmp_path: Path, how: Callable[[Proxy], None]
) -> None:
    put, other, unwanted = (Put(tmp_path, size) for size in (1000, 1001, 1002))
    far.put(put.key, put.path)
    hasty = store(f"{url}&timeout=1", tmp_path / "hasty")
    assert hasty.size(put.key) == 1000
    calls: list[Callable[[], object]] = [
        lambda: hasty.put(other.key, other.path),
        lambda: hasty.open(put.key),
        lambda: hasty.local(put.key).__enter__(),
        lambda: hasty.size(put.key),
        lambda: hasty.delete(unwanted.key),
        hasty.sweep,
    ]
    how(proxy)
    for call in calls:
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="could not be reached") as told:
            call()
        assert told.value.retryable
        assert time.monotonic() - started < 30
    proxy.restore()
    for each in (put, other):
        hasty.put(each.key, each.path)
        with hasty.open(each.key) as file:
            assert file.read() == each.content
    hasty.close()


@pytest.mark.parametrize("size", [PART_BYTES, LARGE])
def test_a_connection_that_breaks_in_an_upload_costs_nothing(
    far: Blobs, proxy: Proxy, tmp_path: Path, size: int
) -> None:
    put = Put(tmp_path, size)
    proxy.break_after(size // 2)
    far.put(put.key, put.path)
    with far.local(put.key) as path:
        assert path.read_bytes() == put.content


@pytest.mark.parametrize("size", [PART_BYTES, LARGE])
def test_a_process_killed_in_an_upload_leaves_nothing_to_be_seen(
    far: Blobs, url: str, proxy: Proxy, tmp_path: Path, size: int
) -> None:
    put = Put(tmp_path, size)
    proxy.slow(0.01)
    program = (
        "import sys; from pathlib import Path; from tests.contract import test_blobs_s3 as t;"
        "from pipeline.ports import BlobKey;"
        "t.store(sys.argv[1], Path(sys.argv[2])).put(BlobKey('default', sys.argv[3], 1), Path(sys.argv[4]))"
    )
    command = [sys.executable, "-c", program, url, str(tmp_path / "doomed"), put.key.digest, str(put.path)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    while proxy.requested < size * 0.6:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    proxy.restore()
    assert far.size(put.key) is None
    far.put(put.key, put.path)
    with far.open(put.key) as file:
        assert file.read() == put.content


def test_bytes_cut_off_on_the_way_back_are_never_taken_for_all(
    far: Blobs, proxy: Proxy, tmp_path: Path
) -> None:
    put = Put(tmp_path, LARGE)
    far.put(put.key, put.path)
    file = far.open(put.key)
    file.read(1000)
    proxy.cut()
    with pytest.raises(StoreUnavailable, match="could not be reached"):
        file.read()
    file.close()
    proxy.restore()
    with far.local(put.key) as path:
        assert path.read_bytes() == put.content


@pytest.mark.parametrize(
    "read", [lambda file: file.read(), lambda file: list(iter(lambda: file.read(7), b""))]
)
def test_bytes_that_somebody_changed_are_not_taken_for_the_document(
    far: Blobs, bucket: Bucket, tmp_path: Path, read: Callable[[io.BufferedReader], object]
) -> None:
    put = Put(tmp_path, 1000)
    far.put(put.key, put.path)
    bucket.put(stored_at(bucket, put.key), b"x" * 1000)
    with far.open(put.key) as file, pytest.raises(StoreUnavailable, match="blob_damaged"):
        read(file)  # type: ignore[arg-type]  # it reads like one
    with pytest.raises(StoreUnavailable, match="blob_damaged"), far.local(put.key):
        pass


def test_what_has_a_local_copy_needs_no_server(far: Blobs, proxy: Proxy, tmp_path: Path) -> None:
    put = Put(tmp_path, 100_000)
    far.put(put.key, put.path)
    with far.local(put.key) as first:
        proxy.cut()
        with far.local(put.key) as second:
            assert first == second
    with far.local(put.key) as path:
        assert path.read_bytes() == put.content
    proxy.restore()
    far.delete(put.key)
    assert not path.exists()
    with pytest.raises(NotFound), far.local(put.key):
        pass


def test_a_missing_bucket_is_not_a_missing_document(bucket: Bucket, tmp_path: Path) -> None:
    put = Put(tmp_path, 10)
    nowhere = Bucket(replace(bucket.location, bucket=f"quire-no-{uuid4().hex[:8]}"))
    gone = store(nowhere.url(PREFIX), tmp_path / "gone")
    for call in (lambda: gone.open(put.key), lambda: gone.put(put.key, put.path)):
        with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
            call()
    gone.close()


def test_wrong_credentials_are_said_without_showing_them(bucket: Bucket, tmp_path: Path) -> None:
    put = Put(tmp_path, 10)
    wrong = Bucket(replace(bucket.location, secret_key="wrong/secret"))
    refused = store(wrong.url(PREFIX), tmp_path / "refused")
    calls: list[Callable[[], object]] = [
        lambda: refused.put(put.key, put.path),
        lambda: refused.open(put.key),
        lambda: refused.size(put.key),
        lambda: refused.delete(put.key),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable) as told:
            call()
        assert "wrong" not in f"{told.value} {told.value.__cause__}"
    refused.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of the server's own making, for this machine."""
    files = tmp_path / "certificate", tmp_path / "key"
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost",
            "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(files[0]), "-keyout", str(files[1]),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return files


def test_https_trusts_whom_it_is_told_to(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RcloneServer(certificate)
    try:
        server.start()
        put = Put(tmp_path, PART_BYTES + 1)
        url = f"s3://{KEY}:{quote(SECRET, safe='')}@127.0.0.1:{server.port}/bucket"
        for address in (url, f"{url}?secure=false"):
            strange = store(address, tmp_path / "strange")
            with pytest.raises(StoreUnavailable) as told:
                strange.put(put.key, put.path)
            strange.close()
            if address == url:
                assert "certificate is not trusted" in told.value.detail
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        s3_bucket.make(parse_s3_url(url, {}, "url"))
        trusting = store(url, tmp_path / "trusting")
        trusting.put(put.key, put.path)
        with trusting.open(put.key) as file:
            assert file.read() == put.content
        trusting.close()
    finally:
        server.close()


def test_uploads_in_parts_that_go_on_are_left_alone(far: Blobs, bucket: Bucket, tmp_path: Path) -> None:
    put = Put(tmp_path, LARGE)
    client, name = bucket.client, f"{PREFIX}/blobs/default/{put.key.digest}"
    upload = client._create_multipart_upload(bucket.location.bucket, name, {})
    part = client._upload_part(bucket.location.bucket, name, put.content[: 5 << 20], None, upload, 1)
    far.sweep()
    again = client._upload_part(bucket.location.bucket, name, put.content[: 5 << 20], None, upload, 1)
    assert again == part
    client._abort_multipart_upload(bucket.location.bucket, name, upload)


def test_a_bucket_is_made_when_asked_for_and_tried_out(bucket: Bucket) -> None:
    new = replace(bucket.location, bucket=f"quire-new-{uuid4().hex[:8]}")
    with pytest.raises(StoreUnavailable, match="bucket_missing"):
        s3_bucket.probe(new)
    assert s3_bucket.make(new)
    assert not s3_bucket.make(new)
    s3_bucket.probe(new)
    assert Bucket(new).keys() == []
    with pytest.raises(StoreUnavailable, match="refused"):
        s3_bucket.probe(replace(new, secret_key="wrong"))
    with pytest.raises(StoreUnavailable, match="could not be reached"):
        s3_bucket.probe(replace(new, host="127.0.0.1:1"))

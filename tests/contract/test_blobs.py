"""Durable bytes, whatever holds them."""

import hashlib
from pathlib import Path

import pytest

from pipeline.ports import BlobKey, Blobs
from schemas.errors import NotFound, StoreUnavailable
from schemas.ids import DEFAULT_TENANT, Digest, TenantId


def _file(folder: Path, content: bytes) -> tuple[Path, Digest]:
    path = folder / "source"
    path.write_bytes(content)
    return path, Digest(hashlib.sha256(content).hexdigest())


def test_bytes_come_back_as_they_were(blobs: Blobs, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path, digest = _file(tmp_path, content)
    key = BlobKey(DEFAULT_TENANT, digest, 1)
    assert blobs.size(key) is None
    blobs.put(key, path)
    path.unlink()
    with blobs.open(key) as file:
        assert file.read() == content
    with blobs.local(key) as local:
        assert local.read_bytes() == content
    assert blobs.size(key) == len(content)


def test_storing_the_same_key_again_changes_nothing(blobs: Blobs, tmp_path: Path) -> None:
    path, digest = _file(tmp_path, b"once")
    key = BlobKey(DEFAULT_TENANT, digest, 1)
    blobs.put(key, path)
    blobs.put(key, path)
    with blobs.open(key) as file:
        assert file.read() == b"once"


def test_bytes_that_are_not_what_their_name_says_are_refused(blobs: Blobs, tmp_path: Path) -> None:
    path, _ = _file(tmp_path, b"other")
    key = BlobKey(DEFAULT_TENANT, Digest(hashlib.sha256(b"one").hexdigest()), 1)
    with pytest.raises(StoreUnavailable, match="digest_mismatch"):
        blobs.put(key, path)
    assert blobs.size(key) is None


def test_what_is_not_there_is_not_found(blobs: Blobs) -> None:
    key = BlobKey(DEFAULT_TENANT, Digest("0" * 64), 1)
    with pytest.raises(NotFound):
        blobs.open(key)
    with pytest.raises(NotFound), blobs.local(key):
        pass
    blobs.delete(key)


def test_tenants_and_generations_do_not_share(blobs: Blobs, tmp_path: Path) -> None:
    path, digest = _file(tmp_path, b"mine")
    keys = [
        BlobKey(DEFAULT_TENANT, digest, 1),
        BlobKey(DEFAULT_TENANT, digest, 2),
        BlobKey(TenantId("other"), digest, 1),
    ]
    for key in keys:
        blobs.put(key, path)
    blobs.delete(keys[0])
    assert [blobs.size(key) for key in keys] == [None, 4, 4]


@pytest.mark.parametrize("name", ["../../up", "a/b", ".", "..", "incoming", "ä", "A" * 60])
def test_a_tenants_name_stays_a_name(blobs: Blobs, tmp_path: Path, name: str) -> None:
    path, digest = _file(tmp_path, b"kept")
    before = {entry for entry in tmp_path.rglob("*") if "blobs" not in entry.parts}
    key = BlobKey(TenantId(name), digest, 1)
    blobs.put(key, path)
    assert blobs.size(key) == 4
    assert {entry for entry in tmp_path.rglob("*") if "blobs" not in entry.parts} == before

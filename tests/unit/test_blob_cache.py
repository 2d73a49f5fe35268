"""Local copies: one fetch for all readers, an end for everything."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import StoreUnavailable
from services.stores.blob_cache import FileCache


class Origin:
    """Where copies come from; counts how often."""

    def __init__(self, size: int = 10) -> None:
        self.fetched = 0
        self.size = size
        self.broken = False
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, path: Path) -> None:
        self.gate.wait(10)
        path.write_bytes(b"x" * (self.size // 2 if self.broken else self.size))
        if self.broken:
            raise StoreUnavailable
        self.fetched += 1


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FileCache]:
    made = FileCache(tmp_path, 100)
    yield made
    made.close()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_many_readers_share_one_fetch(cache: FileCache) -> None:
    origin = Origin()
    origin.gate.clear()
    seen: list[bytes] = []

    def read() -> None:
        with cache.held("a", origin) as path:
            seen.append(path.read_bytes())

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    origin.gate.set()
    for thread in threads:
        thread.join()
    assert seen == [b"x" * 10] * 16
    assert origin.fetched == 1


def test_a_slow_file_holds_up_no_other(cache: FileCache) -> None:
    slow, fast = Origin(), Origin()
    slow.gate.clear()
    thread = threading.Thread(target=lambda: cache.held("slow", slow).__enter__())
    thread.start()
    with cache.held("fast", fast) as path:
        assert path.exists()
    assert slow.fetched == 0
    slow.gate.set()
    thread.join()


def test_a_fetch_that_fails_leaves_nothing_and_is_tried_again(cache: FileCache, tmp_path: Path) -> None:
    origin = Origin()
    origin.broken = True
    with pytest.raises(StoreUnavailable), cache.held("a", origin):
        pass
    assert files(tmp_path) == []
    origin.broken = False
    with cache.held("a", origin) as path:
        assert path.read_bytes() == b"x" * 10


def test_what_was_used_longest_ago_goes_first(cache: FileCache, tmp_path: Path) -> None:
    origins = {name: Origin(40) for name in "abc"}
    for name in "abab":
        with cache.held(name, origins[name]):
            pass
    with cache.held("a", origins["a"]), cache.held("c", origins["c"]):
        assert sum(path.stat().st_size for path in files(tmp_path)) == 80
    with cache.held("b", origins["b"]):
        pass
    assert {name: origin.fetched for name, origin in origins.items()} == {"a": 1, "b": 2, "c": 1}


def test_what_is_being_read_is_never_removed(cache: FileCache) -> None:
    large = Origin(500)
    with cache.held("a", large) as a, cache.held("b", Origin(500)) as b:
        cache.drop("a")
        assert len(a.read_bytes()) == len(b.read_bytes()) == 500
    assert not a.exists()
    assert not b.exists()
    with cache.held("a", large):
        assert large.fetched == 2


def test_a_copy_that_vanished_is_fetched_again(cache: FileCache) -> None:
    origin = Origin()
    with cache.held("a", origin) as path:
        pass
    path.unlink()
    with cache.held("a", origin) as path:
        assert path.exists()


def test_idle_copies_end_by_themselves(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 100, idle_s=0.05)
    with cache.held("a", Origin()) as path:
        time.sleep(0.2)
        assert path.exists()
    while path.exists():
        time.sleep(0.01)
    cache.close()


def test_only_folders_of_the_dead_are_removed(tmp_path: Path) -> None:
    living = FileCache(tmp_path, 100)
    dead = tmp_path / "process-dead"
    dead.mkdir()
    (dead / "copy").write_bytes(b"x")
    with living.held("a", Origin()) as path:
        FileCache(tmp_path, 100).close()
        assert path.exists()
    assert not dead.exists()
    living.close()
    assert list(tmp_path.iterdir()) == []

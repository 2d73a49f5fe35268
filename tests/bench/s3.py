"""Page images per second into a bucket and out of it: python -m tests.bench.s3 [rclone|rgw]."""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.ports import BlobKey, Blobs
from schemas.ids import DEFAULT_TENANT, Digest
from services.settings import Settings
from services.stores.choose import blobs_of
from tests.servers.rgw import RgwServer
from tests.servers.s3 import RcloneServer, bucket_on

BYTES = 100_000
COUNT = 2000
LARGE = 200_000_000


def file_of(folder: Path, size: int) -> tuple[BlobKey, Path]:
    content = os.urandom(size)
    path = folder / hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    return BlobKey(DEFAULT_TENANT, Digest(path.name), 1), path


def timed(name: str, threads: int, work: Callable[[int], object], count: int) -> None:
    def one(number: int) -> float:
        started = time.perf_counter()
        work(number)
        return time.perf_counter() - started

    cpu, started = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        each = sorted(pool.map(one, range(count)))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(f"{name}_per_s {count / wall:.0f}")
    print(f"{name}_p50_ms {each[len(each) // 2] * 1000:.1f}")
    print(f"{name}_p95_ms {each[int(len(each) * 0.95)] * 1000:.1f}")
    print(f"{name}_cpu_ms {cpu * 1000 / count:.2f}")


def measure(blobs: Blobs, folder: Path, name: str) -> None:
    files = [file_of(folder, BYTES) for _ in range(COUNT)]

    def read(number: int) -> None:
        with blobs.open(files[number][0]) as file:
            assert len(file.read()) == BYTES

    blobs.put(*file_of(folder, BYTES))  # what a server makes at its first object is not counted
    for threads, count in ((1, 300), (64, COUNT)):
        which = files[:count]
        timed(f"s3.{name}.put_{threads}", threads, lambda number, f=which: blobs.put(*f[number]), count)  # type: ignore[misc]  # mypy takes a default for an argument
        timed(f"s3.{name}.get_{threads}", threads, read, count)
        for key, _ in which:
            blobs.delete(key)
    key, path = file_of(folder, LARGE)
    for step, work in large_steps(blobs, key, path):
        started = time.perf_counter()
        work()
        print(f"s3.{name}.large_{step}_s {time.perf_counter() - started:.3f}")


def large_steps(blobs: Blobs, key: BlobKey, path: Path) -> Sequence[tuple[str, Callable[[], object]]]:
    def fetch() -> None:
        with blobs.local(key):
            pass

    return (("put", lambda: blobs.put(key, path)), ("local", fetch), ("local_again", fetch))


def main(kind: str) -> None:
    server = RgwServer() if kind == "rgw" else RcloneServer()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            url = bucket_on(server.port).url("bench")
            blobs = blobs_of(Settings.model_validate({"data_dir": Path(folder) / "data", "blobs_url": url}))
            measure(blobs, Path(folder), kind)
            blobs.close()
    finally:
        server.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "rclone")

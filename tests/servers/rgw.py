"""A throw-away Ceph RADOS gateway: a complete S3 server from Debian's packages, without systemd.

`python -m tests.servers.rgw COMMAND...` runs a command with QUIRE_TEST_S3_URL naming a bucket on one.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

from minio.error import MinioException
from urllib3.exceptions import HTTPError

from tests.servers.s3 import KEY, SECRET, answers, bucket_on
from tests.servers.server import Server, free_port

_PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
_START_S = 90.0

# cephx stays on: with `auth none` the gateway never gets through its handshake.
_CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
mon initial members = a
public addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon pg warn min per osd = 0
mon max pg per osd = 1000
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/logs/$name.log
[mon.a]
mon data = {folder}/mon
mon data avail crit = 1
mon cluster log file = {folder}/logs/cluster.log
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 939524096
osd class load list = *
osd class default list = *
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{rgw_port} tcp_nodelay=1
rgw data = {folder}/rgw
rgw enable usage log = false
rgw run sync thread = false
"""


def rgw_missing() -> list[str]:
    """Programs that are not installed (Debian: radosgw ceph-mon ceph-osd ceph-common)."""
    return [name for name in _PROGRAMS if shutil.which(name) is None]


class RgwServer(Server):
    """The gateway can be killed and started again; monitor and store, which keep it all in memory, go on."""

    name = "rgw"

    def __init__(self) -> None:
        if missing := rgw_missing():
            raise RuntimeError(f"no Ceph gateway: {', '.join(missing)} not installed")
        super().__init__()
        self._config = self.folder / "ceph.conf"
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        first = not self._daemons
        if first:
            self._start_cluster()
        super().start()
        if first:
            self._ceph(
                "radosgw-admin", "-n", "client.rgw.a", "user", "create", "--uid=quire",
                "--display-name=quire",
                f"--access-key={KEY}", f"--secret-key={SECRET}",
            )  # fmt: skip

    def close(self) -> None:
        super().stop()
        while self._daemons:
            daemon = self._daemons.pop()
            daemon.send_signal(signal.SIGKILL)  # a store without its monitor does not hear of SIGTERM
            daemon.wait()
        super().close()

    def _command(self) -> list[str]:
        return ["radosgw", "-f", "-n", "client.rgw.a", "-c", str(self._config)]

    def _ready(self) -> bool:
        return answers(self.port)

    def _start_cluster(self) -> None:
        folder, fsid, mon_port = self.folder, str(uuid4()), free_port()
        for name in ("mon", "osd", "run", "logs", "rgw"):
            (folder / name).mkdir()
        self._config.write_text(
            _CONFIG.format(folder=folder, fsid=fsid, mon_port=mon_port, rgw_port=self.port)
        )
        self._make_keys(folder / "keyring")
        monmap = str(folder / "monmap")
        self._run(
            "monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", monmap
        )
        self._ceph("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", str(folder / "keyring"))
        self._daemon("ceph-mon", "-f", "-i", "a")
        self._until_says("", "-s")
        osd = str(uuid4())
        self._ceph("ceph", "osd", "new", osd, "0")
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._daemon("ceph-osd", "-f", "-i", "0")
        self._until_says("1 up", "osd", "stat")

    def _make_keys(self, keyring: Path) -> None:
        self._run(
            "ceph-authtool",
            "--create-keyring",
            str(keyring),
            "--gen-key",
            "-n",
            "mon.",
            "--cap",
            "mon",
            "allow *",
        )
        caps = [part for name in ("mon", "osd", "mgr") for part in ("--cap", name, "allow *")]
        for name in ("client.admin", "client.rgw.a", "osd.0"):
            self._run("ceph-authtool", str(keyring), "--gen-key", "-n", name, *caps)

    def _daemon(self, *command: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(
                    [*command, "-c", str(self._config)],
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    start_new_session=True,
                )
            )

    def _ceph(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [program, "-c", str(self._config), *arguments],
            check=False, capture_output=True, text=True, cwd="/", timeout=_START_S,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} {arguments[:2]} failed:\n{done.stderr[-2000:]}")

    def _until_says(self, wanted: str, *question: str) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            asked = subprocess.run(
                ["ceph", "-c", str(self._config), "--connect-timeout", "5", *question],
                check=False, capture_output=True, text=True, cwd="/",
            )  # fmt: skip
            if asked.returncode == 0 and wanted in asked.stdout:
                return
            time.sleep(0.1)
        raise RuntimeError(f"ceph {' '.join(question)} never said {wanted!r}")


def main(command: list[str]) -> int:
    """The command's exit status, or 69 (EX_UNAVAILABLE) when there is no gateway to be had."""
    try:
        server = RgwServer()
        try:
            server.start()
            url = bucket_on(server.port).url()
        except BaseException:
            server.close()
            raise
    except (RuntimeError, OSError, subprocess.SubprocessError, MinioException, HTTPError) as error:
        print(error, file=sys.stderr)
        return os.EX_UNAVAILABLE
    try:
        return subprocess.run(command, check=False, env={**os.environ, "QUIRE_TEST_S3_URL": url}).returncode
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

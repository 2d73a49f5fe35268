"""A real vLLM as a process, started by `quire model serve` as an operator would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from tests.servers.server import free_port

READY_S = 900.0
_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


class VllmServer:
    """Float32, so that its tokens can be held against those of another program."""

    def __init__(
        self, checkpoint: Path | str, name: str, log: Path, *, context: int = 4096, seqs: int = 64
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._command = [
            str(Path(sys.executable).parent / "quire"), "model", "serve", str(checkpoint),
            "--vllm", os.environ["VLLM"], "--port", str(self.port), "--name", name, "--",
            "--dtype", "float32", "--enforce-eager",
            "--max-model-len", str(context), "--max-num-seqs", str(seqs),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QUIRE_")} | _CPU
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)
        self.wait()

    def wait(self) -> None:
        """Until it answers."""
        assert self._process is not None
        until = time.monotonic() + READY_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > until:
                tail = self._log.read_text(errors="replace")[-4000:]
                raise RuntimeError(f"vLLM did not become ready:\n{tail}")
            time.sleep(0.5)

    def _ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        return False

    def processes(self) -> list[psutil.Process]:
        """Of vLLM and its engine, without the supervisor above them."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def kill_vllm(self) -> None:
        """`kill -9` of vLLM and its engine; the supervisor lives, and starts it again."""
        for child in self.processes():
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(120)


@contextmanager
def vllm(checkpoint: Path | str, name: str, log: Path) -> Iterator[VllmServer]:
    server = VllmServer(checkpoint, name, log)
    server.start()
    try:
        yield server
    finally:
        server.stop()

"""Runs `vllm serve` and stands by it: waits for health, passes signals on, restarts within limits.

vLLM is a program with an environment of its own (its pins of FastAPI and torch are not ours), so this is a
parent process and nothing more. Everything it says goes to stderr.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

import httpx

from schemas.errors import Unsupported

_POLL_S = 0.2
_PROBE_S = 10.0
_PROBES_MISSED = 3
"""Missed health checks in a row, a few seconds apart, after which a server that runs counts as hung."""

_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Serving:
    """``flags``: those of a plan, ``more``: those of the caller, which come last and win."""

    model: str
    executable: str
    name: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    images: int = 8
    queued: int = 512
    drain_s: int = 30
    flags: Sequence[str] = ()
    more: Sequence[str] = ()

    def command(self) -> list[str]:
        command = [self.executable, "serve", self.model, "--host", self.host, "--port", str(self.port)]
        if self.name:
            command += ["--served-model-name", self.name]
        return [*command, *self._fixed(), *self.flags, *self.more]

    def _fixed(self) -> list[str]:
        """What a document service always wants; docs/engines.md says why, one by one."""
        return [
            "--limit-mm-per-prompt", json.dumps({"image": self.images, "video": 0}),
            "--structured-outputs-config",
            json.dumps({"backend": "guidance", "disable_any_whitespace": True}),
            "--generation-config", "vllm",
            "--no-enable-prefix-caching",
            "--mm-processor-cache-gb", "0",
            "--max-num-queued-reqs", str(self.queued),
            "--shutdown-timeout", str(self.drain_s),
            "--stream-interval", "4",
            "--allowed-media-domains", "[]",
            "--uvicorn-log-level", "warning",
        ]  # fmt: skip

    @property
    def health_url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104  # compared, not bound
        return f"http://{host}:{self.port}/health"


def executable(wanted: str | None) -> str:
    """The `vllm` program: as given, or found on PATH. Raises `Unsupported` with what to do."""
    found = shutil.which(wanted or "vllm")
    if found is None:
        where = f"there is no program {wanted}" if wanted else "no vllm is on PATH"
        raise Unsupported(
            "vllm_missing",
            f"{where}; install vLLM in an environment of its own (pip install vllm) and name its program "
            "with --vllm or QUIRE_VLLM",
        )
    return found


@dataclass(frozen=True, slots=True)
class Limits:
    """``restarts`` deaths within ``window_s`` are too many."""

    start_s: float = 1800.0
    restarts: int = 5
    window_s: float = 600.0


@dataclass(slots=True)
class Supervisor:
    """One server at a time, until it is told to stop or has died too often."""

    serving: Serving
    say: Callable[[str], None]
    limits: Limits = field(default_factory=Limits)
    stopping: bool = False
    _child: "subprocess.Popen[bytes] | None" = None
    _deaths: deque[float] = field(default_factory=deque)

    def run(self) -> int:
        """The exit code: 0 when it was told to stop, 1 when it gave up."""
        previous = {
            number: signal.signal(number, self._signalled) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            return self._keep_running()
        finally:
            self._end()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _keep_running(self) -> int:
        while not self.stopping:
            self._start()
            why = self._stand_by()
            code = self._end()
            if self.stopping:
                break
            self.say(f"vLLM {why} (exit code {code})")
            if not self._may_restart():
                self.say(f"vLLM died {len(self._deaths)} times within {self.limits.window_s:g} s: giving up")
                return 1
            pause = _BACKOFF_S[min(len(self._deaths) - 1, len(_BACKOFF_S) - 1)]
            self.say(f"vLLM is started again in {pause:g} s")
            self._sleep(pause)
        return 0

    def _start(self) -> None:
        command = self.serving.command()
        self.say(f"starting {' '.join(command)}")
        # A group of its own: its engine processes must not outlive it, and Ctrl-C must reach it once, by us.
        self._child = subprocess.Popen(command, stdout=sys.stderr, start_new_session=True)  # noqa: S603  # the operator's own

    def _stand_by(self) -> str:
        """Returns when the child has ended, or ought to."""
        assert self._child is not None
        begun, healthy, missed = time.monotonic(), False, 0
        while not self.stopping and self._child.poll() is None:
            well = self._healthy()
            if well and not healthy:
                healthy = True
                self.say(f"vLLM is ready after {time.monotonic() - begun:.0f} s")
            missed = 0 if well else missed + 1
            if healthy and missed >= _PROBES_MISSED:
                return "no longer answers"
            if not healthy and time.monotonic() - begun > self.limits.start_s:
                return f"was not ready after {self.limits.start_s:g} s"
            self._sleep(_PROBE_S if healthy and well else 1.0)
        return "died"

    def _healthy(self) -> bool:
        try:
            return httpx.get(self.serving.health_url, timeout=_PROBE_S).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _may_restart(self) -> bool:
        now = time.monotonic()
        self._deaths.append(now)
        while now - self._deaths[0] > self.limits.window_s:
            self._deaths.popleft()
        return len(self._deaths) <= self.limits.restarts

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < until:
            if self._child is not None and self._child.poll() is not None:
                return  # it died meanwhile
            time.sleep(_POLL_S)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _end(self) -> int | None:
        """Let the child drain, then end whatever is left of its group."""
        child, self._child = self._child, None
        if child is None:
            return None
        with suppress(ProcessLookupError):
            child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(self.serving.drain_s + 10 if self.stopping else 10)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        return child.wait()

"""One child process of the cage, seen from the parent: start, ask, measure, end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

import psutil

from schemas.errors import Unavailable
from workers.cage_wire import answer_of, receive, send

# Nothing else is inherited: no QUIRE_* setting, no credential of a cloud or a database.
_ENVIRONMENT = frozenset(
    {
        "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "XDG_CACHE_HOME", "TESSDATA_PREFIX", "SYSTEMROOT",
    }
)  # fmt: skip
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Child:
    """A started process and its socket. ``calls`` counts what it served, ``key`` is what it served last."""

    def __init__(self, memory_bytes: int, preload: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            handle = theirs.fileno()
            # The path of this process, so that steps are found here wherever they are found there.
            program = (
                f"import sys; sys.path[:] = {sys.path!r}; from workers.cage_child import main; "
                f"main({handle}, {os.getpid()}, {memory_bytes}, {tuple(preload)!r})"
            )
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and program
                [sys.executable, "-c", program],
                pass_fds=[handle],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if k in _ENVIRONMENT} | _ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for the parent, which ends its children when it is ready
            )
        self._channel = ours
        self._measured = psutil.Process(self._process.pid)
        self.calls = 0
        self.key: str | None = None
        self._ready = False

    def make_ready(self) -> None:
        """Wait until it has imported what it needs. Raises `Unavailable` when it cannot start."""
        if self._ready:
            return
        message = receive(self._channel)
        if message is None:
            raise Unavailable("cage_unavailable", "a child process did not start")
        ok, error = answer_of(message)
        if not ok:
            raise Unavailable("cage_unavailable", f"a child process did not start: {error.detail}")
        self._ready = True

    def send(self, message: bytes) -> bool:
        """False when it died while it was idle."""
        try:
            send(self._channel, message)
        except OSError:
            return False
        self.calls += 1
        return True

    def receive(self) -> bytearray | None:
        """The answer, or None when it died of the call."""
        return receive(self._channel)

    def resident_bytes(self) -> int:
        try:
            return int(self._measured.memory_info().rss)
        except psutil.Error:
            return 0

    def kill(self) -> None:
        """End it and whatever it started; whoever waits for its answer sees the socket close."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> None:
        """End it and release what it holds here."""
        self.kill()
        self._process.wait()
        self._channel.close()

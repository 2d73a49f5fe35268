"""The child side of the cage: reads calls from a socket, runs them one by one, answers; nothing else."""

import contextlib
import ctypes
import importlib
import os
import pickle
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import CageKilled, QuireError
from workers.cage_wire import receive, send

_PARENT_CHECK_S = 1.0
_PR_SET_PDEATHSIG = 1


class StepFailed(QuireError):
    """A step raised something that is not ours: a bug, told by its type and place, never by its message."""

    code = "internal"


def main(handle: int, parent: int, memory_bytes: int, preload: Sequence[str]) -> None:
    """Serve calls until the socket closes."""
    _die_with(parent)
    _limit(memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=handle) as channel:
        send(channel, _warm(preload))
        while (call := receive(channel)) is not None:
            answer, fit = _answer(call)
            send(channel, answer)
            if not fit:
                return


def _answer(call: bytearray) -> tuple[bytes, bool]:
    """The pickled answer, and whether this process may be used again."""
    try:
        module, name, args, kwargs = pickle.loads(call)  # noqa: S301  # from our own parent
        step = getattr(importlib.import_module(module), name)
        return pickle.dumps((True, step(*args, **kwargs)), protocol=5), True
    except QuireError as error:
        return pickle.dumps((False, error)), True
    except MemoryError:
        return pickle.dumps(
            (False, CageKilled("cage_memory", "the page needs more memory than allowed"))
        ), False
    except Exception as error:  # noqa: BLE001  # whatever a parser raises ends the call, not the child
        return pickle.dumps((False, StepFailed("internal", _where(error)))), True


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"


def _warm(preload: Sequence[str]) -> bytes:
    try:
        for module in preload:
            importlib.import_module(module)
    except Exception as error:  # noqa: BLE001  # told to the parent, which gives up on starting children
        return pickle.dumps((False, StepFailed("internal", _where(error))))
    return pickle.dumps((True, None))


def _die_with(parent: int) -> None:
    """A killed parent must not leave children behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)


def _limit(memory_bytes: int) -> None:
    """The parent watches real memory; these stop what is faster than its watch, and spare the parent."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (2 * memory_bytes, 2 * memory_bytes))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")

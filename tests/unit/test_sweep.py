"""Duties go on, whatever happens to one of them."""

import threading
import time

from schemas.errors import StoreUnavailable
from workers.sweep import Duty, Sweeper


def test_a_duty_that_hangs_or_fails_holds_up_no_other() -> None:
    release, done, failed = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)

    def fail() -> None:
        failed.release()
        raise StoreUnavailable

    sweeper = Sweeper(
        [
            Duty("hang", 0.01, lambda: release.wait(20)),
            Duty("fail", 0.01, fail),
            Duty("go", 0.01, done.release),
        ]
    )
    sweeper.start()
    for counted in (done, failed):
        assert all(counted.acquire(timeout=10) for _ in range(5))
    release.set()
    started = time.monotonic()
    sweeper.stop()
    assert time.monotonic() - started < 4

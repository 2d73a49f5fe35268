"""The clock of this machine."""

import time


class SystemClock:
    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

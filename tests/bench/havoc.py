"""What goes wrong in a drill: workers killed, servers restarted, the way to S3 cut; and who mends it."""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.cluster import Cluster, Servers
from tests.bench.process import QuireProcess


@dataclass(frozen=True, slots=True)
class Blows:
    """How often what is done."""

    kills: int = 50
    api_kills: int = 5
    redis_kills: int = 2
    postgres_restarts: int = 2
    s3_cuts: int = 1
    s3_cut_s: float = 20.0
    pause_s: float = 2.0
    """Between two blows; a worker takes longer than that to start."""


class Supervisor:
    """Starts again whatever process ended, as a supervisor of services would."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def __enter__(self) -> "Supervisor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            for process in self._cluster.all:
                if not process.alive:
                    process.launch()


class Havoc:
    """Deals its blows one by one, in an order drawn from a seed."""

    def __init__(self, cluster: Cluster, servers: Servers, blows: Blows, seed: int) -> None:
        self._cluster = cluster
        self._servers = servers
        self._blows = blows
        self._random = random.Random(seed)
        self.dealt: Counter[str] = Counter()
        plan = [self._kill_worker] * blows.kills + [self._kill_api] * blows.api_kills
        plan += [self._kill_redis] * blows.redis_kills + [self._restart_postgres] * blows.postgres_restarts
        plan += [self._cut_s3] * blows.s3_cuts
        self._random.shuffle(plan)
        self.plan: list[Callable[[], None]] = plan

    def deal(self, blow: Callable[[], None]) -> None:
        time.sleep(self._blows.pause_s * self._random.uniform(0.5, 1.5))
        blow()

    def _kill_worker(self) -> None:
        """One that is up and has begun to work; the others are being started again."""
        workers = [p for name, p in self._cluster.others.items() if name != "sweep"]
        while not (ready := [p for p in workers if p.alive and p.ready()]):
            time.sleep(0.1)
        self._killed(self._random.choice(ready), "worker")

    def _kill_api(self) -> None:
        while not (self._cluster.api.alive and self._cluster.api.ready()):
            time.sleep(0.1)
        self._killed(self._cluster.api, "api")

    def _killed(self, process: QuireProcess, what: str) -> None:
        process.kill()
        self._told(what, process.data_dir.name)

    def _kill_redis(self) -> None:
        self._servers.redis.kill()
        time.sleep(1)
        self._servers.redis.start()
        self._told("redis", "killed and back, empty")

    def _restart_postgres(self) -> None:
        self._servers.postgres.stop()
        time.sleep(2)
        self._servers.postgres.start()
        self._told("postgres", "stopped and back")

    def _cut_s3(self) -> None:
        self._servers.proxy.cut()
        time.sleep(self._blows.s3_cut_s)
        self._servers.proxy.restore()
        self._told("s3", f"cut off for {self._blows.s3_cut_s:g} s")

    def _told(self, what: str, detail: str) -> None:
        self.dealt[what] += 1
        print(f"havoc {sum(self.dealt.values())}/{len(self.plan)}: {what} {detail}", file=sys.stderr)

"""CPU time and memory of the processes of a cluster or one service, children of the cage apart."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import psutil

from tests.bench.process import QuireProcess

_MB = 1_000_000
_EVERY_S = 0.5


class Group(Protocol):
    """Processes that are looked at together."""

    @property
    def all(self) -> Sequence[QuireProcess]: ...


def cpu_s(process: QuireProcess) -> tuple[float, float]:
    """CPU seconds so far of a process itself, and of its children, those that have ended among them."""
    family = process.processes()
    if not family:
        return 0.0, 0.0
    own = family[0].cpu_times()
    children = own.children_user + own.children_system
    for child in family[1:]:
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        children += times.user + times.system
    return own.user + own.system, children


class Work:
    """CPU seconds that a cluster spends while the context lasts, by process."""

    def __init__(self, cluster: Group) -> None:
        self._cluster = cluster
        self.own: dict[str, float] = {}
        self.children: dict[str, float] = {}
        self.seconds = 0.0

    def __enter__(self) -> "Work":
        self._before = {p.data_dir.name: cpu_s(p) for p in self._cluster.all}
        self._begun = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._begun
        for process in self._cluster.all:
            own, children = cpu_s(process)
            name = process.data_dir.name
            self.own[name] = own - self._before[name][0]
            self.children[name] = children - self._before[name][1]

    @property
    def total(self) -> float:
        return sum(self.own.values()) + sum(self.children.values())


class Memory:
    """Resident memory of each process over time, in a thread of its own; children count by their parent."""

    def __init__(self, cluster: Group) -> None:
        self._cluster = cluster
        self._samples: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            for process in self._cluster.all:
                sizes = []
                for member in process.processes():
                    try:
                        sizes.append(member.memory_info().rss)
                    except psutil.NoSuchProcess:
                        continue
                if sizes:
                    self._samples[process.data_dir.name].append((sizes[0], max(sizes[1:], default=0)))

    def peaks(self) -> dict[str, tuple[float, float]]:
        """MB at the most: of each process, and of the largest of its children."""
        return {
            name: (max(own for own, _ in seen) / _MB, max(child for _, child in seen) / _MB)
            for name, seen in self._samples.items()
        }

    def first(self) -> dict[str, float]:
        """MB of each process when it was first looked at."""
        return {name: seen[0][0] / _MB for name, seen in self._samples.items()}

    def last(self) -> dict[str, float]:
        """MB of each process when it was last looked at."""
        return {name: seen[-1][0] / _MB for name, seen in self._samples.items()}

    def growths(self) -> dict[str, float]:
        """MB by which the peak of the last third of the time exceeds that of the second."""
        grown = {}
        for name, seen in self._samples.items():
            third = max(1, len(seen) // 3)
            own = [size for size, _ in seen]
            grown[name] = (max(own[-third:]) - max(own[third : 2 * third] or own)) / _MB
        return grown

"""Celery as the carrier of wakes: a message names a queue and nothing else, and may be lost."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.worker import state as worker_state

_TASK = "quire.wake"


def make_app(broker_url: str) -> Celery:
    """An app without what Quire does not use: no results, retries, ETAs or remote control."""
    app = Celery("quire", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,  # the rows are the truth; a wake that dies is replaced by the next look
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
    )
    if broker_url.startswith("memory:"):
        # In-process queues are polled; a wake waits at most this long.
        app.conf.broker_transport_options = {"polling_interval": 0.02}
    return app


class _Threads(TaskPool):  # type: ignore[misc]  # Celery has no types
    """Celery looks a task up in its thread's current app, which a new thread does not have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.executor = ThreadPoolExecutor(max_workers=self.limit, initializer=self.app.set_current)


class Carrier:
    """A Celery worker inside this process: a thread that receives wakes, and a pool of threads that answer.

    It installs no signal handlers and its state is never read; only its stop flag is set.
    """

    def __init__(self, broker_url: str, threads: int, answer: Callable[[str], None]) -> None:
        self._app = make_app(broker_url)

        def wake(queue: str) -> None:  # Celery wants a function with a name
            answer(queue)

        self._app.task(name=_TASK, shared=False)(wake)
        self._threads = threads
        # In-memory queues are global to the process; two services in one process must not mix theirs.
        self._prefix = f"{uuid4().hex[:8]}." if broker_url.startswith("memory:") else ""
        self._queues: Sequence[str] = ()
        self._thread: threading.Thread | None = None

    def start(self, queues: Sequence[str]) -> None:
        ready = threading.Event()
        self._queues = queues
        worker = self._app.WorkController(
            pool=_Threads,
            concurrency=self._threads,
            queues=[self._prefix + str(queue) for queue in queues],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda _consumer: ready.set(),
        )
        self._thread = threading.Thread(target=worker.start, name="celery", daemon=True)
        self._thread.start()
        ready.wait()

    def send(self, queue: str) -> None:
        name = str(queue)
        self._app.send_task(_TASK, args=[name], queue=self._prefix + name, ignore_result=True, retry=False)

    def stop(self) -> None:
        """Answers under way come to their end first."""
        if self._thread is None:
            return
        worker_state.should_stop = 0  # the exit code; the flag belongs to the whole process
        try:
            while self._thread.is_alive():
                self.send(self._queues[0])  # it looks at the flag between messages
                self._thread.join(0.05)
        finally:
            worker_state.should_stop = None
            self._thread = None
            self._app.close()

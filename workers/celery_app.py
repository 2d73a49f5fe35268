"""Celery as the carrier of wakes: a message names a queue and nothing else, and may be lost."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.worker import state as worker_state

_TASK = "quire.wake"
_STALE_S = 60.0
"""Nobody waits for a wake this old: slots that rest have looked for themselves since."""


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
        # Only tasks acknowledged late, of which there are none; unset, Celery warns of its default.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        broker_connection_max_retries=None,  # a broker that is gone for an hour is still waited for
    )
    if broker_url.startswith("memory:"):
        # In-process queues are polled; a wake waits at most this long.
        app.conf.broker_transport_options = {"polling_interval": 0.02}
    return app


class Sender:
    """Puts wakes into a broker's queues. It never waits long: its caller does something else meanwhile."""

    def __init__(self, broker_url: str, patience_s: float = 1.0) -> None:
        self._app = make_app(broker_url)
        # Kombu would try to connect for ever, and redis-py three times with pauses.
        self._app.conf.broker_transport_options = {
            "max_retries": 0,
            "socket_timeout": patience_s,
            "socket_connect_timeout": patience_s,
            "retry_on_timeout": False,
        }
        self._connection = self._app.connection_for_write()

    def send(self, queue: str, wakes: int, at_most: int) -> None:
        """Add wakes until there are ``at_most`` that nobody has taken. Raises what the broker raises."""
        name = _name(queue)
        room = at_most - int(self._connection.default_channel.client.llen(name))
        with self._app.amqp.Producer(self._connection.default_channel) as producer:
            for _ in range(min(wakes, room)):
                self._app.send_task(
                    _TASK, args=[str(queue)], queue=name, producer=producer,
                    ignore_result=True, retry=False, expires=_STALE_S,
                )  # fmt: skip

    def reset(self) -> None:
        """Forget a connection that failed."""
        self._connection.close()
        self._connection = self._app.connection_for_write()

    def close(self) -> None:
        self._connection.close()
        self._app.close()


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
        self._answer = answer

        def wake(queue: str) -> None:  # Celery wants a function with a name
            answer(queue)

        self._app.task(name=_TASK, shared=False)(wake)
        self._threads = threads
        self._inside = broker_url.startswith("memory:")
        # In-memory queues are global to the process; two services in one process must not mix theirs.
        self._prefix = f"{uuid4().hex[:8]}." if self._inside else ""
        self._queues: Sequence[str] = ()
        self._thread: threading.Thread | None = None
        self._worker: Any = None

    def start(self, queues: Sequence[str]) -> None:
        ready = threading.Event()
        self._queues = queues
        self._worker = self._app.WorkController(
            pool=_Threads,
            concurrency=self._threads,
            queues=[self._prefix + _name(queue) for queue in queues],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda _consumer: ready.set(),
        )
        self._thread = threading.Thread(target=self._worker.start, name="celery", daemon=True)
        self._thread.start()
        if self._inside:
            ready.wait()  # a broker elsewhere may be down: work goes on without wakes from others

    def send(self, queue: str) -> None:
        """A wake for this process alone, whether or not the broker can be reached."""
        if self._inside:
            name = self._prefix + _name(queue)
            self._app.send_task(_TASK, args=[str(queue)], queue=name, ignore_result=True, retry=False)
        else:
            with contextlib.suppress(RuntimeError):  # the pool is shut down: the process ends
                self._worker.pool.executor.submit(self._answer, str(queue))

    def stop(self) -> None:
        """Answers under way come to their end first."""
        if self._thread is None:
            return
        worker_state.should_stop = 0  # the exit code; the flag belongs to the whole process
        try:
            while self._thread.is_alive():
                if self._inside:
                    self.send(self._queues[0])  # it looks at the flag between messages
                self._thread.join(0.05)
        finally:
            worker_state.should_stop = None
            self._thread = None
            self._app.close()


def _name(queue: str) -> str:
    return f"quire.{queue}"

"""Wakes over a real Redis: they arrive, they never pile up, and a broker that is down costs only time."""

import queue
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.servers.redis import RedisServer
from workers.celery_app import Carrier, Sender
from workers.outbox import OUTSTANDING, Outbox


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """One of its own, to be killed."""
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture
def outbox(server: RedisServer) -> Iterator[Outbox]:
    outbox = Outbox(partial(Sender, server.url, 0.5))
    outbox.start()
    yield outbox
    outbox.stop()


def _waiting(server: RedisServer) -> int:
    client = redis.Redis.from_url(server.url)
    try:
        waiting = client.llen("quire.read")
        assert isinstance(waiting, int)
        return waiting
    finally:
        client.close()


def test_wakes_that_nobody_takes_do_not_pile_up(server: RedisServer, outbox: Outbox) -> None:
    for _ in range(20):
        for _ in range(1000):
            outbox.wake("read")
        time.sleep(0.01)
    while _waiting(server) < OUTSTANDING:
        time.sleep(0.02)
    outbox.wake("read")
    time.sleep(0.3)
    assert _waiting(server) == OUTSTANDING


def test_wakes_arrive_also_from_a_broker_that_was_gone_and_came_back_empty(
    server: RedisServer, outbox: Outbox
) -> None:
    answered: queue.Queue[str] = queue.Queue()
    carrier = Carrier(server.url, 2, answered.put)
    carrier.start(["read"])
    try:
        outbox.wake("read")
        assert answered.get() == "read"
        server.kill()
        begun = time.monotonic()
        for _ in range(1000):
            outbox.wake("read")
        assert time.monotonic() - begun < 1, "nobody waits for a broker"
        carrier.send("read")
        assert answered.get() == "read", "a process wakes itself without the broker"
        server.start()
        while answered.empty():
            outbox.wake("read")
            time.sleep(0.1)
    finally:
        carrier.stop()


def test_a_worker_starts_and_stops_while_the_broker_is_down(server: RedisServer) -> None:
    server.kill()
    answered = threading.Event()
    carrier = Carrier(server.url, 1, lambda queue: answered.set())
    carrier.start(["read"])
    carrier.send("read")
    assert answered.wait(60)
    carrier.stop()


def test_a_broker_that_takes_connections_and_never_answers_is_given_up(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        outbox = Outbox(partial(Sender, f"redis://127.0.0.1:{silent.getsockname()[1]}/0", 0.2))
        outbox.start()
        outbox.wake("read")
        time.sleep(0.5)
        outbox.wake("read")
        outbox.stop()

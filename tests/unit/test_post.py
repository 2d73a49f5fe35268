"""What leaves for a receiver, and how little of a hostile one comes back: real sockets on loopback."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.guard import Guard, PinnedBackend
from services.post import GuardedPost
from workers import signing
from workers.deliver import Reply, delay_of
from workers.rests import Rests, origin_of

LOOPBACK = [ipaddress.ip_network("127.0.0.1/32")]


@pytest.fixture(scope="module")
def outward() -> Guard:
    return Guard(PinnedBackend(LOOPBACK))


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """One connection on loopback, spoken to by hand."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.recv(65_536)
                    answer(connection)
                except OSError:
                    pass  # the other side had enough

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        thread.join(30)
        assert not thread.is_alive()


def send(outward: Guard, answer: Callable[[socket.socket], None], timeout_s: float = 30) -> Reply:
    with serving(answer) as url:
        return GuardedPost(outward, timeout_s).send(url, {"webhook-id": "msg_1"}, b"{}")


def test_an_answer_is_read_no_further_than_its_first_bytes(outward: Guard) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    reply = send(outward, endless)
    assert (reply.status, reply.start, reply.retry_after_s) == (200, b"x" * 512, 7.0)


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\nX: ", b"HT"])
def test_a_byte_now_and_then_gains_no_time(outward: Guard, said: bytes) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(said)
        while True:
            time.sleep(0.05)
            connection.sendall(b"x")

    assert send(outward, trickle, 0.5).error == "timed_out"


def test_a_status_counts_even_if_its_body_never_comes(outward: Guard) -> None:
    def stall(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 OK\r\nContent-Length: 100\r\n\r\nabc")
        connection.recv(1)

    reply = send(outward, stall, 0.5)
    assert (reply.status, reply.error, reply.start) == (202, None, b"abc")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "connection_broken"),
        (b"SSH-2.0-OpenSSH\r\n", "connection_broken"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", "connection_broken"),
    ],
)
def test_what_is_not_http_is_an_error_of_the_receiver(outward: Guard, said: bytes, error: str) -> None:
    assert send(outward, lambda connection: connection.sendall(said)).error == error


def test_nobody_there_an_unknown_name_and_no_certificate(outward: Guard) -> None:
    post = GuardedPost(outward, 10)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert post.send(f"http://127.0.0.1:{port}/", {}, b"").error == "connection_failed"
    nowhere = Guard(PinnedBackend(resolver=lambda host, port: []))
    assert GuardedPost(nowhere, 10).send("http://nowhere.example/", {}, b"").error == "host_unknown"
    assert post.send("http://127.0.0.2/", {}, b"").error == "target_refused"
    assert post.send("ftp://127.0.0.1/", {}, b"").error == "target_refused"
    with serving(lambda connection: connection.sendall(b"plain")) as url:
        assert post.send(url.replace("http:", "https:"), {}, b"").error == "connection_failed"
    assert ssl.create_default_context().check_hostname


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    headers = signing.headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_are_long_and_never_the_same() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in made)


@given(st.integers(0, 200), st.none() | st.floats(0, 1e9))
def test_delays_grow_to_four_hours_and_keep_to_what_the_receiver_asks(
    tries: int, asked: float | None
) -> None:
    steps = [2, 10, 60, 300, 1800, 3600, 7200, 14400]
    step = steps[min(tries, 7)]
    delay = delay_of(tries, asked)
    assert step * 0.8 <= delay <= max(step * 1.2, min(asked or 0, 3600))
    assert delay >= min(asked or 0, 3600)


def test_a_day_of_failing_is_about_a_dozen_tries() -> None:
    age, tries = 0.0, 0
    while age < 86_400:
        age += delay_of(tries)
        tries += 1
    assert 11 <= tries <= 15


def test_who_does_not_answer_is_left_alone_until_it_answers() -> None:
    rests = Rests()
    origin = origin_of("HTTPS://Host.Example:8443/a?b")
    assert origin == origin_of("https://host.example:8443/other")
    assert rests.left(origin) == 0
    for _ in range(8):  # calls under way together fail together, and count once
        rests.failed(origin)
    assert 1 < rests.left(origin) <= 2
    assert rests.left("https://host.example:9") == 0
    rests.answered(origin)
    assert rests.left(origin) == 0

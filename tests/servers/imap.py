"""A real IMAP server (pymap) on loopback, with TLS and one mailbox in its memory."""

import imaplib
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trustme

from tests.servers.server import Server

USER, PASSWORD = "anna", "planted4swordfish"


class ImapServer(Server):
    name = "imap"

    def __init__(self) -> None:
        super().__init__()
        authority = trustme.CA()
        self.ca_file = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        own = authority.issue_cert("localhost", "127.0.0.1")
        own.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        for pem in own.cert_chain_pems:
            pem.write_to_path(str(self.folder / "cert.pem"), append=True)

    @property
    def url(self) -> str:
        return f"imap://{USER}@localhost:{self.port}"

    @contextmanager
    def session(self, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("localhost", self.port) as server:
            server.starttls(ssl.create_default_context(cafile=str(self.ca_file)))
            server.login(USER, PASSWORD)
            server.select(folder)
            yield server

    def deliver(self, message: bytes) -> None:
        with self.session() as server:
            kind, said = server.append("INBOX", "", "", message)
            assert kind == "OK", said

    def subjects(self, folder: str) -> list[tuple[str, str]]:
        """Subject and flags of what lies in a folder."""
        with self.session(folder) as server:
            found = []
            for number in server.search(None, "ALL")[1][0].split():
                answer: Any = server.fetch(number, "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
                about, head = answer[0]
                flags = about.decode().partition("FLAGS (")[2].partition(")")[0]
                found.append((head.decode("ascii", "replace").partition(":")[2].strip(), flags))
            return found

    def _command(self) -> list[str]:
        program = [sys.executable, "-c", "from pymap.main import main; main()"]
        place = ["--host", "127.0.0.1", "--port", str(self.port)]
        safe = ["--cert", str(self.folder / "cert.pem"), "--key", str(self.folder / "key.pem")]
        return [*program, *place, *safe, "dict", "--demo-user", USER, "--demo-password", PASSWORD]

    def _ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.settimeout(1)
                return probe.recv(4) == b"* OK"
        except OSError:
            return False

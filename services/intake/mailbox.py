"""A mailbox on an IMAP server: messages listed, fetched, and put away."""

import base64
import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from schemas.errors import RequestInvalid, Unavailable

_TIMEOUT_S = 60.0
_PORTS = {"imaps": 993, "imap": 143}
_PIECE = 1 << 20


class MailboxUnavailable(Unavailable):
    """The server does not answer, or not as it should."""

    code = "mailbox_unavailable"


class MailboxRefused(RequestInvalid):
    """Who or what was asked for is not there, or the connection would not be safe."""

    code = "mailbox_refused"


@dataclass(frozen=True, slots=True)
class Account:
    """`imaps://user@host/FOLDER`; with `imap://` the connection is made safe before it is used."""

    scheme: str
    host: str
    port: int
    user: str
    folder: str
    password: str = field(repr=False)
    ca_file: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.user}@{self.host}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message where it lies."""

    uid: str
    size: int


def account_of(url: str, password: str | None, ca_file: Path | None) -> Account:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MailboxRefused(detail="the address of the mailbox cannot be understood") from None
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username:
        raise MailboxRefused(detail="give the mailbox as imaps://USER@HOST/FOLDER")
    if parts.password is not None:
        raise MailboxRefused(detail="others can see the address: give the password in QUIRE_IMAP_PASSWORD")
    if not password:
        raise MailboxRefused(detail="the password is expected in QUIRE_IMAP_PASSWORD")
    folder = unquote(parts.path.lstrip("/")) or "INBOX"
    user = unquote(parts.username)
    return Account(
        parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, folder, password, ca_file
    )


@contextmanager
def opened(account: Account) -> Iterator["Mailbox"]:
    """Logged in, with the folder selected. Vendor errors, wherever they come from inside, become ours."""
    try:
        context = ssl.create_default_context(cafile=str(account.ca_file) if account.ca_file else None)
        if account.scheme == "imaps":
            server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                account.host, account.port, ssl_context=context, timeout=_TIMEOUT_S
            )
        else:
            server = imaplib.IMAP4(account.host, account.port, timeout=_TIMEOUT_S)
        with _logged_out(server):
            if account.scheme == "imap":
                server.starttls(context)
            _log_in(server, account)
            yield Mailbox(server, account)
    except ssl.SSLError as error:
        raise MailboxRefused(detail=f"{account.host}: the connection is not safe ({error.reason})") from None
    except (imaplib.IMAP4.error, OSError) as error:
        raise MailboxUnavailable(
            detail=f"{account.host}: {str(error)[:200] or type(error).__name__}"
        ) from None


def _log_in(server: imaplib.IMAP4, account: Account) -> None:
    # Unlike LOGIN this takes any characters.
    answer = f"\0{account.user}\0{account.password}".encode()
    try:
        server.authenticate("PLAIN", lambda _: answer)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise MailboxRefused(detail=f"{account.host} refuses user or password") from None


@contextmanager
def _logged_out(server: imaplib.IMAP4) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            server.logout()


class Mailbox:
    def __init__(self, server: imaplib.IMAP4, account: Account) -> None:
        self._server = server
        self._capabilities = set(_words(server.capability()[1]))
        kind, _ = server.select(_quoted(account.folder))
        if kind != "OK":
            raise MailboxRefused(detail=f"{account.name} has no folder {account.folder!r}")
        self.validity = str(server.response("UIDVALIDITY")[1])
        """As long as this stays, a uid means the same message."""

    def make(self, folder: str) -> None:
        """A folder, unless it is there."""
        self._server.create(_quoted(folder))
        kind, _ = self._server.status(_quoted(folder), "(MESSAGES)")
        if kind != "OK":
            raise MailboxRefused(detail=f"the folder {folder!r} cannot be made")

    def letters(self) -> list[Letter]:
        """All messages, oldest first."""
        uids = _words(self._uid("SEARCH", "UNDELETED"))
        found = []
        for start in range(0, len(uids), 200):
            answer = self._uid("FETCH", ",".join(uids[start : start + 200]), "(UID RFC822.SIZE)")
            for line in answer:
                text = (line if isinstance(line, bytes) else line[0]).decode("ascii", "replace")
                uid, size = re.search(r"UID (\d+)", text), re.search(r"RFC822\.SIZE (\d+)", text)
                if uid and size:
                    found.append(Letter(uid[1], int(size[1])))
        return sorted(found, key=lambda letter: int(letter.uid))

    def fetch(self, letter: Letter, to: Path) -> None:
        """The message as it came, piece by piece; it stays unread."""
        with to.open("wb") as file:
            for start in range(0, max(letter.size, 1), _PIECE):
                answer = self._uid("FETCH", letter.uid, f"(BODY.PEEK[]<{start}.{_PIECE}>)")
                pieces = [part[1] for part in answer if isinstance(part, tuple)]
                if not pieces:
                    raise imaplib.IMAP4.error("a message could not be fetched")
                file.write(pieces[0])

    def put_away(self, letter: Letter, folder: str, *flags: str) -> None:
        self._uid("STORE", letter.uid, "+FLAGS.SILENT", f"({' '.join(flags)})")
        if "MOVE" in self._capabilities:
            self._uid("MOVE", letter.uid, _quoted(folder))
            return
        self._uid("COPY", letter.uid, _quoted(folder))
        self._uid("STORE", letter.uid, "+FLAGS.SILENT", "(\\Deleted)")
        if "UIDPLUS" in self._capabilities:  # a plain EXPUNGE would also remove what others have deleted
            self._uid("EXPUNGE", letter.uid)

    def _uid(self, command: str, *arguments: str) -> list[Any]:
        kind, data = self._server.uid(command, *arguments)
        if kind != "OK":
            raise imaplib.IMAP4.error(f"{command} was answered {kind}")
        return [part for part in data if part is not None]


def _words(data: list[Any]) -> list[str]:
    return [
        word for line in data if isinstance(line, bytes) for word in line.decode("ascii", "replace").split()
    ]


def _quoted(folder: str) -> str:
    """As the protocol has names of folders: modified UTF-7 (RFC 3501, 5.1.3) in quotes."""
    made, run = [], ""
    for char in [*folder, ""]:
        if char and not " " <= char <= "~":
            run += char
            continue
        if run:
            packed = base64.b64encode(run.encode("utf-16-be", "surrogatepass")).rstrip(b"=").decode()
            made.append(f"&{packed.replace('/', ',')}-")
            run = ""
        made.append({"&": "&-", "\\": "\\\\", '"': '\\"'}.get(char, char))
    return f'"{"".join(made)}"'

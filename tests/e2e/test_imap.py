"""`quire imap` on a real IMAP server: attachments are read once, messages moved when theirs were."""

import subprocess
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest
import trustme

from quire_client import Quire
from services.intake.mailbox import MailboxRefused, MailboxUnavailable, account_of, opened
from tests.e2e.conftest import Running
from tests.e2e.test_bulk import pictures
from tests.e2e.test_cli import QUIRE, quire
from tests.servers.imap import PASSWORD, USER, ImapServer
from tests.servers.server import free_port


@pytest.fixture(scope="module")
def server() -> Iterator[ImapServer]:
    one = ImapServer()
    try:
        one.start()
        yield one
    finally:
        one.close()


def letter(subject: str, *attachments: tuple[str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Änne <anne@example.com>", subject
    message["Message-ID"] = f"<{uuid4().hex}@example.com>"
    message.set_content("as attached")
    for name, content in attachments:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def call(running: Running, server: ImapServer, *options: str) -> list[str]:
    trust = ("--ca-file", str(server.ca_file), "--url", running.url, "--every", "0.2")
    return ["imap", server.url, *trust, *options]


def test_attachments_are_read_and_messages_put_away(
    running: Running, server: ImapServer, invoice: bytes, receipt: bytes
) -> None:
    server.deliver(letter("Rechnung März", ("März.pdf", invoice), ("bon.jpg", receipt), ("notes.txt", b"hi")))
    server.deliver(letter("nothing attached"))
    server.deliver(letter("broken", ("broken.pdf", b"%PDF-1.7\nno"), ("a.pdf", invoice)))
    server.deliver(letter("huge", ("huge.pdf", b"%PDF-1.7\n" + bytes(400_000))))
    server.deliver(letter("many", *((f"{number}.pdf", b"%PDF-1.7\n") for number in range(201))))
    options = ("--schema", "invoice", "--once", "--most-bytes", "400000", "--done", "Erledigt/März")
    done = quire(*call(running, server, *options), QUIRE_IMAP_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert not server.subjects("INBOX")
    read = server.subjects('"Erledigt/M&AOQ-rz"')
    assert ["\\Seen" in flags for _, flags in read] == [True, True]
    assert "nothing attached" in [subject for subject, _ in read]
    failed = dict(server.subjects("Quire-Failed"))
    assert set(failed) == {"broken", "huge", "many"}
    assert all("\\Flagged" in flags for flags in failed.values())
    assert "(broken): broken.pdf: " in done.stderr
    assert "more than 400000" in done.stderr
    assert "more than 200 documents" in done.stderr
    with Quire(running.url, trust_env=False) as client:
        found = {one["filename"]: one for one in client.documents.list(labels={"subject": "Rechnung März"})}
    assert set(found) == {"März.pdf", "bon.jpg"}
    assert found["März.pdf"]["labels"]["from"] == "Änne <anne@example.com>"
    assert found["März.pdf"]["labels"]["message-id"].endswith("@example.com>")
    assert found["März.pdf"]["schema"] == "invoice@1"


def test_killed_and_started_again_nothing_is_read_twice(
    running: Running, server: ImapServer, tmp_path: Path
) -> None:
    mark = uuid4().hex
    paths = sorted(pictures(tmp_path / "in", 5).iterdir())
    for path in paths:
        server.deliver(letter(mark, (path.name, path.read_bytes() + mark.encode())))
    environment = {"QUIRE_IMAP_PASSWORD": PASSWORD, "PATH": "/usr/bin"}
    with Quire(running.url, trust_env=False) as client:
        with subprocess.Popen([QUIRE, *call(running, server)], env=environment) as process:
            while len(list(client.documents.list(labels={"subject": mark}))) < 2:
                assert process.poll() is None
                time.sleep(0.02)
            process.kill()
        done = quire(*call(running, server, "--once"), QUIRE_IMAP_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
        assert len(server.subjects("Quire-Done")) == 5
        found = [one["filename"] for one in client.documents.list(labels={"subject": mark})]
    assert sorted(map(str, found)) == sorted(path.name for path in paths)


def test_what_is_not_safe_or_not_there_is_refused(server: ImapServer, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for url, password, trust, kind, said in (
        (server.url, "wrong", server.ca_file, MailboxRefused, "refuses user or password"),
        (server.url, PASSWORD, other, MailboxRefused, "not safe"),
        (f"{server.url}/missing", PASSWORD, server.ca_file, MailboxRefused, "no folder 'missing'"),
        (f"imaps://{USER}@localhost:{free_port()}", PASSWORD, None, MailboxUnavailable, "localhost: "),
    ):
        with pytest.raises(kind, match=said), opened(account_of(url, password, trust)):
            pass


@pytest.mark.parametrize(
    ("url", "password", "said"),
    [
        ("imaps://anna:secret@host", "x", "others can see"),
        ("imaps://anna@host", None, "QUIRE_IMAP_PASSWORD"),
        ("imaps://host/INBOX", "x", "imaps://USER@HOST"),
        ("https://anna@host", "x", "imaps://USER@HOST"),
        ("imaps://anna@host:port", "x", "cannot be understood"),
    ],
)
def test_addresses_of_mailboxes(url: str, password: str | None, said: str) -> None:
    with pytest.raises(MailboxRefused, match=said) as caught:
        account_of(url, password, None)
    assert "secret" not in caught.value.detail
    account = account_of("imaps://anna%40example.com@host/A%2FB", "planted", None)
    assert (account.user, account.port, account.folder) == ("anna@example.com", 993, "A/B")
    assert "planted" not in repr(account)

"""The work of `quire imap`: documents attached to messages sent once, messages put away when all were read.

Nothing is kept here: a message that still lies in the folder is not done, and what was sent of it already is
found at the service under a key made of the message's bytes.
"""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.mail import Mail, take_apart
from pipeline.ports import Cage
from quire_client import NotFound, Problem, Quire, Request
from schemas.errors import CageKilled, QuireError
from services.intake.bulk import identity
from services.intake.mailbox import Account, Letter, Mailbox, MailboxUnavailable, opened
from services.intake.names import shown
from services.intake.sending import sent_once
from services.intake.verdicts import fault_of, of_all

_SOON_S = 1.0

Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Habits:
    """``in_flight`` messages at once, none larger than ``most_bytes``; where they go afterwards."""

    done: str
    failed: str
    in_flight: int
    most_bytes: int
    every_s: float


@dataclass(slots=True)
class Open:
    """A message whose documents are being read."""

    title: str
    documents: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Inbox:
    def __init__(
        self, quire: Quire, account: Account, request: Request, cage: Cage, *, habits: Habits, said: Said
    ) -> None:
        self._quire = quire
        self._account = account
        self._request = request
        self._cage = cage
        self._habits = habits
        self._said = said
        self._open: dict[tuple[str, str], Open] = {}
        self._away = False

    def run(self, stop: threading.Event, *, once: bool) -> None:
        """Until ``stop`` is set; with ``once`` until no message is left."""
        made = False
        while not stop.is_set():
            try:
                with opened(self._account) as mailbox:
                    if not made:
                        mailbox.make(self._habits.done)
                        mailbox.make(self._habits.failed)
                        made = True
                    left = self._pass(mailbox, stop)
                self._away = False
                if once and not left:
                    return
            except MailboxUnavailable as error:
                if once or not made:
                    raise
                if not self._away:  # said once, not every half minute
                    self._said(error.detail)
                self._away = True
            stop.wait(min(_SOON_S, self._habits.every_s) if self._open else self._habits.every_s)

    def _pass(self, mailbox: Mailbox, stop: threading.Event) -> int:
        """Look at every message once; how many are left."""
        letters = {(mailbox.validity, letter.uid): letter for letter in mailbox.letters()}
        self._open = {at: open_ for at, open_ in self._open.items() if at in letters}
        left = len(letters)
        for at, letter in letters.items():
            if at not in self._open and len(self._open) < self._habits.in_flight and not stop.is_set():
                self._open[at] = self._sent(mailbox, letter)
        for at in [at for at, open_ in self._open.items() if self._ended(open_)]:
            self._put_away(mailbox, letters[at], self._open.pop(at))
            left -= 1
        return left

    def _sent(self, mailbox: Mailbox, letter: Letter) -> Open:
        open_ = Open(f"message {letter.uid}")
        if letter.size > self._habits.most_bytes:
            open_.faults.append(f"it has {letter.size} bytes, more than {self._habits.most_bytes}")
            return open_
        with TemporaryDirectory(prefix="quire-mail-") as folder:
            source = Path(folder, "message")
            mailbox.fetch(letter, source)
            with source.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            try:
                mail = self._cage.run(take_apart, str(source), folder)
            except (CageKilled, QuireError) as error:
                open_.faults.append(f"{error.detail} ({error.code})")
                return open_
            if mail.subject:
                open_.title += f" ({shown(mail.subject)[:60]})"
            self._send_all(open_, mail, digest)
        return open_

    def _send_all(self, open_: Open, mail: Mail, digest: str) -> None:
        labels = {"from": mail.sender, "subject": mail.subject, "message-id": mail.message_id}
        request: Request = {
            **self._request,
            "labels": self._request.get("labels", {}) | {name: text for name, text in labels.items() if text},
        }
        for attachment in mail.attachments:
            key = f"imap-{identity(self._request, self._account.name, digest, attachment.number)}"
            try:
                with Path(attachment.path).open("rb") as content:
                    document = sent_once(self._quire, key, content, attachment.filename, request)
            except Problem as problem:
                if of_all(problem):
                    raise
                open_.faults.append(f"{shown(attachment.filename)}: {problem.detail} ({problem.code})")
            else:
                open_.documents.append(document["id"])

    def _ended(self, open_: Open) -> bool:
        """Whether all documents of a message have ended. Those that have are not asked for again."""
        for document_id in list(open_.documents):
            document = None
            with suppress(NotFound):
                document = self._quire.documents.get(document_id)
            if document is not None and document["finished_at"] is None:
                return False
            open_.documents.remove(document_id)
            if document is None:
                open_.faults.append(f"{document_id}: somebody deleted it")
            elif document["state"] not in ("succeeded", "partial"):
                code, detail, _ = fault_of(document)
                open_.faults.append(f"{shown(document['filename'] or document_id)}: {detail} ({code})")
        return True

    def _put_away(self, mailbox: Mailbox, letter: Letter, open_: Open) -> None:
        if open_.faults:
            mailbox.put_away(letter, self._habits.failed, "\\Seen", "\\Flagged")
        else:
            mailbox.put_away(letter, self._habits.done, "\\Seen")
        self._said(f"{open_.title}: {'; '.join(open_.faults) or 'done'}")

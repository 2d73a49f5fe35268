"""Take a mail message apart: what it says of itself, and its attachments as files."""

import email
import email.errors
import email.header
import re
from dataclasses import dataclass
from email.message import Message
from email.policy import compat32
from pathlib import Path
from urllib.parse import unquote

from pipeline.sniff import HEAD_BYTES, sniff
from schemas.errors import BadInput, DocumentUnreadable

MAX_ATTACHMENTS = 200
_LABEL_CHARS = 256
_NAME_CHARS = 200
_CID = re.compile(rb"cid:([^\s\"'<>()]{1,256})", re.I)


class MailUnreadable(DocumentUnreadable):
    """It cannot be taken apart: too deep, or too many attachments."""

    code = "mail_unreadable"


@dataclass(frozen=True, slots=True)
class Attachment:
    """``path``: its bytes. ``number`` counts the documents of the message."""

    number: int
    path: str
    filename: str


@dataclass(frozen=True, slots=True)
class Mail:
    sender: str
    subject: str
    message_id: str
    attachments: tuple[Attachment, ...]


def take_apart(source: str, folder: str) -> Mail:
    """The message in the file ``source``; its documents are written to ``folder``.

    Documents are parts of a type that Quire reads, by their bytes, except what the text shows in its middle
    (logos, signatures). Messages attached to messages are looked into.
    """
    try:
        with Path(source).open("rb") as file:
            message = email.message_from_binary_file(file, policy=compat32)
        found = _attachments(message, Path(folder))
    except RecursionError:
        raise MailUnreadable(detail="the message is nested too deeply") from None
    return Mail(
        sender=_header(message, "From"),
        subject=_header(message, "Subject"),
        message_id=_header(message, "Message-ID"),
        attachments=tuple(found),
    )


def _attachments(message: Message, folder: Path) -> list[Attachment]:
    found: list[Attachment] = []
    shown = _shown(message)
    for part in message.walk():
        if part.is_multipart() or _ident(str(part.get("Content-ID", ""))) in shown:
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not _is_document(content):
            continue
        if len(found) == MAX_ATTACHMENTS:
            raise MailUnreadable(detail=f"the message has more than {MAX_ATTACHMENTS} documents")
        path = folder / str(len(found))
        path.write_bytes(content)
        found.append(Attachment(len(found), str(path), _filename(part, len(found))))
    return found


def _shown(message: Message) -> set[str]:
    """The Content-IDs that HTML parts refer to: logos, signatures."""
    found: set[str] = set()
    for part in message.walk():
        content = part.get_payload(decode=True) if part.get_content_type() == "text/html" else None
        if isinstance(content, bytes):
            found |= {_ident(unquote(ident.decode("latin-1"))) for ident in _CID.findall(content)}
    return found - {""}


def _ident(text: str) -> str:
    return text.strip().strip("<>").casefold()


def _is_document(content: bytes) -> bool:
    try:
        sniff(content[:HEAD_BYTES])
    except BadInput:
        return False
    return True


def _filename(part: Message, number: int) -> str:
    try:
        given = part.get_filename() or ""
    except (LookupError, ValueError, TypeError):  # parameters in charsets that do not exist
        given = ""
    last = _text(given).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if char.isprintable()).strip()[-_NAME_CHARS:]
    return kept or f"attachment-{number + 1}"


def _header(message: Message, name: str) -> str:
    return _text(str(message.get(name, "")))[:_LABEL_CHARS].strip()


def _text(raw: str) -> str:
    """A header as people read it. What cannot be decoded is shown as near as can be."""
    raw = re.sub(r"\s+", " ", raw)[:4000]
    try:
        decoded = str(email.header.make_header(email.header.decode_header(raw)))
    except (LookupError, ValueError, email.errors.MessageError):
        decoded = raw
    plain = decoded.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else " " for char in plain)

"""Messages taken apart: what is attached is found, and nothing in a message does harm."""

from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mail import MAX_ATTACHMENTS, Mail, MailUnreadable, take_apart

PDF = b"%PDF-1.7\n"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mail")


def apart(raw: bytes, folder: Path) -> Mail:
    (folder / "message").write_bytes(raw)
    return take_apart(str(folder / "message"), str(folder))


def letter(**headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = headers.get("sender", "Änne <anne@example.com>")
    message["Subject"] = headers.get("subject", "Rechnung März")
    message["Message-ID"] = "<1@example.com>"
    message.set_content("as attached")
    return message


def test_attachments_and_what_the_message_says_of_itself(folder: Path) -> None:
    message = letter()
    message.add_attachment(PDF + b"1", maintype="application", subtype="pdf", filename="März 1.pdf")
    message.add_attachment(PDF + b"2", maintype="application", subtype="octet-stream", filename="no-ending")
    message.add_attachment(PNG, maintype="image", subtype="png", filename="scan.png")
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="a.pdf")
    message.add_attachment("words", filename="notes.txt")
    mail = apart(message.as_bytes(), folder)
    assert (mail.sender, mail.subject, mail.message_id) == (
        "Änne <anne@example.com>", "Rechnung März", "<1@example.com>",
    )  # fmt: skip
    assert [one.filename for one in mail.attachments] == ["März 1.pdf", "no-ending", "scan.png"]
    assert [Path(one.path).read_bytes() for one in mail.attachments] == [PDF + b"1", PDF + b"2", PNG]


def test_pictures_that_belong_to_the_text_are_no_documents(folder: Path) -> None:
    message = letter()
    message.add_alternative("<img src='cid:logo'>", subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]
    html.add_related(PNG, "image", "png", cid="<logo>", filename="logo.png")  # type: ignore[union-attr]
    html.add_related(PDF, "application", "pdf", cid="<terms>")  # type: ignore[union-attr]
    assert [Path(one.path).read_bytes() for one in apart(message.as_bytes(), folder).attachments] == [PDF]


def test_messages_inside_messages_are_looked_into(folder: Path) -> None:
    inner = letter(subject="inner")
    inner.add_attachment(PDF, maintype="application", subtype="pdf", filename="a.pdf")
    outer = letter(subject="outer")
    outer.add_attachment(inner)
    mail = apart(outer.as_bytes(), folder)
    assert (mail.subject, [one.filename for one in mail.attachments]) == ("outer", ["a.pdf"])


def attached(disposition: bytes, folder: Path) -> str:
    raw = b"Content-Type: application/pdf\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + PDF
    (one,) = apart(raw, folder).attachments
    assert Path(one.path).parent == folder
    return one.filename


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        (b"attachment", "attachment-1"),
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b'attachment; filename="C:\\\\x\\\\a.pdf"', "a.pdf"),
        (b'attachment; filename=".."', ".."),
        (b'attachment; filename="a\x1b[2Jb.pdf"', "a [2Jb.pdf"),
        (b"attachment; filename*=UTF-8''M%C3%A4rz.pdf", "März.pdf"),
        (b"attachment; filename*=klingon''M%C3%A4rz.pdf", "M"),
        (b"attachment; filename*0*=UTF-8''M%C3; filename*1*=%A4rz.pdf", "März.pdf"),
        (b'attachment; filename="=?utf-8?b?TcOkcnoucGRm?="', "März.pdf"),
        (b'attachment; filename="=?nonsense?b?!!?="', "=?nonsense?b?!!?="),
        (b'attachment; filename="M\xe4rz.pdf"', "rz.pdf"),
        (b'attachment; filename="' + b"x" * 5000 + b'.pdf"', "x" * 10),
    ],
)
def test_names_in_any_spelling_are_names(disposition: bytes, filename: str, folder: Path) -> None:
    found = attached(disposition, folder)
    assert filename in found
    assert 0 < len(found) <= 200
    found.encode()


def test_a_message_of_a_thousand_levels_is_refused(folder: Path) -> None:
    raw = b""
    for level in range(3000):
        raw += b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
    with pytest.raises(MailUnreadable, match="nested"):
        apart(raw, folder)


def test_a_message_of_very_many_documents_is_refused(folder: Path) -> None:
    part = b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n%PDF-1.7\r\n"
    head = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    assert len(apart(head + part * MAX_ATTACHMENTS + b"--b--", folder).attachments) == MAX_ATTACHMENTS
    with pytest.raises(MailUnreadable, match="more than"):
        apart(head + part * (MAX_ATTACHMENTS + 1) + b"--b--", folder)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\0", b"\r\n" * 1000, b"From: \xff\xfe\r\nSubject: =?utf-16?b?////?=\r\n\r\n",
        b"Subject: " + b"=?utf-8?q?" + b"x" * 100_000 + b"?=\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--\r\n--b",
        b"Content-Transfer-Encoding: base64\r\nContent-Type: application/pdf\r\n\r\n%%%%",
        b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 /etc/x\r\n!!",
        b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n",
        b"Content-Type: message/external-body; access-type=local-file; name=/etc/passwd\r\n\r\n\r\n",
    ],
)  # fmt: skip
def test_broken_messages_are_ordinary(raw: bytes, folder: Path) -> None:
    assert apart(raw, folder).attachments == ()


TOKENS = st.sampled_from(
    [
        b"\r\n", b"\r\n\r\n", b"--b", b"--b--", b"Content-Type: multipart/mixed; boundary=b", b"Subject: ",
        b"=?utf-8?q?", b"?=", b"Content-Type: message/rfc822", b"Content-Type: application/pdf", b"%PDF-1.7",
        b"Content-Disposition: attachment; filename*=", b"''%", b"charset=", b"\xff", b"\0", b";", b'"',
        b"Content-Transfer-Encoding: base64", b"Content-Type: text/html", b"cid:", b"Content-ID: ",
    ]
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(TOKENS | st.binary(max_size=12), max_size=60))
def test_whatever_comes_is_a_mail_or_refused(tokens: list[bytes]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        mail = apart(b"".join(tokens), Path(place))
        for one in mail.attachments:
            assert Path(one.path).parent == Path(place)
        f"{mail}".encode()

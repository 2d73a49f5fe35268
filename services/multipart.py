"""Streaming multipart/form-data: one file goes to a receiver, everything else into a small bounded form."""

from collections.abc import Callable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from schemas.errors import BadInput, ErrorItem, RequestInvalid
from services.uploads import PayloadTooLarge, Receiver, Staged

MAX_PARTS = 200


class MalformedBody(BadInput):
    code = "malformed_body"


@dataclass(slots=True)
class Form:
    """What a multipart body held: texts by name in the order they came, and at most one file."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    file: Staged | None = None


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart/form-data content type."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 1 <= len(boundary) <= 200:
        raise MalformedBody(detail="multipart/form-data without a usable boundary")
    return boundary


class MultipartReader:
    """Fed chunk by chunk; memory stays at one chunk plus the texts, whatever the file's size."""

    def __init__(self, boundary: bytes, open_receiver: Callable[[], Receiver], text_limit: int) -> None:
        self._open_receiver = open_receiver
        self._text_left = text_limit
        self._text_limit = text_limit
        self._form = Form()
        self._parts = 0
        self._header = (bytearray(), bytearray())
        self._headers: dict[str, str] = {}
        self._name = ""
        self._filename: str | None = None
        self._text: bytearray | None = None
        self._receiver: Receiver | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            callbacks={
                "on_part_begin": self._part_begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
            max_header_count=16,
            max_header_size=8192,
        )

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise MalformedBody(detail="the multipart body is malformed") from None

    def finish(self) -> Form:
        if not self._ended:
            raise MalformedBody(detail="the multipart body ends before its closing boundary")
        return self._form

    def discard(self) -> None:
        """Remove what was staged; for every way out but success."""
        if self._receiver is not None:
            self._receiver.discard()
        if self._form.file is not None:
            self._form.file.discard()

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise RequestInvalid(detail=f"more than {MAX_PARTS} form parts")
        self._headers = {}
        self._name, self._filename, self._text = "", None, None

    def _header_end(self) -> None:
        name, value = (bytes(part).decode("utf-8", "replace") for part in self._header)
        self._headers[name.lower()] = value
        self._header[0].clear()
        self._header[1].clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(_latin(self._headers.get("content-disposition", "")))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name != "file":
            self._text = bytearray()
            return
        if self._receiver is not None:
            raise one_file()
        if b"filename" in options:
            self._filename = options[b"filename"].decode("utf-8", "replace")
        self._receiver = self._open_receiver()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is None:
            assert self._receiver is not None
            self._receiver.write(memoryview(data)[start:end])
            return
        self._text_left -= end - start
        if self._text_left < 0:
            raise PayloadTooLarge(detail=f"form fields besides the file exceed {self._text_limit} bytes")
        self._text += data[start:end]

    def _part_end(self) -> None:
        if self._text is None:
            assert self._receiver is not None
            self._form.file = self._receiver.finish(self._filename)
            return
        try:
            self._form.texts.append((self._name, self._text.decode("utf-8")))
        except UnicodeDecodeError:
            raise RequestInvalid(
                detail=f"form field {self._name[:64]!r} is not UTF-8",
                errors=[ErrorItem(pointer=f"/{self._name[:64]}", code="not_utf8", detail="not UTF-8")],
            ) from None

    def _end(self) -> None:
        self._ended = True


def one_file() -> RequestInvalid:
    item = ErrorItem(pointer="/file", code="repeated", detail="one file per document; post each by itself")
    return RequestInvalid(detail=item.detail, errors=[item])


def _latin(text: str) -> str:
    """As the parser of options wants it: UTF-8 bytes, each as one Latin-1 character."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")

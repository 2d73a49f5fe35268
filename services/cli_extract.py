"""`quire extract`: files in, results on stdout, by way of the HTTP API of a service here or elsewhere."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from schemas.errors import BadInput, QuireError, Unavailable
from schemas.page import PageState
from schemas.result import RunState
from services.cli import FAILED, OK, PARTIAL, USAGE, DataDir, say, settings_of

_WAIT_S = 20
_ENDED = frozenset(str(state) for state in RunState if state.terminal)


class Format(StrEnum):
    JSON = "json"
    MD = "md"
    CSV = "csv"
    TABLE = "table"


class Failed(BadInput):
    """A document that the service refused, or that came to nothing."""


class Misused(BadInput):
    """The service refused what was asked, whatever the document."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """One call of the command."""

    files: Sequence[Path]
    request: dict[str, Any]
    format: Format

    @property
    def many(self) -> bool:
        return len(self.files) > 1


def register(app: typer.Typer) -> None:
    app.command()(extract)


def extract(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="PDFs and images")],
    schema: Annotated[str | None, typer.Option(help="name of a schema, or a file with a JSON Schema")] = None,
    ask: Annotated[list[str] | None, typer.Option(help="a question; repeat for more")] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Format | None, typer.Option(help="default: table with a schema or questions, else md")
    ] = None,
    pages: Annotated[str | None, typer.Option(help="such as 1-3,7")] = None,
    password: Annotated[str | None, typer.Option(help="of encrypted documents")] = None,
    language: Annotated[list[str] | None, typer.Option(help="such as de; repeat for more")] = None,
    url: Annotated[
        str | None, typer.Option(help="of a running service; default: one inside this command")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Read documents and print what they say. Exit code: 0 ok, 1 failed, 2 usage, 3 partial."""
    request = {
        "schema": _schema(schema),
        "questions": ask or [],
        "pages": pages,
        "password": password,
        "languages": language or [],
    }
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        say(f"quire: no such file: {', '.join(missing)}")
        raise typer.Exit(USAGE)
    chosen = format or (Format.TABLE if schema or ask else Format.MD)
    work = Extraction(files, {k: v for k, v in request.items() if v not in (None, [])}, chosen)
    with _service(url, data_dir) as address, httpx.Client(base_url=address, timeout=_WAIT_S + 40) as http:
        code = _all(work, http)
    raise typer.Exit(code)


def _schema(given: str | None) -> Any:
    """A file's JSON Schema, or the name as it is."""
    if given is None or not (given.endswith(".json") or Path(given).is_file()):
        return given
    try:
        return json.loads(Path(given).read_text("utf-8"))
    except (OSError, ValueError) as error:
        say(f"quire: {given}: {error}")
        raise typer.Exit(USAGE) from None


@contextmanager
def _service(url: str | None, data_dir: Path | None) -> Iterator[str]:
    """The address of a service: the one given, or one in this process whose data is gone afterwards."""
    if url is not None:
        yield url
        return
    from services.server import background  # noqa: PLC0415  # not needed for a service elsewhere

    with contextlib.ExitStack() as stack:
        if data_dir is None and "QUIRE_DATA_DIR" not in os.environ:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-")))
        settings = settings_of(data_dir=data_dir, log_level=os.environ.get("QUIRE_LOG_LEVEL", "error"))
        from services import logs  # noqa: PLC0415

        logs.configure(settings, "extract")
        yield stack.enter_context(background(settings))


def _all(work: Extraction, http: httpx.Client) -> int:
    codes = []
    for file in work.files:
        try:
            codes.append(_one(work, file, http))
        except QuireError as error:
            say(f"quire: {file}: {error.detail}")
            codes.append(USAGE if isinstance(error, Misused) else FAILED)
        except httpx.TransportError as error:
            raise Unavailable(detail=f"{http.base_url} does not answer ({type(error).__name__})") from None
    if len(set(codes)) == 1:
        return codes[0]
    return PARTIAL


def _one(work: Extraction, file: Path, http: httpx.Client) -> int:
    from services import cli_format  # noqa: PLC0415

    document = _wait(http, _post(http, file, work.request))
    state = document["state"]
    if document["error"] is not None and state == RunState.FAILED:
        raise Failed(detail=document["error"]["detail"])
    address = f"/v1/documents/{document['id']}"
    out = sys.stdout
    if work.many and work.format in (Format.MD, Format.TABLE):
        out.write(f"<!-- {file} -->\n\n" if work.format is Format.MD else f"{file}\n")
    if work.format in (Format.JSON, Format.MD):
        _copy(http, address + ("/result" if work.format is Format.JSON else "/result.md"))
    else:
        result = _checked(http.get(f"{address}/result", params={"include": "fields,tables"})).json()
        lines = cli_format.csv(result, file) if work.format is Format.CSV else cli_format.table(result)
        out.writelines(f"{line}\n" for line in lines)
    succeeded = state == RunState.SUCCEEDED
    if not succeeded:
        say(f"quire: {file}: {state}")
    if not succeeded or work.format in (Format.MD, Format.CSV):  # the others hold the warnings themselves
        _remark(_checked(http.get(f"{address}/result", params={"include": ""})).json(), file)
    return OK if succeeded else PARTIAL


def _remark(lean: dict[str, Any], file: Path) -> None:
    """What there is to know of a result besides what was printed."""
    for page in lean["pages"]:
        if page["error"] is not None:
            say(f"quire: {file}: page {page['number']}: {page['error']['detail']}")
        elif page["state"] == PageState.UNREADABLE:
            say(f"quire: {file}: page {page['number']} could not be read")
    for warning in lean["warnings"]:
        where = f"page {warning['page']}: " if warning["page"] else ""
        say(f"quire: {file}: {where}{warning['detail']}")


def _copy(http: httpx.Client, address: str) -> None:
    """The body to stdout as it comes, ending in a newline."""
    with http.stream("GET", address) as response:
        if not response.is_success:
            response.read()
        _checked(response)
        for chunk in response.iter_bytes():
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _post(http: httpx.Client, file: Path, request: dict[str, Any]) -> dict[str, Any]:
    with file.open("rb") as content:
        parts: dict[str, Any] = {
            "request": (None, json.dumps(request).encode(), "application/json"),
            "file": (file.name, content),
        }
        answer = http.post("/v1/documents", files=parts, headers={"Prefer": f"wait={_WAIT_S}"})
    return dict(_checked(answer).json())


def _wait(http: httpx.Client, document: dict[str, Any]) -> dict[str, Any]:
    """Until the document has ended; a terminal shows how far it is."""
    shown = False
    while document["state"] not in _ENDED:
        progress = document["progress"]
        if sys.stderr.isatty() and progress["pages_total"]:
            done = progress["pages_done"] + progress["pages_failed"]
            typer.echo(f"\r{done} of {progress['pages_total']} pages", err=True, nl=False)
            shown = True
        pause = 1 if sys.stderr.isatty() else _WAIT_S
        answer = http.get(f"/v1/documents/{document['id']}", headers={"Prefer": f"wait={pause}"})
        document = _checked(answer).json()
    if shown:
        typer.echo("\r\x1b[K", err=True, nl=False)
    return document


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        raise Failed(detail=f"the service answered {answer.status_code}") from None
    kind = Misused if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY else Failed
    raise kind(problem.get("code"), str(problem.get("detail")))

"""`quire extract`: files in, results on stdout, by way of the HTTP API of a service here or elsewhere."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from quire_client import (
    Document,
    DocumentFailed,
    Export,
    Problem,
    Quire,
    QuireError,
    Request,
    Result,
    Retries,
)
from schemas.errors import Unavailable
from schemas.page import PageState
from schemas.result import RunState
from services.cli import FAILED, OK, PARTIAL, USAGE, DataDir, say
from services.cli_service import Url, connected
from services.intake.names import shown

_WAIT_S = 20


class Format(StrEnum):
    JSON = "json"
    MD = "md"
    CSV = "csv"
    TABLE = "table"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Extraction:
    """One call of the command."""

    files: Sequence[Path]
    request: Request
    format: Format

    @property
    def many(self) -> bool:
        """Whether more than one document may come out."""
        return len(self.files) > 1 or bool(self.request.get("split"))


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
    split: Annotated[
        bool, typer.Option("--split", help="a file may hold several documents: print each")
    ] = False,
    password: Annotated[str | None, typer.Option(help="of encrypted documents")] = None,
    language: Annotated[list[str] | None, typer.Option(help="such as de; repeat for more")] = None,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Read documents and print what they say. Exit code: 0 ok, 1 failed, 2 usage, 3 partial."""
    request = request_of(schema, ask, pages, password, language)
    if split:
        request["split"] = True
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        say(f"quire: no such file: {', '.join(missing)}")
        raise typer.Exit(USAGE)
    chosen = format or (Format.TABLE if schema or ask else Format.MD)
    work = Extraction(files, request, chosen)
    if chosen is Format.XLSX and (work.many or sys.stdout.isatty()):
        say("quire: xlsx is one file's, and no terminal's: quire extract a.pdf --format xlsx > a.xlsx")
        raise typer.Exit(USAGE)
    with connected(url, data_dir, "extract", Retries(3)) as quire:
        code = _all(work, quire)
    raise typer.Exit(code)


def request_of(
    schema: str | None,
    ask: list[str] | None,
    pages: str | None,
    password: str | None,
    language: list[str] | None,
) -> Request:
    """What options of the command line ask of a document."""
    request: Request = {}
    if schema is not None:
        request["schema"] = _schema(schema)
    if ask:
        request["questions"] = ask
    if pages is not None:
        request["pages"] = pages
    if password is not None:
        request["password"] = password
    if language:
        request["languages"] = language
    return request


def _schema(given: str) -> Any:
    """A file's JSON Schema, or the name as it is."""
    if not (given.endswith(".json") or Path(given).is_file()):
        return given
    try:
        return json.loads(Path(given).read_text("utf-8"))
    except (OSError, ValueError) as error:
        say(f"quire: {given}: {error}")
        raise typer.Exit(USAGE) from None


def _all(work: Extraction, quire: Quire) -> int:
    codes = []
    for file in work.files:
        try:
            codes.append(_one(work, file, quire))
        except Problem as error:
            say(f"quire: {shown(str(file))}: {error.detail}")
            # Not the document's fault: the request would be refused with any.
            codes.append(USAGE if error.status == httpx.codes.UNPROCESSABLE_ENTITY else FAILED)
        except DocumentFailed as error:
            say(f"quire: {shown(str(file))}: {error.detail}")
            codes.append(FAILED)
        except BrokenPipeError:
            raise
        except OSError as error:
            say(f"quire: {shown(str(file))}: {error.strerror}")
            codes.append(FAILED)
        except QuireError as error:
            raise Unavailable(detail=str(error)) from None
    if len(set(codes)) == 1:
        return codes[0]
    return PARTIAL


def _one(work: Extraction, file: Path, quire: Quire) -> int:
    document = quire.documents.submit(file, wait_s=_WAIT_S, **work.request)
    document = _wait(quire, document)
    state = RunState(document["state"])
    if state == RunState.FAILED:
        raise DocumentFailed(document)
    parts = document.get("parts")
    if parts is None:
        return _print(work, shown(str(file)), file, document, quire)
    _remark(quire.documents.result(document["id"], include=()), file)
    codes = {OK if state == RunState.SUCCEEDED else PARTIAL}
    for part in parts:
        assert part["document_id"] is not None
        name = f"{shown(str(file))} pages {part['pages']} ({part['class']})"
        codes.add(_print(work, name, file, quire.documents.wait(part["document_id"]), quire))
    return codes.pop() if len(codes) == 1 else PARTIAL


def _print(work: Extraction, name: str, file: Path, document: Document, quire: Quire) -> int:
    """One document, which is a file or part of one."""
    from services import cli_format  # noqa: PLC0415

    state = RunState(document["state"])
    if state == RunState.FAILED:
        say(f"quire: {name}: {document['error']['detail'] if document['error'] else state}")
        return FAILED
    out = sys.stdout
    if work.many and work.format in (Format.MD, Format.TABLE):
        out.write(f"<!-- {name} -->\n\n" if work.format is Format.MD else f"{name}\n")
    export = _export(work.format)
    if export is not None:
        out.flush()
        quire.documents.copy(document["id"], out.buffer, export)
        if work.format is not Format.XLSX:
            out.buffer.write(b"\n")
        out.buffer.flush()
    else:
        result = dict(quire.documents.result(document["id"], include=("fields", "tables")))
        lines = cli_format.csv(result, file) if work.format is Format.CSV else cli_format.table(result)
        out.writelines(f"{line}\n" for line in lines)
    succeeded = state == RunState.SUCCEEDED
    if not succeeded:
        say(f"quire: {name}: {state}")
    if not succeeded or work.format not in (Format.JSON, Format.TABLE):  # which hold the warnings
        _remark(quire.documents.result(document["id"], include=()), file)
    return OK if succeeded else PARTIAL


def _export(form: Format) -> Export | None:
    """What the service writes in this format; None for what is made here of its result."""
    if form is Format.XLSX:
        return Export.XLSX
    return {Format.JSON: Export.JSON, Format.MD: Export.MARKDOWN}.get(form)


def _remark(lean: Result, file: Path) -> None:
    """What there is to know of a result besides what was printed."""
    for page in lean["pages"]:
        if page["error"] is not None:
            say(f"quire: {shown(str(file))}: page {page['number']}: {page['error']['detail']}")
        elif page["state"] == PageState.UNREADABLE:
            say(f"quire: {shown(str(file))}: page {page['number']} could not be read")
    for warning in lean["warnings"]:
        where = f"page {warning['page']}: " if warning["page"] else ""
        say(f"quire: {shown(str(file))}: {where}{warning['detail']}")


def _wait(quire: Quire, document: Document) -> Document:
    """Until the document has ended; a terminal shows how far it is."""
    if document["finished_at"] is not None:
        return document
    if not sys.stderr.isatty():
        return quire.documents.wait(document["id"])
    document = quire.documents.wait(document["id"], told=_show)
    typer.echo("\r\x1b[K", err=True, nl=False)
    return document


def _show(document: Document) -> None:
    progress = document["progress"]
    if progress["pages_total"]:
        done = progress["pages_done"] + progress["pages_failed"]
        typer.echo(f"\r{done} of {progress['pages_total']} pages", err=True, nl=False)

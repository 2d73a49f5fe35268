"""Log lines: JSON with the names bound around them, and tracebacks that quote nothing."""

import json
import subprocess
import sys
from typing import Any

_PROGRAM = """
import logging, structlog
from services import logs
from services.settings import Settings
from schemas.errors import BadInput
logs.configure(Settings(log_format={format!r}, log_level="info"), "worker")
structlog.contextvars.bind_contextvars(request_id="req_1")
log = structlog.get_logger("workers.execute")
try:
    try:
        int("the text of a document")
    except ValueError as error:
        raise BadInput("request_invalid", "public words") from error
except BadInput:
    log.error("bug", exc_info=True)
    logging.getLogger("uvicorn.error").error("also of %s", "others", exc_info=True)
log.info("told")
log.debug("too much")
logging.getLogger("httpx").info("GET http://user:secret@host/")
"""


def _written(form: str) -> str:
    program = _PROGRAM.replace("{format!r}", repr(form))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def _lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in _written("json").splitlines()]


def test_every_line_names_its_process_and_request() -> None:
    found = _lines()
    assert [line["event"] for line in found] == ["bug", "also of others", "told"]
    assert {(line["process"], line["request_id"]) for line in found} == {("worker", "req_1")}
    assert [line["level"] for line in found] == ["error", "error", "info"]


def test_a_traceback_says_where_and_which_but_quotes_no_value() -> None:
    for line in _lines()[:2]:
        assert "ValueError" in line["exception"]
        assert "public words" in line["exception"]
        assert 'File "<string>", line' in line["exception"]
    for form in ("json", "console"):
        assert "the text of a document" not in _written(form)


def test_people_get_lines_too() -> None:
    text = _written("console")
    assert "told" in text
    assert "public words" in text
    assert "secret" not in text

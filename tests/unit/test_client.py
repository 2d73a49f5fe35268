"""The client against a service that misbehaves: what it tries again, what it says, what it never does."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import quire_client
from quire_client import (
    AnswerInvalid,
    Conflict,
    Document,
    Export,
    Forbidden,
    NotFound,
    Quire,
    RequestInvalid,
    Retries,
    StillRunning,
    TooMany,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from quire_client.errors import Expired, Problem
from tests.servers.server import free_port
from tests.servers.stage import Reply, Stage, refused, said

SOON = Retries(longest_pause_s=0.01)


def document(state: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"id": "doc_1", "run_id": "run_1", "state": state, "error": None, **more}


def client(stage: Stage, **options: Any) -> Quire:
    return Quire(stage.url, "secret-key", retries=options.pop("retries", SOON), trust_env=False, **options)


def test_it_needs_nothing_but_httpx() -> None:
    folder = Path(quire_client.__file__).parent
    imported = set()
    for module in folder.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
    from sys import stdlib_module_names

    assert imported - stdlib_module_names == {"httpx", "quire_client"}
    assert (folder / "py.typed").is_file()


@pytest.mark.parametrize(
    "passing", [refused(503, "unavailable"), refused(429, "backlog_full"), Reply(502, b"<html>")]
)
def test_what_may_pass_is_tried_again_under_the_same_key(passing: Reply) -> None:
    with Stage(passing, passing, said(document(), 202)) as stage, client(stage) as quire:
        assert quire.documents.submit(b"%PDF-1.7", pages="1")["id"] == "doc_1"
    keys = {asked.headers["idempotency-key"] for asked in stage.asked}
    assert (len(stage.asked), len(keys)) == (3, 1)
    assert {asked.headers["authorization"] for asked in stage.asked} == {"Bearer secret-key"}
    assert all(b"%PDF-1.7" in asked.body and b'{"pages": "1"}' in asked.body for asked in stage.asked)


def test_a_broken_connection_is_tried_again_only_where_twice_is_as_good_as_once() -> None:
    broken = Reply(200, b'{"items": []}', breaks=True)
    with Stage(broken, said({"items": [], "next_cursor": None})) as stage, client(stage) as quire:
        assert list(quire.documents.list()) == []
        assert len(stage.asked) == 2
    with Stage(broken) as stage, client(stage) as quire:
        with pytest.raises(Unreachable):
            quire.documents.correct("doc_1", [{"path": "total", "value": 1}])
        assert len(stage.asked) == 1


def test_retry_after_is_kept_to() -> None:
    from time import monotonic

    with (
        Stage(refused(429, "backlog_full", Retry_After="1"), said(document())) as stage,
        client(stage) as quire,
    ):
        began = monotonic()
        quire.documents.get("doc_1")
        assert monotonic() - began >= 1
    with Stage(refused(429, "backlog_full", Retry_After="3600")) as stage, client(stage) as quire:
        with pytest.raises(TooMany) as caught:
            quire.documents.get("doc_1")
        assert caught.value.retry_after_s == 3600
        assert len(stage.asked) == 1, "longer than it has patience for"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestInvalid), (401, Unauthorized), (403, Forbidden), (404, NotFound), (409, Conflict),
        (410, Expired), (412, Conflict), (413, RequestInvalid), (422, RequestInvalid), (500, Unavailable),
    ],
)  # fmt: skip
def test_problems_are_exceptions_with_their_members(status: int, kind: type[Problem]) -> None:
    members = {
        "type": "urn:quire:error:x", "title": "No", "status": status, "code": "x", "detail": "not that",
        "retryable": False, "request_id": "req_1", "errors": [{"pointer": "/a", "code": "y", "detail": "z"}],
        "later": 1,
    }  # fmt: skip
    with Stage(said(members, status)) as stage, client(stage) as quire:
        with pytest.raises(kind) as caught:
            quire.documents.get("doc_1")
        assert len(stage.asked) == 1
    problem = caught.value
    assert (problem.status, problem.code, problem.detail, problem.title) == (status, "x", "not that", "No")
    assert (problem.request_id, problem.type) == ("req_1", "urn:quire:error:x")
    assert problem.errors[0].pointer == "/a"
    assert problem.members["later"] == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b'{"code": null, "errors": 7}'])
def test_what_is_no_problem_json_is_a_problem_all_the_same(body: bytes) -> None:
    with Stage(Reply(418, body)) as stage, client(stage) as quire, pytest.raises(Problem) as caught:
        quire.documents.get("doc_1")
    assert (caught.value.code, caught.value.detail) == ("http_error", "the service answered 418")


def test_an_answer_that_is_not_json() -> None:
    with (
        Stage(Reply(200, b"<html>log in</html>")) as stage,
        client(stage) as quire,
        pytest.raises(AnswerInvalid),
    ):
        quire.documents.get("doc_1")


def test_nobody_there() -> None:
    with (
        Quire(f"http://127.0.0.1:{free_port()}", retries=Retries(1, longest_pause_s=0.01)) as quire,
        pytest.raises(Unreachable) as caught,
    ):
        quire.documents.get("doc_1")
    assert not caught.value.timed_out


def test_waiting_asks_to_be_held_and_polls_where_that_is_not_honoured() -> None:
    held = [
        said(document("processing"), Preference_Applied="wait=30"),
        said(document(), Preference_Applied="wait=30"),
    ]
    with Stage(*held) as stage, client(stage) as quire:
        assert quire.documents.wait("doc_1")["state"] == "succeeded"
        assert [asked.headers["prefer"] for asked in stage.asked] == ["wait=30", "wait=30"]
    with Stage(said(document("queued")), said(document("failed"))) as stage, client(stage) as quire:
        assert quire.documents.wait("doc_1")["state"] == "failed"
        assert "prefer" not in stage.asked[1].headers
    with Stage(Reply(504), said(document("queued")), said(document())) as stage, client(stage) as quire:
        assert quire.documents.wait("doc_1")["state"] == "succeeded"
        assert ["prefer" in asked.headers for asked in stage.asked] == [True, False, False]


def test_waiting_ends_when_it_was_told_to() -> None:
    seen: list[Document] = []
    with (
        Stage(said(document("processing"))) as stage,
        client(stage) as quire,
        pytest.raises(StillRunning) as caught,
    ):
        quire.documents.wait("doc_1", timeout_s=0.05, told=seen.append)
    assert caught.value.document["state"] == "processing"
    assert seen


def test_a_post_whose_wait_was_cut_short_is_looked_up_under_its_key() -> None:
    with Stage(Reply(504), said(document("processing"), 202)) as stage, client(stage) as quire:
        assert quire.documents.submit(b"x", wait_s=60)["state"] == "processing"
    first, second = stage.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert ("prefer" in first.headers, "prefer" in second.headers) == (True, False)


def test_silence_is_not_waited_for_longer_than_the_timeout() -> None:
    with (
        Stage(Reply(silent=True)) as stage,
        client(stage, timeout_s=0.2, retries=Retries(0)) as quire,
        pytest.raises(Unreachable) as caught,
    ):
        quire.documents.get("doc_1")
    assert caught.value.timed_out


def test_large_files_go_to_the_bucket_without_the_key(tmp_path: Path) -> None:
    file = tmp_path / "big.pdf"
    file.write_bytes(b"%PDF-1.7" + bytes(100))
    with Stage(Reply(503), Reply(200)) as bucket:
        ticket = {
            "upload_id": "upl_1",
            "url": f"{bucket.url}/put?sig=1",
            "method": "PUT",
            "headers": {"x-a": "b"},
        }
        with Stage(said(ticket, 201), said(document())) as stage, client(stage) as quire:
            quire.documents.submit(file, large=10, schema="invoice")
        announced, posted = (json.loads(asked.body) for asked in stage.asked)
        sent = bucket.asked[1]
    assert (announced["filename"], announced["bytes"], len(announced["sha256"])) == ("big.pdf", 108, 64)
    assert posted == {"source": {"upload": "upl_1"}, "request": {"schema": "invoice"}}
    assert (sent.method, sent.path, sent.headers["x-a"], sent.body) == (
        "PUT",
        "/put?sig=1",
        "b",
        file.read_bytes(),
    )
    assert "authorization" not in sent.headers


def test_without_a_bucket_large_files_go_through_the_service(tmp_path: Path) -> None:
    file = tmp_path / "big.pdf"
    file.write_bytes(bytes(100))
    with Stage(refused(422, "unsupported"), said(document())) as stage, client(stage) as quire:
        quire.documents.submit(file, large=10)
        assert stage.asked[1].headers["content-type"].startswith("multipart/form-data")
    with Stage(said(document())) as stage, client(stage) as quire:
        quire.documents.submit(file, large=10, idempotency_key="mine")
        assert len(stage.asked) == 1, "a key recognises nothing across uploads"


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("https://example.com/a.pdf", {"url": "https://example.com/a.pdf"}),
        ("s3://inbox/a.pdf", {"object": "s3://inbox/a.pdf"}),
    ],
)
def test_an_address_is_for_the_service_to_fetch(source: str, sent: dict[str, str]) -> None:
    with Stage(said(document())) as stage, client(stage) as quire:
        quire.documents.submit(source, labels={"a": "b"})
    assert json.loads(stage.asked[0].body) == {"source": sent, "request": {"labels": {"a": "b"}}}


def test_an_open_file_is_sent_from_its_beginning_at_each_try(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"%PDF whole")
    with (
        Stage(Reply(503), said(document())) as stage,
        client(stage) as quire,
        (tmp_path / "a").open("rb") as file,
    ):
        file.read(5)
        quire.documents.submit(file, filename="a.pdf")
        assert not file.closed
    assert all(b'filename="a.pdf"' in asked.body and b"%PDF whole" in asked.body for asked in stage.asked)


def test_names_that_are_no_text_are_sent_as_near_as_can_be(tmp_path: Path) -> None:
    file = tmp_path / b"r\xe9sum\xe9.pdf".decode("utf-8", "surrogateescape")
    file.write_bytes(b"%PDF")
    with Stage(said(document())) as stage, client(stage) as quire:
        quire.documents.submit(file)
    assert b'filename="r?sum?.pdf"' in stage.asked[0].body


def test_ids_cannot_leave_their_place_in_the_address() -> None:
    with Stage(said(document())) as stage, client(stage) as quire:
        quire.documents.get("../webhooks?x=1#y")
    assert stage.asked[0].path == "/v1/documents/..%2Fwebhooks%3Fx%3D1%23y"


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "clé", "two words"])
def test_keys_that_are_none_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Quire("http://127.0.0.1:1", key)


def test_a_download_that_breaks_is_begun_again_and_never_half_there(tmp_path: Path) -> None:
    whole = b'{"pages": []}' * 100
    with Stage(Reply(200, whole, breaks=True), Reply(200, whole)) as stage, client(stage) as quire:
        assert quire.documents.save("doc_1", tmp_path / "a.json") == len(whole)
    assert (tmp_path / "a.json").read_bytes() == whole
    with Stage(Reply(200, whole, breaks=True)) as stage, client(stage) as quire, pytest.raises(Unreachable):
        quire.documents.save("doc_1", tmp_path / "b.md", Export.MARKDOWN)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.fixture
def listing() -> Iterator[Stage]:
    pages = [said({"items": [1, 2], "next_cursor": "c"}), said({"items": [3], "next_cursor": None})]
    with Stage(*pages) as stage:
        yield stage


def test_listings_are_read_to_the_end(listing: Stage) -> None:
    with client(listing) as quire:
        assert [*map(str, quire.documents.list(state="failed", labels={"a": "b c"}))] == ["1", "2", "3"]
    assert [asked.path.partition("?")[2] for asked in listing.asked] == [
        "state=failed&label.a=b+c", "state=failed&label.a=b+c&cursor=c",
    ]  # fmt: skip


def test_queries_are_read_to_the_end(listing: Stage) -> None:
    with client(listing) as quire:
        assert [*map(str, quire.queries.rows({"select": ["total"]}))] == ["1", "2", "3"]
    assert json.loads(listing.asked[1].body) == {"select": ["total"], "cursor": "c"}


def test_lines_of_a_batch_are_taken_up_after_the_last_whole_one() -> None:
    lines = b'{"sequence": 1}\n\n{"sequence": 2}\n'
    cut = Reply(200, lines + b'{"sequence": ' + b"x" * 60, breaks=True)
    with Stage(cut, Reply(200, b'{"sequence": 3}\n')) as stage, client(stage) as quire:
        assert [line["sequence"] for line in quire.batches.results("bat_1", include=())] == [1, 2, 3]
    assert stage.asked[1].path == "/v1/batches/bat_1/results.ndjson?cursor=2&include="


def test_following_goes_on_until_the_batch_has_ended_not_until_a_stream_has() -> None:
    """A service that is stopped ends its streams in good order."""
    running, ended = said({"state": "processing"}), said({"state": "succeeded"})
    first, second = Reply(200, b'{"sequence": 1}\n'), Reply(200, b'{"sequence": 2}\n')
    with Stage(running, first, ended, second) as stage, client(stage) as quire:
        lines = quire.batches.results("bat_1", follow=True, include=())
        assert [line["sequence"] for line in lines] == [1, 2]
    assert [one.path for one in stage.asked][1::2] == [
        "/v1/batches/bat_1/results.ndjson?cursor=0&follow=true&include=",
        "/v1/batches/bat_1/results.ndjson?cursor=1&follow=true&include=",
    ]


def test_what_broke_is_tried_again_as_often_as_something_came_in_between() -> None:
    breaks = [Reply(200, b'{"sequence": %d}\n' % n + b"x" * 90, breaks=True) for n in range(1, 5)]
    retries = Retries(most=1, longest_pause_s=0.01)
    with Stage(*breaks, Reply(200, b"")) as stage, client(stage, retries=retries) as quire:
        assert [line["sequence"] for line in quire.batches.results("bat_1")] == [1, 2, 3, 4]


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85"])
def test_lines_of_a_batch_end_at_line_feeds_alone(end: str) -> None:
    text = json.dumps({"sequence": 1, "external_id": f"a{end}b"}, ensure_ascii=False)
    with Stage(Reply(200, f"{text}\n".encode())) as stage, client(stage) as quire:
        assert [line["external_id"] for line in quire.batches.results("bat_1")] == [f"a{end}b"]


def test_waiting_for_a_batch() -> None:
    states = [{"id": "bat_1", "state": state} for state in ("queued", "processing", "partial")]
    with Stage(*map(said, states)) as stage, client(stage) as quire:
        assert quire.batches.wait("bat_1")["state"] == "partial"
    assert len(stage.asked) == 3


def test_deleting_a_batch_says_what_becomes_of_its_documents() -> None:
    with Stage(Reply(204, b""), Reply(204, b"")) as stage, client(stage) as quire:
        quire.batches.delete("bat_1")
        quire.batches.delete("bat_1", documents=True)
    assert [(one.method, one.path) for one in stage.asked] == [
        ("DELETE", "/v1/batches/bat_1"),
        ("DELETE", "/v1/batches/bat_1?documents=true"),
    ]

"""The client of OpenAI-compatible servers, against a server that fails in every way, over real sockets."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from model_runtime.chat import Finish, Reply, Turn
from model_runtime.continuation import complete_on
from model_runtime.engine_url import parse
from model_runtime.families import Family
from model_runtime.fault_script import Rule, Script
from model_runtime.fault_server import FaultServer, serving
from model_runtime.vllm_client import VllmChat
from schemas.errors import DocumentUnreadable, EngineUnavailable, QuireError, RequestInvalid, Unsupported
from tests.contract.pictures import picture

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "total": {"type": ["string", "null"]},
        "items": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["total", "items"],
    "additionalProperties": False,
}


def never() -> bool:
    return False


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serving() as running:
        yield running


@contextlib.contextmanager
def client(
    *servers: FaultServer, query: str = "", scheme: str = "vllm+http", key: str | None = None
) -> Iterator[VllmChat]:
    urls = ",".join(server.url.replace("http", scheme, 1) for server in servers)
    with contextlib.closing(VllmChat(parse(urls + query), key)) as chat:
        yield chat


def ask(server: FaultServer, rule: Rule | None = None, *, query: str = "", turn: Turn | None = None) -> Reply:
    if rule is not None:
        server.use(replaced(server.script, rules=(rule,)))
    with client(server, query=query) as chat:
        return chat.complete(turn or Turn("Read the text.", (picture(),)), never)


def replaced(script: Script, **changes: Any) -> Script:
    return script.model_copy(update=changes)


def test_a_reply_comes_with_tokens_probabilities_and_counts(server: FaultServer) -> None:
    reply = ask(server, Rule(reply="Gesamt 123,45 €\u2028Ende"))
    assert reply.text == "Gesamt 123,45 €\u2028Ende"
    assert reply.finish is Finish.STOP
    assert "".join(token.text for token in reply.tokens) == reply.text
    assert all(token.logprob is not None and token.logprob < 0 for token in reply.tokens)
    assert reply.visual_tokens == 50
    assert reply.prompt_tokens > 52
    assert reply.completion_tokens == len(reply.tokens)
    assert reply.warnings == ()


def test_a_schema_is_sent_cleaned(server: FaultServer) -> None:
    schema = SCHEMA | {
        "properties": {**SCHEMA["properties"], "items": {"type": "array", "uniqueItems": True}}
    }
    reply = ask(server, turn=Turn("p", (), schema))
    assert reply.text == '{"total":null,"items":[null]}'
    sent = server.log[-1].body["response_format"]["json_schema"]["schema"]
    assert sent["properties"]["items"] == {"type": "array"}


@pytest.mark.parametrize("loop", ["lines", "ngrams", "rows", "paragraphs"])
def test_a_loop_is_cut_off_and_the_server_stops(server: FaultServer, loop: str) -> None:
    reply = ask(server, Rule(reply="A page.\n", loop=loop, between_tokens_s=0.001))
    assert reply.finish is Finish.LOOP
    assert "in a row" in str(reply.reason)
    until = time.monotonic() + 5
    while server.running and time.monotonic() < until:
        time.sleep(0.01)
    assert server.running == 0, "closing the stream must free the server"
    assert not server.log[-1].finished


def test_a_cancelled_turn_ends_within_half_a_second_and_frees_the_server(server: FaultServer) -> None:
    server.use(Script(rules=(Rule(reply="x" * 4000, between_tokens_s=0.05),)))
    stop = threading.Event()
    with client(server) as chat, ThreadPoolExecutor(1) as pool:
        call = pool.submit(chat.complete, Turn("p"), stop.is_set)
        time.sleep(0.5)
        assert server.running == 1
        begun = time.monotonic()
        stop.set()
        assert call.result(10).finish is Finish.CANCELLED
        assert time.monotonic() - begun < 0.5
        while server.running and time.monotonic() - begun < 2:
            time.sleep(0.01)
        assert server.running == 0


def test_a_cancelled_turn_need_not_wait_for_a_first_token(server: FaultServer) -> None:
    server.use(Script(rules=(Rule(first_token_s=60),)))
    begun = time.monotonic()
    with client(server) as chat:
        assert chat.complete(Turn("p"), lambda: time.monotonic() - begun > 0.3).finish is Finish.CANCELLED
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("rule", "code", "kind"),
    [
        (Rule(status=429), "engine_overloaded", EngineUnavailable),
        (Rule(status=503), "engine_overloaded", EngineUnavailable),
        (Rule(status=500), "engine_failed", EngineUnavailable),
        (Rule(status=502), "engine_unavailable", EngineUnavailable),
        (Rule(status=401), "engine_unauthorized", EngineUnavailable),
        (Rule(status=404), "engine_model_missing", EngineUnavailable),
        (Rule(status=413), "page_image_too_large", DocumentUnreadable),
        (Rule(status=400, message="maximum context length is 4096"), "context_exceeded", DocumentUnreadable),
        (Rule(status=400, message="cannot identify image file"), "page_image_broken", DocumentUnreadable),
        (Rule(status=400, message="Invalid JSON schema"), "schema_unsupported", RequestInvalid),
        (Rule(status=400, message="no"), "engine_refused", RequestInvalid),
        (Rule(close_after=0), "engine_lost", EngineUnavailable),
        (Rule(close_after=0, reset=True), "engine_lost", EngineUnavailable),
        (Rule(reply="x" * 40, close_after=5), "engine_lost", EngineUnavailable),
        (Rule(reply="x" * 40, close_after=5, reset=True), "engine_lost", EngineUnavailable),
        (Rule(reply="x" * 40, truncate=5, aborted=True), "engine_lost", EngineUnavailable),
    ],
)  # fmt: skip
def test_every_failure_has_its_code(
    server: FaultServer, rule: Rule, code: str, kind: type[QuireError]
) -> None:
    with pytest.raises(kind) as failed:
        ask(server, rule)
    assert failed.value.code == code


def test_the_words_of_a_server_stay_out_of_errors(server: FaultServer) -> None:
    with pytest.raises(QuireError) as failed:
        ask(server, Rule(status=400, message="image of Jane Doe, 1 Secret Road"))
    assert "Jane" not in failed.value.detail


def test_500_is_not_asked_again(server: FaultServer) -> None:
    with pytest.raises(EngineUnavailable):
        ask(server, Rule(status=500))
    assert len(server.log) == 1


@pytest.mark.parametrize(
    ("header", "least", "most"), [("7", 7, 7), (None, None, None), ("nonsense", None, None)]
)
def test_retry_after_is_handed_on(
    server: FaultServer, header: str | None, least: float | None, most: float | None
) -> None:
    with pytest.raises(EngineUnavailable) as failed:
        ask(server, Rule(status=429, retry_after=header))
    assert failed.value.retry_after_s == least == most


@pytest.mark.parametrize(
    ("rule", "query"),
    [
        (Rule(first_token_s=30), "?first_token_s=0.3"),
        (Rule(reply="x" * 400, between_tokens_s=30), "?between_tokens_s=0.3"),
        (Rule(reply="x" * 4000, between_tokens_s=0.02), "?total_s=0.5"),
    ],
)
def test_slow_servers_are_given_up(server: FaultServer, rule: Rule, query: str) -> None:
    with pytest.raises(EngineUnavailable) as failed:
        ask(server, rule, query=query)
    assert failed.value.code == "engine_timeout"


def test_wrong_token_counts_are_a_warning(server: FaultServer) -> None:
    reply = ask(server, Rule(extra_visual_tokens=600))
    assert [warning.code for warning in reply.warnings] == ["visual_tokens_mismatch"]
    assert reply.visual_tokens == 650


def test_wrong_token_counts_show_without_vllm_too(server: FaultServer) -> None:
    rules = (Rule(times=1), Rule(extra_visual_tokens=9))
    server.use(Script(vllm=False, rules=rules))
    with client(server, scheme="openai+http") as chat:
        first = chat.complete(Turn("p", (picture(),)), never)
        second = chat.complete(Turn("p", (picture(560, 280),)), never)
    assert first.warnings == ()
    assert [warning.code for warning in second.warnings] == ["visual_tokens_mismatch"]


def test_a_server_without_logprobs_or_extensions_works(server: FaultServer) -> None:
    server.use(Script(vllm=False, logprobs=False))
    with client(server, scheme="openai+http") as chat:
        reply = chat.complete(Turn("p", (picture(),), SCHEMA), never)
    assert reply.finish is Finish.STOP
    assert {token.logprob for token in reply.tokens} == {None}
    assert "skip_special_tokens" not in server.log[-1].body


def test_a_key_is_sent_and_a_wrong_one_named(server: FaultServer) -> None:
    server.use(Script(key="sesame"))
    with client(server, key="sesame") as chat:
        assert chat.complete(Turn("p"), never).finish is Finish.STOP
    with client(server, key="wrong") as chat, pytest.raises(EngineUnavailable) as failed:
        chat.complete(Turn("p"), never)
    assert failed.value.code == "engine_unauthorized"
    assert "wrong" not in failed.value.detail.replace("missing or wrong", "")


def test_truncation_is_reported_and_can_be_continued(server: FaultServer) -> None:
    text = "".join(f"line {n}\n" for n in range(40))
    server.use(Script(rules=(Rule(reply=text, truncate=30),)))
    with client(server) as chat:
        cut = chat.complete(Turn("p"), never)
        assert (cut.finish, len(cut.text)) == (Finish.LENGTH, 120)
        whole = complete_on(chat, Turn("p"), never, times=5)
    assert (whole.finish, whole.text) == (Finish.STOP, text)
    assert "".join(token.text for token in whole.tokens) == text
    assert whole.completion_tokens >= len(text) // 4


def test_continuing_is_refused_where_it_cannot_be_done(server: FaultServer) -> None:
    server.use(Script(vllm=False))
    with client(server, scheme="openai+http") as chat, pytest.raises(Unsupported):
        chat.complete(Turn("p", prefix="The beginning"), never)


def test_the_reply_is_kept_within_the_context(server: FaultServer) -> None:
    server.use(Script(context=1000))
    with client(server) as chat:
        chat.complete(Turn("p" * 40, (picture(),), max_tokens=4096), never)
        assert server.log[-1].body["max_tokens"] == 1000 - 52 - (11 + 10)
        with pytest.raises(DocumentUnreadable) as failed:
            chat.complete(Turn("p", (picture(980, 980),)), never)
    assert failed.value.code == "context_exceeded"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"data": b"no image"}, "page_image_broken"),
        ({"width": 308}, "page_image_broken"),
        ({"data": picture().data[:-20]}, "page_image_broken"),
        ({"data": picture().data.replace(b"IDAT", b"IDAX")}, "page_image_broken"),
        ({"media_type": "image/webp"}, "page_image_broken"),
        ({"data": picture(8400, 28).data, "width": 8400, "height": 28}, "page_aspect_ratio"),
    ],
)
def test_broken_images_are_never_sent(server: FaultServer, change: dict[str, Any], code: str) -> None:
    with pytest.raises(DocumentUnreadable) as failed:
        ask(server, turn=Turn("p", (replace(picture(), **change),)))
    assert failed.value.code == code
    assert server.log == []


def test_jpeg_images_are_sent(server: FaultServer) -> None:
    assert ask(server, turn=Turn("p", (picture(media_type="image/jpeg"),))).visual_tokens == 50


def test_sixty_four_pages_at_once(server: FaultServer) -> None:
    server.use(Script(rules=(Rule(reply="word " * 40, first_token_s=4, between_tokens_s=0.005),)))
    with client(server, query="?max_in_flight=64") as chat, ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda n: chat.complete(Turn(f"page {n}"), never), range(64)))
    assert {reply.text for reply in replies} == {"word " * 40}
    assert server.most_at_once == 64


def both(one: FaultServer, other: FaultServer) -> Callable[[], tuple[int, int]]:
    return lambda: (len(one.log), len(other.log))


def test_the_least_busy_server_gets_the_next_page() -> None:
    slow = Script(rules=(Rule(first_token_s=0.3),))
    with serving(slow) as one, serving(slow) as other, client(one, other) as chat:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: chat.complete(Turn(f"{n}"), never), range(8)))
        assert both(one, other)() == (4, 4)


def test_a_full_server_is_passed_over() -> None:
    with serving(Script(rules=(Rule(status=503, retry_after="60"),))) as full, serving() as free:
        with client(full, free) as chat:
            for n in range(4):
                assert chat.complete(Turn(f"{n}"), never).finish is Finish.STOP
        assert both(full, free)() == (1, 4)


def test_a_dead_server_is_passed_over_and_comes_back() -> None:
    dead = FaultServer()
    dead.start()
    port = dead.port
    with serving() as alive, client(dead, alive) as chat:
        dead.stop()
        for n in range(6):
            assert chat.complete(Turn(f"{n}"), never).finish is Finish.STOP
        assert len(alive.log) == 6
        with serving(port=port) as back:
            until = time.monotonic() + 20
            while not back.log and time.monotonic() < until:
                chat.complete(Turn("again"), never)
                time.sleep(0.05)
            assert back.log, "a server that came back gets pages again"


def test_when_all_are_dead_it_says_when_to_come_back() -> None:
    dead = FaultServer()
    dead.start()
    with client(dead) as chat:
        assert chat.complete(Turn("p"), never).finish is Finish.STOP
        dead.stop()
        codes = set()
        for _ in range(8):
            with pytest.raises(EngineUnavailable) as failed:
                chat.complete(Turn("p"), never)
            codes.add(failed.value.code)
    assert codes == {"engine_unavailable"}


def test_a_server_with_a_long_queue_gets_no_more(server: FaultServer) -> None:
    server.use(Script(waiting=500, rules=(Rule(prompt="slow", first_token_s=2.5),)))
    with client(server) as chat, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(chat.complete, Turn("slow"), never)
        time.sleep(1.5)
        with pytest.raises(EngineUnavailable) as failed:
            chat.complete(Turn("p"), never)
        assert failed.value.code == "engine_overloaded"
        assert failed.value.retry_after_s
        assert slow.result(10).finish is Finish.STOP
        time.sleep(1.5)
        assert chat.complete(Turn("p"), never).finish is Finish.STOP


def test_a_drained_server_gets_no_more_and_ends_what_it_has() -> None:
    with serving(Script(rules=(Rule(prompt="slow", first_token_s=1),))) as one, serving() as other:
        with client(one, other) as chat, ThreadPoolExecutor(1) as pool:
            slow = pool.submit(chat.complete, Turn("slow"), never)
            time.sleep(0.4)
            assert chat.drain(f"{one.url}/v1")
            for n in range(3):
                chat.complete(Turn(f"{n}"), never)
            assert slow.result(10).finish is Finish.STOP
        assert both(one, other)() == (1, 3)


def test_idle_connections_that_the_server_closed_cost_nothing(server: FaultServer) -> None:
    with client(server) as chat:
        chat.complete(Turn("p"), never)
        port = server.port
        server.stop()
        with serving(port=port):
            assert chat.complete(Turn("p"), never).finish is Finish.STOP


def test_the_server_says_what_it_hosts(server: FaultServer) -> None:
    server.use(Script(model="Qwen/Qwen3-VL-8B-Instruct", factor=32, context=1024))
    with client(server) as chat:
        served = chat.served
        assert chat.family is Family.QWEN3_VL
    assert (served.model, served.context, served.version) == (
        "Qwen/Qwen3-VL-8B-Instruct",
        1024,
        "vllm 0.0.faults",
    )


def test_a_server_that_is_not_up_yet_is_no_reason_not_to_start() -> None:
    url = parse("http://127.0.0.1:9?model=Qwen/Qwen2.5-VL-7B-Instruct")
    with contextlib.closing(VllmChat(url)) as chat:
        assert (chat.family, chat.served.version) == (Family.QWEN2_5_VL, "")
        with pytest.raises(EngineUnavailable):
            chat.complete(Turn("p"), never)


def test_a_server_that_comes_up_later_is_noticed() -> None:
    late = FaultServer()
    late.start()
    port = late.port
    late.stop()
    with contextlib.closing(VllmChat(parse(f"http://127.0.0.1:{port}"))) as chat:
        assert chat.served.model == ""
        with serving(port=port):
            assert chat.complete(Turn("p"), never).finish is Finish.STOP
            assert chat.served.model == "Qwen/Qwen2-VL-2B-Instruct"


def test_a_model_that_is_not_hosted_is_named(server: FaultServer) -> None:
    with client(server, query="?model=other") as chat, pytest.raises(EngineUnavailable) as failed:
        chat.complete(Turn("p"), never)
    assert failed.value.code == "engine_model_missing"
    assert "Qwen2-VL-2B" in failed.value.detail


def test_a_closed_client_says_so(server: FaultServer) -> None:
    with client(server) as chat:
        chat.complete(Turn("p"), never)
    with pytest.raises(EngineUnavailable):
        chat.complete(Turn("p"), never)


def test_hostile_and_short_replies_come_as_they_are(server: FaultServer) -> None:
    rules = (
        Rule(prompt="obey", fill="APPROVED"),
        Rule(prompt="short", reply={"total": "1", "items": ["a", "b", "c"]}, shorten_lists=1),
        Rule(prompt="broken", reply={"total": "1", "items": []}, invalid_json=True),
    )
    server.use(Script(rules=rules))
    with client(server) as chat:
        texts = [chat.complete(Turn(p, (), SCHEMA), never).text for p in ("obey", "short", "broken")]
    assert texts == [
        '{"total":"APPROVED","items":["APPROVED"]}',
        '{"total":"1","items":["a"]}',
        '{"total":"1","items":',
    ]

"""Streams are put together whatever way they were cut, and schemas come out decodable."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from model_runtime.chat_wire import Collected, Lines, piece
from model_runtime.constraints import decodable
from model_runtime.refusals import message_of, retry_after

TEXTS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20)


def stream(texts: list[str]) -> bytes:
    events: list[dict[str, Any]] = [
        {
            "choices": [
                {"delta": {"content": text}, "logprobs": {"content": [{"token": text, "logprob": -0.5}]}}
            ]
        }
        for text in texts
    ]
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    events.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": len(texts)}})
    lines = [b": keep-alive", *(b"data: " + json.dumps(e, ensure_ascii=False).encode() for e in events)]
    return b"\n\n".join([*lines, b"data: [DONE]", b""])


@given(TEXTS, st.lists(st.integers(1, 40), min_size=1))
def test_a_stream_may_be_cut_anywhere(texts: list[str], cuts: list[int]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    data, lines, collected = stream(texts), Lines(), Collected()
    at = index = 0
    done = False
    while at < len(data):
        size = cuts[index % len(cuts)]
        for line in lines.feed(data[at : at + size]):
            if (new := piece(line)) is not None:
                done = done or new.done
                collected.add(new)
        at, index = at + size, index + 1
    assert [token.text for token in collected.tokens] == texts
    assert (collected.prompt_tokens, collected.completion_tokens, done) == (9, len(texts), True)


def test_half_characters_belong_to_the_token_that_completes_them() -> None:
    scored = [{"token": "�", "logprob": -1.0}, {"token": "�", "logprob": -2.0}]
    event = {"choices": [{"delta": {"content": "é"}, "logprobs": {"content": scored}}]}
    found = piece(b"data: " + json.dumps(event).encode())
    assert found is not None
    assert [(token.text, token.logprob) for token in found.tokens] == [("", -1.0), ("é", -2.0)]


def test_an_error_within_a_stream_is_one() -> None:
    found = piece(b'data: {"error": {"message": "EngineCore died", "code": 500}}')
    assert found is not None
    assert found.error == "EngineCore died"


def test_schemas_lose_what_grammars_refuse_and_nothing_else() -> None:
    schema = {
        "type": "object",
        "title": "gone",
        "properties": {
            "title": {"type": "string", "description": "gone", "format": "idn-email"},
            "not": {"type": "array", "uniqueItems": True, "items": {"type": "string", "format": "date"}},
            "kind": {"enum": [{"title": "kept"}]},
        },
        "$defs": {"default": {"type": "null", "default": None}},
    }
    assert decodable(schema) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "not": {"type": "array", "items": {"type": "string", "format": "date"}},
            "kind": {"enum": [{"title": "kept"}]},
        },
        "$defs": {"default": {"type": "null"}},
    }


def test_retry_after_is_a_number_or_a_date() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, now) == 30
    assert retry_after({"retry-after": "Thu, 01 Jan 2015 00:00:30 GMT"}, now) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_the_words_of_servers_are_found_in_any_of_their_shapes() -> None:
    assert message_of(b'{"error": {"message": "a", "code": 400}}') == "a"
    assert message_of(b'{"detail": "b"}') == "b"
    assert message_of(b"<html>c") == "<html>c"
    assert message_of(b"[]") == "[]"

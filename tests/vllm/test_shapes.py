"""What holds for any weights: tokens counted as predicted, replies that fit schemas, errors by name."""

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest

from model_runtime.chat import Finish, Turn
from model_runtime.constraints import decodable
from model_runtime.continuation import complete_on
from model_runtime.vllm_client import VllmChat
from pipeline.budget import smart_resize
from schemas.errors import DocumentUnreadable, RequestInvalid
from tests.contract.pictures import picture
from tests.vllm.server import VllmServer

SIZES = 200


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


LEAF = closed(value={"type": ["string", "null"]}, quote={"type": ["string", "null"]})
PLACE = {"type": "integer", "minimum": 0, "maximum": 1000}
SCHEMAS = {
    "fields": closed(total=LEAF, date=LEAF),
    "items": closed(items={"type": "array", "items": LEAF, "maxItems": 3}),
    "choice": closed(kind={"enum": ["invoice", "receipt", None]}),
    "box": closed(box={"type": "array", "items": PLACE, "minItems": 4, "maxItems": 4}),
    "refused keywords": closed(
        a={"type": "array", "uniqueItems": True, "items": {"type": "boolean"}, "maxItems": 2}
    ),
}


def never() -> bool:
    return False


def sizes(count: int) -> list[tuple[int, int]]:
    """Page sizes of all shapes, as the budget would decide them."""
    rng = random.Random(7)
    # The smallest image that the checkpoint's own preprocessor takes as it is has 4 tokens.
    found = {(56, 56), (28, 1400), (840, 1176), (1176, 840), (924, 1064)}
    while len(found) < count:
        width, height = rng.randint(20, 3000), rng.randint(20, 3000)
        pixels = rng.choice([3136, 40_000, 200_704, 500_000, 1_003_520])
        height, width = smart_resize(height, width, 28, 3136, pixels)
        if width * height >= 3136:
            found.add((width, height))
    return sorted(found)


def test_visual_tokens_are_counted_as_predicted(tiny_chat: VllmChat) -> None:
    wanted = sizes(SIZES)

    def counted(size: tuple[int, int]) -> tuple[int, list[str]]:
        reply = tiny_chat.complete(Turn("Read the text.", (picture(*size),), max_tokens=1), never)
        return reply.visual_tokens, [warning.code for warning in reply.warnings]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(counted, wanted))
    assert found == [((width // 28) * (height // 28), []) for width, height in wanted]


def test_an_image_that_the_server_resizes_is_noticed(tiny_chat: VllmChat) -> None:
    reply = tiny_chat.complete(Turn("Read the text.", (picture(1680, 1176),), max_tokens=1), never)
    assert [warning.code for warning in reply.warnings] == ["visual_tokens_mismatch"]


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("again", range(3))
def test_whatever_the_weights_the_reply_fits_the_schema(tiny_chat: VllmChat, name: str, again: int) -> None:
    schema = SCHEMAS[name]
    turn = Turn("Extract.", (picture(),), schema, max_tokens=1500, temperature=1.0)
    reply = tiny_chat.complete(turn, never)
    assert "".join(token.text for token in reply.tokens) == reply.text
    if reply.finish is Finish.STOP:
        jsonschema.validate(json.loads(reply.text), decodable(schema))
    else:
        assert reply.finish in (Finish.LOOP, Finish.LENGTH), "noise may go round in circles inside a string"


def test_noise_that_goes_round_in_circles_is_cut_off(tiny_chat: VllmChat) -> None:
    """Greedy decoding of random weights soon repeats itself."""
    ends = [
        tiny_chat.complete(Turn(f"Read page {n}.", (picture(28 * n, 280),), max_tokens=3500), never)
        for n in range(2, 10)
    ]
    loops = [reply for reply in ends if reply.finish is Finish.LOOP]
    assert loops, [reply.finish for reply in ends]
    assert all(len(reply.tokens) < 3500 for reply in loops)


def test_sixty_four_pages_at_once(tiny_chat: VllmChat) -> None:
    def read(number: int) -> tuple[Finish, int]:
        turn = Turn(f"Read page {number}.", (picture(308, 448),), max_tokens=48, temperature=0.8)
        reply = tiny_chat.complete(turn, never)
        return reply.finish, reply.visual_tokens

    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(read, range(64)))
    assert {tokens for _, tokens in replies} == {11 * 16}
    assert {finish for finish, _ in replies} <= {Finish.STOP, Finish.LENGTH}


def running(server: VllmServer) -> float:
    text = httpx.get(f"{server.url}/metrics", timeout=30).text
    lines = [line for line in text.splitlines() if line.startswith("vllm:num_requests_running")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_cancelled_pages_free_their_slots(tiny: VllmServer, tiny_chat: VllmChat) -> None:
    """Many at once: a single one may have ended before the server says that it runs."""
    stop = threading.Event()

    def read(number: int) -> Finish:
        turn = Turn(f"Read page {number}.", (picture(84, 280),), max_tokens=3500, patience=10_000)
        return tiny_chat.complete(turn, stop.is_set).finish

    with ThreadPoolExecutor(32) as pool:
        calls = [pool.submit(read, number) for number in range(32)]
        until = time.monotonic() + 60
        while not running(tiny) and time.monotonic() < until:
            time.sleep(0.05)
        stop.set()
        ends = [call.result(30) for call in calls]
    assert Finish.CANCELLED in ends
    assert Finish.LENGTH not in ends, "what still ran is written to its end"
    until = time.monotonic() + 30
    while running(tiny) and time.monotonic() < until:
        time.sleep(0.05)
    assert running(tiny) == 0


def test_a_reply_can_be_continued(tiny_chat: VllmChat) -> None:
    """What is said in two halves is what is said at once."""
    turn = Turn("Read the text.", (picture(),), max_tokens=24, patience=10_000)
    whole = tiny_chat.complete(replace(turn, max_tokens=48), never)
    halves = complete_on(tiny_chat, turn, never, times=1)
    if "�" not in whole.text:  # half a character cannot be handed back
        assert halves.text == whole.text
    assert halves.completion_tokens == whole.completion_tokens or "�" in whole.text


def test_what_does_not_fit_is_refused_by_name(tiny_chat: VllmChat) -> None:
    with pytest.raises(DocumentUnreadable) as long:
        tiny_chat.complete(Turn("word " * 5000), never)
    assert long.value.code == "context_exceeded"
    with pytest.raises(RequestInvalid) as schema:
        tiny_chat.complete(
            Turn("p", schema={"type": "object", "properties": {"a": {"type": "nonsense"}}}), never
        )
    assert schema.value.code in ("schema_unsupported", "engine_refused")


def test_the_server_is_recognised(tiny_chat: VllmChat) -> None:
    served = tiny_chat.served
    assert (served.model, served.context, served.vllm) == ("tiny-qwen2-vl", 4096, True)
    assert served.version.startswith("vllm 0.")

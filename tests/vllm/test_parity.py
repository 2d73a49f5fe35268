"""The model in this process and the one behind vLLM are the same model: same tokens, same probabilities."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_runtime.chat import ChatModel, Finish, Turn
from model_runtime.chat_wire import messages
from model_runtime.pixels import rgb
from model_runtime.torch_local import TorchChat
from model_runtime.vllm_client import VllmChat
from tests.contract.pictures import picture
from tests.vllm.conftest import NANO
from tests.vllm.server import VllmServer

CLOSE = 2e-3
READ = Turn("Read the text.", max_tokens=60, patience=10_000)
PAGES = [
    picture(252, 112, "Coffee 2.80\nBread 3.10\nCash 10.00"),
    picture(252, 112, "Invoice 2024-0117\nNet 1204.50 EUR\nTotal 1433.36 EUR"),
    picture(140, 28, "Hello world"),
    picture(280, 140),
    picture(168, 56, "Date 3.4.2024"),
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"total": {"type": ["string", "null"]}, "kind": {"enum": ["invoice", "receipt"]}},
    "required": ["total", "kind"],
    "additionalProperties": False,
}


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def nano_torch() -> Iterator[TorchChat]:
    with contextlib.closing(TorchChat(NANO, rgb)) as chat:
        yield chat


@pytest.fixture(scope="module")
def tiny_torch(tiny_folder: Path) -> Iterator[TorchChat]:
    with contextlib.closing(TorchChat(tiny_folder, rgb)) as chat:
        yield chat


def assert_same(one: ChatModel, other: ChatModel, turn: Turn) -> None:
    a, b = one.complete(turn, never), other.complete(turn, never)
    assert a.text == b.text
    assert (a.finish, a.prompt_tokens, a.visual_tokens) == (b.finish, b.prompt_tokens, b.visual_tokens)
    assert len(a.tokens) in (len(b.tokens), len(b.tokens) - 1), "the token that ends a reply may be counted"
    for x, y in zip(a.tokens, b.tokens, strict=False):
        assert x.logprob is not None
        assert y.logprob is not None
        assert math.isclose(x.logprob, y.logprob, abs_tol=CLOSE), (x, y)


@pytest.mark.parametrize("page", range(len(PAGES)))
def test_the_reader_says_the_same_either_way(nano_chat: VllmChat, nano_torch: TorchChat, page: int) -> None:
    assert_same(nano_torch, nano_chat, replace(READ, images=(PAGES[page],)))


def test_sixty_pages_are_read_with_the_same_tokens(nano_chat: VllmChat, nano_torch: TorchChat) -> None:
    """In float32, greedily. What is printed is read, too: noise would agree as well."""
    right = 0
    for number in range(60):
        printed = f"Item {7 * number + 11}\nPrice {number}.{number % 10}0\nCash {number + 5}.00"
        turn = replace(READ, images=(picture(252, 112, printed),))
        here, behind = nano_torch.complete(turn, never), nano_chat.complete(turn, never)
        assert here.text == behind.text, printed
        right += here.text == printed
    assert right >= 30


@pytest.mark.parametrize("page", range(len(PAGES)))
def test_noise_is_the_same_noise(tiny_chat: VllmChat, tiny_torch: TorchChat, page: int) -> None:
    assert_same(tiny_torch, tiny_chat, replace(READ, images=(PAGES[page],)))


@pytest.mark.parametrize("page", range(3))
def test_decoding_against_a_schema_is_the_same(nano_chat: VllmChat, nano_torch: TorchChat, page: int) -> None:
    assert_same(nano_torch, nano_chat, replace(READ, images=(PAGES[page],), schema=SCHEMA, max_tokens=120))


def test_two_images_and_a_beginning(tiny_chat: VllmChat, tiny_torch: TorchChat) -> None:
    assert_same(tiny_torch, tiny_chat, replace(READ, images=(PAGES[0], PAGES[2])))
    assert_same(tiny_torch, tiny_chat, replace(READ, images=(PAGES[0],), prefix="Invoice number"))


def test_the_reader_reads(nano_chat: VllmChat) -> None:
    texts = [nano_chat.complete(replace(READ, images=(page,)), never) for page in PAGES]
    assert texts[0].text == "Coffee 2.80\nBread 3.10\nCash 10.00"
    assert all(reply.finish is Finish.STOP for reply in texts[:3])


def test_probabilities_under_a_grammar_are_those_of_what_it_allows(
    tiny: VllmServer, tiny_chat: VllmChat, tiny_torch: TorchChat
) -> None:
    """docs/decisions: the mask comes first, so that a token without alternative is certain and tells nothing.

    With random weights no token is likelier than 1 in 3 by itself.
    """
    turn = replace(READ, images=(PAGES[0],), max_tokens=1)
    asked: dict[str, Any] = {
        "model": tiny_chat.served.model,
        "messages": messages(turn),
        "max_tokens": 1,
        "temperature": 0,
    }
    asked |= {"logprobs": True, "top_logprobs": 20}
    free = httpx.post(f"{tiny.url}/v1/chat/completions", json=asked, timeout=60).json()
    likeliest = free["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["logprob"]
    assert likeliest < -1
    schema = {"type": "object", "properties": {"kind": {"enum": ["invoice"]}}, "required": ["kind"]}
    forced = replace(turn, schema={**schema, "additionalProperties": False}, max_tokens=60)
    for chat in (tiny_chat, tiny_torch):
        reply = chat.complete(forced, never)
        assert reply.text == '{"kind":"invoice"}'
        brace = reply.tokens[0].logprob
        assert brace is not None
        assert brace > -1, "of all tokens that open an object, not of the whole vocabulary"

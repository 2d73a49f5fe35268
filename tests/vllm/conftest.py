"""Two real servers for the whole session: a tiny one with random weights, and a small one that reads."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_runtime.engine_url import parse
from model_runtime.nano import shipped
from model_runtime.vllm_client import VllmChat
from tests.vllm.server import VllmServer, vllm

NANO = shipped.folder()

# Without vLLM (VLLM names its program) there is nothing to test here; `make test-vllm` sets it.
collect_ignore_glob = [] if "VLLM" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from model_runtime.tiny import write

    folder = tmp_path_factory.mktemp("tiny")
    write(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    with vllm(tiny_folder, "tiny-qwen2-vl", tmp_path_factory.mktemp("log") / "tiny.log") as server:
        yield server


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    with vllm(shipped.ALIAS, shipped.NAME, tmp_path_factory.mktemp("log") / "nano.log") as server:
        yield server


@pytest.fixture(scope="session")
def tiny_chat(tiny: VllmServer) -> Iterator[VllmChat]:
    with contextlib.closing(VllmChat(parse(f"vllm+{tiny.url}?max_in_flight=64&seeds=false"))) as chat:
        yield chat


@pytest.fixture(scope="session")
def nano_chat(nano: VllmServer) -> Iterator[VllmChat]:
    with contextlib.closing(VllmChat(parse(f"vllm+{nano.url}?max_in_flight=64&seeds=false"))) as chat:
        yield chat

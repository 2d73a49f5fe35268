"""Documents through REST with a real model: right text, results that fit, nothing lost when vLLM dies."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from model_runtime.nano import shipped
from tests.bench.client import Api
from tests.bench.service import running
from tests.bench.text_score import error_rate
from tests.contract.pictures import picture
from tests.vllm.conftest import NANO
from tests.vllm.server import VllmServer

TEXT = "Invoice 2024-0117\nCoffee 2.80\nBread 3.10\nMilk 1.20\nCash 10.00"
RESULT_SCHEMA = Path(__file__).parents[2] / "docs" / "result.schema.json"
FIT = json.loads((NANO / "text-fit.json").read_text())["name"]
PLAIN = f"prompt=plain&visual_tokens=60&x_height=7&check=never&calibration={NANO / 'text-fit.json'}"
"""What the small reader was trained for: to read, on 60 visual tokens at most, pages in one piece."""


def engine(server: VllmServer, options: str) -> str:
    return f"vllm+{server.url}?seeds=false&max_in_flight=64&{options}"


def page(folder: Path, name: str, text: str = TEXT) -> Path:
    path = folder / f"{name}.png"
    path.write_bytes(picture(280, 168, text).data)
    return path


def read(api: Api, path: Path, request: dict[str, Any] | None = None) -> dict[str, Any]:
    """The result of one document."""
    posted = api.post(path, request) if request is not None else api.post(path)
    document = api.wait(posted.json()["id"])
    answer = api.http.get(f"/v1/documents/{document['id']}/result")
    assert answer.status_code == 200, (document, answer.text)
    result: dict[str, Any] = answer.json()
    return result


def errors(result: dict[str, Any], wanted: str) -> float:
    """Characters read wrongly, as a share. The reader's own rate is 4 to 5 % on five lines."""
    return error_rate(wanted, str(result["pages"][0]["text"]))


@pytest.fixture(scope="module")
def reading(nano: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("service")
    with running(folder / "data", QUIRE_ENGINE_URL=engine(nano, PLAIN)) as service, Api(service.url) as api:
        yield api


def test_text_is_right(reading: Api, tmp_path: Path) -> None:
    result = read(reading, page(tmp_path, "a"))
    jsonschema.validate(result, json.loads(RESULT_SCHEMA.read_text()))
    assert result["document"]["state"] == "succeeded"
    read_page = result["pages"][0]
    assert (read_page["source"], read_page["engine"]["model"]) == ("model", shipped.NAME)
    assert errors(result, TEXT) <= 0.12, read_page["text"]
    assert read_page["engine"]["calibration"] == FIT
    assert all(0 < block["confidence"] < 1 for block in read_page["blocks"])
    assert result["usage"]["visual_tokens"] == read_page["budget"]["visual_tokens"] == 60
    assert result["usage"]["prompt_tokens"] > 60


def test_sixty_four_pages_at_once(reading: Api, tmp_path: Path) -> None:
    def one(number: int) -> float:
        lines = f"Invoice {number}\nCoffee 2.80\nBread 3.10\nMilk 1.20\nCash 10.00"
        result = read(reading, page(tmp_path, f"p{number}", lines))
        assert result["document"]["state"] == "succeeded", result
        return errors(result, lines)

    with ThreadPoolExecutor(64) as pool:
        rates = list(pool.map(one, range(64)))
    assert sum(rates) / len(rates) <= 0.1


def test_a_model_in_this_process_reads_the_same(reading: Api, tmp_path: Path) -> None:
    url = f"torch://{shipped.ALIAS}?{PLAIN}"
    behind = read(reading, page(tmp_path, "a"))
    with running(tmp_path / "data", QUIRE_ENGINE_URL=url) as service, Api(service.url) as api:
        here = read(api, page(tmp_path, "a"))
    assert here["pages"][0]["text"] == behind["pages"][0]["text"]
    assert here["pages"][0]["engine"]["name"] == "torch"


SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "date": {"type": "string", "format": "date"},
        "line_items": {
            "type": "array",
            "items": {"type": "object", "properties": {"amount": {"type": "number"}}},
        },
    },
}
EVERYTHING = {
    "tasks": ["text", "tables", "charts", "fields", "questions"],
    "schema": SCHEMA,
    "questions": ["What is the total?"],
}


def test_every_task_ends_in_a_valid_result_whatever_the_weights(tiny: VllmServer, tmp_path: Path) -> None:
    """Noise is the worst a model can say: it may end as unreadable, never as a broken result."""
    url = engine(tiny, "visual_tokens=256&check=never&context=4096")
    with running(tmp_path / "data", QUIRE_ENGINE_URL=url) as service, Api(service.url) as api:
        result = read(api, page(tmp_path, "noise"), EVERYTHING)
    jsonschema.validate(result, json.loads(RESULT_SCHEMA.read_text()))
    assert result["document"]["state"] in {"succeeded", "partial"}
    assert [answer["question"] for answer in result["answers"]] == ["What is the total?"]
    assert {"total", "date"} <= {field["path"] for field in result["fields"]}


def test_killing_vllm_in_mid_work_loses_nothing(nano: VllmServer, reading: Api, tmp_path: Path) -> None:
    """Last, because the other tests would have to wait until it is up again."""
    count = 24
    ids = [reading.post(page(tmp_path, f"k{n}", f"Total {n}.50\n{TEXT}")).json()["id"] for n in range(count)]
    until = time.monotonic() + 120
    while not any(ended(reading, i) for i in ids) and time.monotonic() < until:
        time.sleep(0.05)
    nano.kill_vllm()
    nano.wait()
    documents = [reading.wait(i) for i in ids]
    assert {document["state"] for document in documents} == {"succeeded"}
    assert all(document["progress"]["pages_done"] == 1 for document in documents)


def ended(api: Api, document: str) -> bool:
    return bool(api.document(document)["state"] == "succeeded")

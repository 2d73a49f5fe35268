"""Two documents share a key exactly when their pages would be read alike."""

from typing import Any

import pytest

from model_runtime.spec import cpu_spec
from pipeline.ledger import Claim, Queue, RunFacts
from pipeline.ports import BlobKey
from schemas.engine import EngineSpec
from schemas.ids import DEFAULT_TENANT, Digest, document_id, job_id, run_id
from schemas.request import Request, Task
from workers.orders import reuse_base

CPU = cpu_spec(1)
MODEL = CPU.model_copy(update={"reads_for": frozenset(Task), "tasks": frozenset(Task), "prompt": "text/3"})
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


def key(spec: EngineSpec = CPU, digest: str = "a", version: str = "1", **request: Any) -> str | None:
    asked = Request.model_validate(request)
    facts = RunFacts(
        BlobKey(DEFAULT_TENANT, Digest(digest), 1),
        "application/pdf",
        asked.model_dump(mode="json", by_alias=True),
        request.get("schema"),
        password=request.get("password"),
    )
    claim = Claim(
        job=job_id(),
        token=1,
        queue=Queue.PLAN,
        tenant=DEFAULT_TENANT,
        document=document_id(),
        run=run_id(),
        page=None,
        pages=(),
        attempts=0,
        setbacks=0,
        alone=False,
        facts=facts,
    )
    return reuse_base(claim, asked, spec, version)


@pytest.mark.parametrize(
    "request_",
    [
        {"pages": "2"},
        {"labels": {"a": "b"}},
        {"external_id": "7"},
        {"priority": "bulk"},
        {"password": "geheim"},
        {"retention_hours": 3},
        {"schema": SCHEMA},
        {"questions": ["who?"]},
    ],
)
def test_what_does_not_change_the_reading_does_not_change_the_key(request_: dict[str, Any]) -> None:
    assert key(**request_) == key()


@pytest.mark.parametrize(
    "request_",
    [{"languages": ["de"]}, {"budget": {"profile": "fast"}}, {"budget": {"max_pixels": 100_000}}],
)
def test_what_changes_the_reading_changes_the_key(request_: dict[str, Any]) -> None:
    assert key(**request_) != key()


def test_a_model_that_reads_for_fields_and_questions_reads_anew_for_others() -> None:
    keys = {
        key(MODEL),
        key(MODEL, schema=SCHEMA),
        key(MODEL, questions=["who?"]),
        key(MODEL, questions=["when?"]),
        key(MODEL, tasks=["text"]),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("part", ["name", "model", "version", "prompt"])
def test_another_engine_reads_anew(part: str) -> None:
    assert key(CPU.model_copy(update={part: "other"})) != key()


def test_an_engine_that_is_asked_for_more_than_before_reads_anew() -> None:
    """`tasks` of its URL changed: what it was not asked for then is not in its readings."""
    less = MODEL.model_copy(update={"tasks": frozenset({Task.TEXT})})
    assert key(MODEL, schema=SCHEMA) != key(less, schema=SCHEMA)


def test_other_bytes_and_other_code_read_anew() -> None:
    assert len({key(), key(digest="b"), key(version="2")}) == 3


def test_how_busy_an_engine_may_be_makes_no_difference() -> None:
    assert key(CPU.model_copy(update={"max_in_flight": 9})) == key()


def test_who_does_not_want_it_has_no_key() -> None:
    assert key(reuse=False) is None

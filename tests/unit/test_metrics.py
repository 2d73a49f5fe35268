"""Figures of a process: bounded kinds, a port of its own, and no scrape that overloads the database."""

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from model_runtime.scripted import Failure, ScriptedReader, image_digest
from pipeline.ledger import Queue
from pipeline.orders import PageImage, ReadOrder
from pipeline.ports import BlobKey
from schemas.errors import Conflict, NotFound, QuireError, ResultWarning
from schemas.ids import DEFAULT_TENANT, Digest
from schemas.reading import PageReading, Spent
from services.metrics import Metrics
from services.metrics_http import exposed
from services.observed import ObservedBlobs, ObservedReader
from services.stores.blobs_local import LocalBlobs
from services.stores.engine import Database


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_an_engine_that_invents_codes_does_not_fill_the_memory() -> None:
    metrics = Metrics("test")
    for number in range(1000):
        metrics.engine_call("vllm", f"code_{number}", 0.1, Spent())
    metrics.engine_call("vllm", "code_1", 0.1, Spent())
    assert _value(metrics, "quire_engine_seconds_count", engine="vllm", outcome="code_1") == 2
    assert _value(metrics, "quire_engine_seconds_count", engine="vllm", outcome="other") == 800
    assert len(metrics.page()) < 1_000_000


def test_readings_are_counted_by_how_they_ended() -> None:
    metrics = Metrics("test")
    order = ReadOrder(PageImage(b"x", "image/png", 28, 28), frozenset())
    ObservedReader(ScriptedReader(), metrics).read(order, lambda: False)
    ObservedReader(ScriptedReader(delay_s=9), metrics).read(order, lambda: True)
    broken = ObservedReader(ScriptedReader(failures={"*": Failure("engine_overloaded")}), metrics)
    with pytest.raises(QuireError, match="engine_overloaded"):
        broken.read(order, lambda: False)
    counted = {
        outcome: _value(metrics, "quire_engine_seconds_count", engine="scripted", outcome=outcome)
        for outcome in ("ok", "cancelled", "engine_overloaded")
    }
    assert counted == {"ok": 1, "cancelled": 1, "engine_overloaded": 1}


def test_a_page_that_cost_other_tokens_than_foreseen_is_counted() -> None:
    metrics, picture = Metrics("test"), b"x"
    warning = ResultWarning(code="visual_tokens_mismatch", detail="1260 expected, 640 counted")
    reading = PageReading(28, 28, spent=Spent(visual_tokens=640), warnings=(warning,))
    reader = ObservedReader(ScriptedReader(readings={image_digest(picture): reading}), metrics)
    for data in (picture, b"another"):
        reader.read(ReadOrder(PageImage(data, "image/png", 28, 28), frozenset()), lambda: False)
    assert _value(metrics, "quire_budget_mismatches_total", engine="scripted") == 1
    assert _value(metrics, "quire_engine_tokens_total", engine="scripted", kind="visual") == 640


def test_blobs_are_timed_and_otherwise_unchanged(tmp_path: Path) -> None:
    metrics = Metrics("test")
    blobs = ObservedBlobs(LocalBlobs(tmp_path / "blobs"), metrics)
    key = BlobKey(DEFAULT_TENANT, Digest(hashlib.sha256(b"bytes").hexdigest()), 1)
    with pytest.raises(NotFound):
        blobs.open(key)
    (tmp_path / "file").write_bytes(b"bytes")
    blobs.put(key, tmp_path / "file")
    with blobs.local(key) as path:
        assert path.read_bytes() == b"bytes"
    with blobs.open(key) as file:
        assert file.read() == b"bytes"
    assert blobs.size(key) == 5
    blobs.delete(key)
    assert blobs.size(key) is None
    assert _value(metrics, "quire_blob_seconds_count", operation="put") == 1
    assert _value(metrics, "quire_blob_seconds_count", operation="size") == 2
    assert (
        sum(
            sample.value
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == "quire_blob_errors_total"
        )
        == 1
    )


def test_each_process_of_a_host_takes_the_next_free_port() -> None:
    with (
        exposed(Metrics("api"), "127.0.0.1", 0) as first,
        exposed(Metrics("worker"), "127.0.0.1", first) as second,
    ):
        assert first is not None
        assert second is not None
        assert second > first
        for port, process in ((first, "api"), (second, "worker")):
            assert f'process="{process}"' in httpx.get(f"http://127.0.0.1:{port}/metrics").text
    with exposed(Metrics("none"), "127.0.0.1", None) as none:
        assert none is None


def test_without_a_free_port_the_setting_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65535))
        taken.listen()
        with pytest.raises(Conflict, match="QUIRE_METRICS_PORT"), exposed(Metrics("a"), "127.0.0.1", 65535):
            pass


@pytest.mark.parametrize(("alive", "status"), [(lambda: True, 200), (lambda: False, 503)])
def test_health_is_what_the_process_says_of_itself(alive: Callable[[], bool], status: int) -> None:
    metrics = Metrics("worker")
    metrics.signs_of_life += [lambda: True, alive]
    with exposed(metrics, "127.0.0.1", 0) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == status
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404


def test_a_database_out_of_reach_is_told_and_does_not_fail_the_scrape(tmp_path: Path) -> None:
    metrics, database = Metrics("api"), Database(f"sqlite:///{tmp_path}/none/quire.db")
    metrics.watch(database)
    assert _value(metrics, "quire_database_up") == 0
    assert _value(metrics, "quire_queue_jobs", queue="read", state="waiting") is None
    database.close()


def test_scrapes_in_quick_succession_ask_the_database_once(tmp_path: Path) -> None:
    """The second scrape still shows what the first one saw."""
    from services.stores import migrate

    metrics, database = Metrics("api"), Database(f"sqlite:///{tmp_path}/quire.db")
    migrate.upgrade(database)
    metrics.watch(database)
    assert _value(metrics, "quire_queue_jobs", queue=str(Queue.READ), state="waiting") == 0
    database.close()
    (tmp_path / "quire.db").unlink()
    assert _value(metrics, "quire_database_up") == 1

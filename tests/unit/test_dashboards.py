"""Dashboard and alerts speak of metrics that exist, and every alert says what to do."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.ledger import Queue
from schemas.page import PageState
from schemas.reading import Spent
from schemas.result import RunState
from services.metrics import Metrics
from services.stores import migrate
from services.stores.engine import Database

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
BOARD = ROOT / "deploy/grafana/quire.json"
_NAME = re.compile(r"\b(?:quire|process)_[a-z_]+\b(?!\s*=)")
_WORDS = re.compile(r'"[^"]*"|\b(?:by|on|group_left|without)\s*\([^)]*\)')


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def expressions() -> list[tuple[str, str]]:
    found = [(str(rule["alert"]), str(rule["expr"])) for rule in rules()]
    for panel in json.loads(BOARD.read_text())["panels"]:
        found += [(panel["title"], target["expr"]) for target in panel.get("targets", ())]
    return found


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What a scrape holds once everything has happened, with the labels of each."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('figures')}/quire.db")
    migrate.upgrade(database)
    metrics = Metrics("api")
    metrics.watch(database)
    metrics.request("GET", "/v1/documents", 200, 0.1)
    metrics.blob_call("put", 0.1, "store_unavailable")
    metrics.job(Queue.READ, "done", 0.1)
    metrics.page_ended(PageState.READ)
    metrics.run_ended(RunState.SUCCEEDED)
    metrics.try_failed(Queue.READ, "internal", True)
    metrics.engine_call("vllm", "ok", 0.1, Spent())
    metrics.budget_mismatch("vllm")
    metrics.cage_killed("cage_memory")
    metrics.wake(Queue.READ, "sent")
    metrics.buried(1, 1)
    metrics.delivery("delivered", 0.1)
    known: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                known.setdefault(sample.name, set()).update(sample.labels)
    database.close()
    return known


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=lambda text: text[:40])
def test_every_metric_named_exists(where: str, expression: str, labels: dict[str, set[str]]) -> None:
    named = _NAME.findall(_WORDS.sub("", re.sub(r"\{[^}]*\}", "", expression)))
    assert named, f"{where} names no metric"
    assert set(named) <= set(labels), where


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=lambda text: text[:40])
def test_every_label_matched_exists(where: str, expression: str, labels: dict[str, set[str]]) -> None:
    for name, matched in re.findall(r"\b(quire_[a-z_]+)\{([^}]*)\}", expression):
        used = set(re.findall(r"(\w+)\s*[=!]", matched))
        assert used <= labels[name], where


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_has_its_section_and_severity(rule: dict[str, dict[str, str]]) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    assert f"### {rule['alert']}\n" in page
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{str(rule['alert']).lower()}"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


def test_every_metric_is_documented(labels: dict[str, set[str]]) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name in labels:
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        assert base.startswith(("process_", "python_")) or f"`{base}`" in page, base


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_accepts_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(ALERTS)], check=False)
    assert done.returncode == 0

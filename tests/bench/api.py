"""The whole OpenAPI document against a running service: `python -m tests.bench.api [--on sqlite]`.

Schemathesis draws requests from the document, follows its links, and holds every answer against it. Exits 1
on any failure; the report lies in --report DIR. Nothing outside this machine is reached: sources and
receivers of webhooks are refused by the guard (QUIRE_REACH_PUBLIC=false), whatever address is drawn.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from schemas.ids import DEFAULT_TENANT
from services.access import Scope
from services.api_keys import ApiKeys
from services.stores import migrate
from services.stores.engine import Database
from tests.bench.cluster import Calls, Cluster
from tests.bench.figures import Figures
from tests.bench.service import running
from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

_ROOT = Path(__file__).resolve().parents[2]
_TOOL = Path(sys.executable).parent / "schemathesis"
_SETTINGS = {
    "QUIRE_REACH_PUBLIC": "false",
    "QUIRE_REQUIRE_KEYS": "true",
    "QUIRE_RATE_PER_MINUTE": "0",
    "QUIRE_CPU_PROCESSES": "2",
}
_SEED = "1"


def _key(url: str) -> str:
    """A key for everything: without one, a service that asks for keys does not start."""
    database = Database(url)
    try:
        migrate.upgrade(database)
        return ApiKeys(database).create(DEFAULT_TENANT, "contract", list(Scope)).secret
    finally:
        database.close()


@contextmanager
def on_sqlite(scratch: Path) -> Iterator[tuple[str, str]]:
    """URL and key of an embedded service."""
    data = scratch / "data"
    data.mkdir()
    key = _key(f"sqlite:///{data / 'quire.db'}")
    with running(data, QUIRE_ENGINE_URL="scripted://", **_SETTINGS) as service:
        yield service.url, key


@contextmanager
def on_postgres(scratch: Path) -> Iterator[tuple[str, str]]:
    """URL and key of an API with a worker, on Postgres, Redis and a folder that both see."""
    with ExitStack() as stack:
        postgres, redis = PostgresServer(), RedisServer()
        for server in (postgres, redis):
            stack.callback(server.close)
            server.start()
        databases = Databases(postgres.url)
        stack.callback(databases.close)
        files = scratch / "files"
        files.mkdir()
        urls = {
            "QUIRE_DATABASE_URL": stack.enter_context(databases.migrated()),
            "QUIRE_BROKER_URL": redis.url,
            "QUIRE_BLOBS_URL": files.as_uri(),
        }
        key, calls = _key(urls["QUIRE_DATABASE_URL"]), Calls(scratch / "calls")
        engine = {"QUIRE_ENGINE_URL": calls.url(0, 4)}
        cluster = Cluster(scratch, urls, calls, **{**engine, **_SETTINGS})
        cluster.worker("worker", "raster,read,finish,deliver")
        cluster.sweep()
        with cluster:
            yield cluster.api.url, key


def contract(at: tuple[str, str], examples: int, report: Path, figures: Figures) -> bool:
    """One run of Schemathesis against a URL and its key; figures are called after the report."""
    url, key, name = *at, report.stem
    command = [
        str(_TOOL), "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {key}",
        "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(examples),
        "--seed", _SEED, "--continue-on-failure", "--no-color", "--generation-database", "none",
        "--request-timeout", "90", "--report", "json", "--report-json-path", str(report),
    ]  # fmt: skip
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.bench.api_hooks", "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        command, env=environment, cwd=report.parent, capture_output=True, text=True, check=False
    )
    if not report.exists():
        print(done.stdout[-4000:], done.stderr[-4000:], file=sys.stderr)
        return False
    found = json.loads(report.read_text())
    kinds = {kind["code"]: kind["count"] for kind in found["failures"]}
    figures.add(f"api.{name}.operations", found["operations"]["tested"])
    figures.add(f"api.{name}.cases", found["test_cases"]["generated"])
    figures.add(f"api.{name}.failures", sum(kinds.values()))
    figures.add(f"api.{name}.server_errors", kinds.get("ST101", 0))
    figures.add(f"api.{name}.foreseen_refusals", found["filtered"])
    figures.add(f"api.{name}.seconds", round(found["running_time"], 1))
    if done.returncode:
        print(done.stdout[-30_000:], file=sys.stderr)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args(arguments)
    stores: dict[str, Any] = {"sqlite": on_sqlite, "postgres": on_postgres}
    names = list(stores) if options.on == "both" else [options.on]
    figures, good = Figures(), True
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-api-")))
        reports = (options.report or scratch).resolve()
        reports.mkdir(parents=True, exist_ok=True)
        for name in names:
            place = scratch / name
            place.mkdir()
            with stores[name](place) as at:
                good &= contract(at, options.examples, reports / f"{name}.json", figures)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

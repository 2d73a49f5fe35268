"""The files of a deployment agree with the code: settings, commands, queues, what the image holds."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from model_runtime.scripted import ScriptedReader
from model_runtime.vllm_server import Serving
from pipeline.ledger import Queue
from services.cli import app
from services.cli_processes import queues_of, register
from services.settings import PREFIX, Settings, from_environment
from services.worker import slots_for
from tests.servers.compose import FILE, ROOT, ComposeService, example, services

SECRETS = {"POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b", "S3_SECRET": "c"}
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.fixture(scope="module")
def composed() -> dict[str, ComposeService]:
    return services(SECRETS)


def ours(composed: dict[str, ComposeService]) -> list[ComposeService]:
    return [service for service in composed.values() if service.image == "quire:local"]


def test_every_setting_is_explained_in_the_example_and_nothing_else() -> None:
    assert {name for name in example() if name.startswith(PREFIX)} == SETTINGS


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_the_example_shows_the_default(name: str) -> None:
    text, on = example()[name]
    assert not on, "switched on it would outdo the file it is an example for"
    field = name.removeprefix(PREFIX).lower()
    if name != "QUIRE_DATA_DIR":  # the platform's
        assert getattr(from_environment({name: text}), field) == Settings.model_fields[field].get_default()


def test_variables_of_the_compose_file_are_those_of_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert used == {name for name in example() if not name.startswith(PREFIX)}
    assert not {name for name in used if name.startswith(PREFIX)}, "Quire would refuse it as unknown"


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_there_is_no_default_secret(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        services({name: value for name, value in SECRETS.items() if name != missing})


def test_the_environment_of_each_service_is_understood(composed: dict[str, ComposeService]) -> None:
    for service in ours(composed):
        settings = from_environment(service.environment)
        assert settings.database_url is not None
        assert settings.metrics_port == 9100


def test_each_command_exists(composed: dict[str, ComposeService]) -> None:
    cli = typer.Typer()
    register(cli)
    commands = [*cli.registered_commands, *app.registered_commands]
    names = {getattr(command.callback, "__name__", "") for command in commands}
    assert {service.command[0] for service in ours(composed)} <= names


def test_every_queue_that_has_work_has_a_worker(composed: dict[str, ComposeService]) -> None:
    served = [
        queue
        for service in ours(composed)
        if service.command[0] == "worker"
        for queue in queues_of(service.command[service.command.index("--queue") + 1 :])
    ]
    assert sorted(served) == sorted(slots_for(tuple(Queue), 1, ScriptedReader()))


def test_the_model_is_served_with_the_flags_that_documents_need(composed: dict[str, ComposeService]) -> None:
    _, _, _, *flags = Serving("m", "vllm", host="0.0.0.0").command()
    wanted: dict[str, Any] = {}
    for flag in flags:
        if flag.startswith("--"):
            wanted[name := flag] = ""
        else:
            wanted[name] = _parsed(flag)
    given = dict(flag.partition("=")[::2] for flag in composed["vllm"].command[1:])
    assert {flag: _parsed(given[flag]) for flag in wanted} == wanted
    assert set(given) - set(wanted) == {
        "--max-model-len", "--max-num-seqs", "--max-num-batched-tokens", "--gpu-memory-utilization",
    }  # fmt: skip


def _parsed(text: str) -> Any:
    return json.loads(text) if text[:1] in ("{", "[") else text


def test_everything_is_hardened_limited_and_looked_after(composed: dict[str, ComposeService]) -> None:
    for name, service in composed.items():
        raw = service.raw
        assert raw["read_only"] is True, name
        assert raw["cap_drop"] == ["ALL"], name
        assert raw["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in raw, name
        assert raw["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        if name != "migrate":
            assert service.check, name
            assert raw["deploy"]["resources"]["limits"], name
        if name != "vllm":  # writes the model into a volume that the engine makes for root
            assert raw["user"].split(":")[0] not in ("0", "root"), name
        for port in raw.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
        assert "latest" not in service.image, name


def test_stopping_is_given_longer_than_workers_take(composed: dict[str, ComposeService]) -> None:
    for service in ours(composed):
        if service.command[0] == "worker":
            assert service.grace_s > from_environment(service.environment).shutdown_s + 10


def test_the_stores_cannot_be_reached_from_outside(composed: dict[str, ComposeService]) -> None:
    for name in ("postgres", "redis", "s3"):
        assert composed[name].raw["networks"] == ["data"]
        assert "ports" not in composed[name].raw


def test_the_image_gets_every_package_and_nothing_private() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    packages = re.search(r"\[tool\.hatch.*?packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.S)
    assert packages is not None
    for package in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}" in ignored
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.M):
        for path in source.split():
            assert f"!{path}" in ignored


def test_what_the_image_installs_is_what_the_project_needs() -> None:
    done = subprocess.run(
        [sys.executable, "deploy/requirements.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pymupdf>=2.0" in done.stdout.splitlines()
    assert "pytest>=9" not in done.stdout.splitlines()
    assert "{root" not in done.stdout, "the client is copied, and installed from there"

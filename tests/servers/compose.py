"""docker-compose.yml as a container engine reads it: variables filled in, services with what they run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE, EXAMPLE = ROOT / "docker-compose.yml", ROOT / ".env.example"

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_LINE = re.compile(r"^(# )?([A-Z][A-Z0-9_]*)=(.*)$")


@dataclass(frozen=True, slots=True)
class ComposeService:
    name: str
    image: str
    command: tuple[str, ...]
    environment: dict[str, str]
    check: tuple[str, ...]
    """The command of its health check; empty when it has none."""

    grace_s: float
    raw: dict[str, Any]


def services(variables: Mapping[str, str]) -> dict[str, ComposeService]:
    """With ``variables`` for the place of `.env`; one without value or default fails, as in Compose."""
    document = _filled(yaml.safe_load(FILE.read_text(encoding="utf-8")), variables)
    return {name: _service(name, raw) for name, raw in document["services"].items()}


def example() -> dict[str, tuple[str, bool]]:
    """Names of `.env.example`: the value beside each, and whether it is switched on."""
    found = [_LINE.match(line) for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    return {match[2]: (match[3], match[1] is None) for match in found if match}


def _service(name: str, raw: dict[str, Any]) -> ComposeService:
    check = raw.get("healthcheck", {}).get("test", [])
    assert not check or check[0] == "CMD", f"{name}: a shell in a health check is one more thing to have"
    return ComposeService(
        name,
        raw["image"],
        tuple(raw.get("command", ())),
        dict(raw.get("environment", {})),
        tuple(check[1:]),
        float(str(raw.get("stop_grace_period", "10s")).removesuffix("s")),
        raw,
    )


def _filled(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, variables) for value in node]
    return _VARIABLE.sub(lambda match: _value(match, variables), node) if isinstance(node, str) else node


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, how, otherwise = match.groups()
    if variables.get(name):
        return variables[name]
    if how == "-":
        return str(otherwise)
    raise KeyError(f"{name}: {otherwise or 'not set'}")

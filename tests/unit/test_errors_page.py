"""Every code that may reach a user is explained in docs/errors.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "pipeline", "model_runtime", "workers", "services")
RAISED = {
    "QuireError", "BadInput", "RequestInvalid", "DocumentUnreadable", "NotFound", "Conflict", "Refused",
    "Unsupported", "Unavailable", "EngineUnavailable", "CageKilled", "StoreUnavailable",
}  # fmt: skip
SHOWN = {"ErrorInfo", "ErrorItem", "ResultWarning"}
CODE = re.compile(r"[a-z][a-z0-9_]+")


def codes(tree: ast.Module) -> Iterator[str]:
    """Codes given to errors and warnings, and those that classes of errors stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = [word.value for word in node.keywords if word.arg in {"code", "whole"}]
            given += {"fault": node.args[1:2]}.get(
                node.func.id, node.args[:1] if node.func.id in RAISED else []
            )
            if node.func.id in RAISED | SHOWN | {"fault"}:
                yield from strings(given)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "warn":
            yield from strings(node.args[:1])
        elif isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code":
                    yield from strings([line.value])


def strings(nodes: list[ast.expr]) -> Iterator[str]:
    yield from (n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    first_cells = re.findall(r"^\|([^|]+)\|", page, re.MULTILINE)
    explained = {code for cell in first_cells for code in re.findall(r"`(\w+)`", cell)}
    missing = {
        code: str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for code in codes(ast.parse(path.read_text()))
        if CODE.fullmatch(code) and code not in explained
    }
    assert missing == {}, "add these codes to docs/errors.md, with what the reader can do"

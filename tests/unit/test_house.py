"""The layout holds: package names, first lines, file sizes, and imports without effects."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "pipeline", "model_runtime", "workers", "services", "migrations")
CLIENT = ROOT / "clients/python/src"
OURS = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
MODULES = OURS + sorted(CLIENT.rglob("*.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_name_is_found_exactly_once_on_the_path(name: str) -> None:
    """A dependency that shipped a top-level package of the same name would shadow ours, or ours it."""
    probe = (
        "import importlib.metadata as m, pathlib, sys\n"
        f"name = {name!r}\n"
        "places = {p.resolve() for e in sys.path if e for p in [pathlib.Path(e) / name] if p.is_dir()}\n"
        "dists = {d for d in m.packages_distributions().get(name, [])}\n"
        "import importlib\n"
        "places.add(pathlib.Path(importlib.import_module(name).__file__).parent.resolve())\n"
        "print(len(places), sorted(dists))\n"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd="/")
    assert found.stdout.strip() in {f"1 {['quire']}", "1 []"}


def test_the_client_is_a_distribution_of_its_own() -> None:
    """Somebody else's project of a similar name on an index must never come in its place."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert not any(
        "client" in name for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    )
    own = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]
    assert f"{own['name']} @ {{root:uri}}/clients/python" in project["project"]["dependencies"]
    assert (own["license"], own["dependencies"]) == ("Apache-2.0", ["httpx>=0.28"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_its_job_first_and_stays_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "the first line of a module says its one job"
    assert len(text.splitlines()) <= 350, "files stay near 300 lines: cut it in two"


def test_importing_any_module_starts_nothing_and_reads_no_environment() -> None:
    """No thread, no child, no open socket, and no QUIRE_* variable looked at, for every module at once."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in OURS] + ["quire_client"]
    names = [name.removesuffix(".__init__") for name in names if not name.startswith("migrations.")]
    probe = (
        "import importlib, os, sys, threading\n"
        "class Watched(dict):\n"
        "    def _say(self, key):\n"
        "        if isinstance(key, str) and key.startswith('QUIRE_'): sys.exit('environment read: ' + key)\n"
        "    def __getitem__(self, key): self._say(key); return dict.__getitem__(self, key)\n"
        "    def get(self, key, default=None): self._say(key); return dict.get(self, key, default)\n"
        "os.environ = Watched(os.environ)\n"
        "EXTRA = {'torch', 'transformers', 'tokenizers', 'llguidance'}\n"
        f"for name in {names!r}:\n"
        "    if name.endswith('__main__'): continue\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        if not (name.startswith('model_runtime.nano.') and error.name in EXTRA): raise\n"
        "ours = [t.name for t in threading.enumerate() if t is not threading.main_thread()]\n"
        "assert not ours, ours\n"
        "import psutil\n"
        "assert not psutil.Process().children(), psutil.Process().children()\n"
        "print('quiet')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stdout.strip() == "quiet", done.stdout + done.stderr

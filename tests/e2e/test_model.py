"""`quire model serve` with a stand-in for vLLM's program, and the other commands as operators type them."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from model_runtime.nano import shipped
from services.folder_lock import FolderLock
from tests.servers.server import free_port

QUIRE = str(Path(sys.executable).parent / "quire")
LIMIT_S = 60.0

STAND_IN = """\
#!{python}
import http.server, os, pathlib, subprocess, sys, time
folder = pathlib.Path({folder!r})
(folder / "args").write_text("\\n".join(sys.argv[1:]))
with (folder / "starts").open("a") as starts: starts.write("x")
if (folder / "broken").exists(): sys.exit(3)
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / "pids").write_text(f"{{os.getpid()}} {{helper.pid}}")
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


class Served:
    """`quire model serve` around the stand-in."""

    def __init__(self, folder: Path, *more: str) -> None:
        program = folder / "vllm"
        program.write_text(textwrap.dedent(STAND_IN).format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        self.folder, self.port = folder, free_port()
        command = [
            QUIRE,
            "model",
            "serve",
            "Qwen2-VL-2B-Instruct",
            "--vllm",
            str(program),
            "--port",
            str(self.port),
        ]
        self.said = folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=said, text=True)

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.05)

    def healthy(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/health").status_code == 200
        return False

    def ready(self) -> bool:
        """The server answers, and the one who watches it has noticed."""
        return self.healthy() and "is ready" in self.said.read_text()

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.folder / "pids").read_text().split()]

    def end(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=LIMIT_S)
        assert out == "", "stdout belongs to machine output"
        return self.process.returncode, self.said.read_text()


def gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # its new parent has yet to notice
    return True


def test_it_serves_with_the_flags_of_a_document_service_until_told_to_stop(tmp_path: Path) -> None:
    served = Served(tmp_path, "--gpu", "L4", "--", "--dtype", "half")
    served.until(served.ready)
    args = (tmp_path / "args").read_text().split("\n")
    assert args[:2] == ["serve", "Qwen/Qwen2-VL-2B-Instruct"]
    assert json.loads(args[args.index("--limit-mm-per-prompt") + 1]) == {"image": 8, "video": 0}
    assert json.loads(args[args.index("--structured-outputs-config") + 1])["backend"] == "guidance"
    assert "--max-model-len" in args
    assert args[-2:] == ["--dtype", "half"], "what the operator says comes last"
    pids = served.pids()
    served.process.send_signal(signal.SIGTERM)
    code, _ = served.end()
    assert code == 0
    assert all(gone(pid) for pid in pids), "nothing of vLLM outlives it"


def test_it_is_started_again_when_it_dies(tmp_path: Path) -> None:
    served = Served(tmp_path)
    served.until(served.healthy)
    first, helper = served.pids()
    psutil.Process(first).kill()
    served.until(lambda: served.pids()[0] != first and served.healthy())
    assert gone(helper), "what the dead one left is gone"
    served.process.send_signal(signal.SIGINT)
    assert served.end()[0] == 0


def test_it_gives_up_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    served = Served(tmp_path, "--restarts", "2")
    code, err = served.end()
    assert code == 1
    assert "giving up" in err
    assert "exit code 3" in err
    assert len((tmp_path / "starts").read_text()) == 3


def quire(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([QUIRE, "model", *args], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["plan", "Qwen2-VL-7B-Instruct", "--gpu", "H100"], 0),
        (["plan", "Qwen2-VL-72B-Instruct", "--gpu", "L4"], 1),
        (["plan", "Qwen9-VL", "--gpu", "L4"], 2),
        (["plan", "Qwen2-VL-7B-Instruct", "--gpu", "Voodoo2"], 2),
        (["plan", "Qwen2-VL-7B-Instruct"], 2),
        (["serve", "Qwen9-VL"], 2),
        (["serve", "Qwen2-VL-7B-Instruct", "--vllm", "/no/such/vllm"], 2),
        (["serve", "Qwen2-VL-72B-Instruct", "--vllm", sys.executable, "--gpu", "L4"], 1),
    ],
)
def test_exit_codes(args: list[str], code: int) -> None:
    assert quire(*args).returncode == code


def test_two_trainings_of_one_folder_are_refused(tmp_path: Path) -> None:
    with FolderLock(tmp_path):  # as a training that runs holds it
        done = quire("train-nano", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "another Quire process is using" in done.stderr


def test_a_training_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    done = quire("train-nano", "--out", str(tmp_path / "nano"), "--first", "values", "--last", "lines")
    assert done.returncode == 2
    assert "in this order" in done.stderr
    assert not (tmp_path / "nano").exists()


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_a_training_does_not_begin_without_the_weights_it_was_to_start_from(
    tmp_path: Path, resume: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    done = quire("train-nano", "--out", str(tmp_path / "out"), "--start", str(tmp_path / "empty"), *resume)
    assert done.returncode == 2
    assert "no checkpoint in" in done.stderr


def test_a_training_that_has_nothing_to_resume_still_starts_from_the_weights_given(tmp_path: Path) -> None:
    weights = pytest.importorskip("safetensors.torch")
    torch = pytest.importorskip("torch")
    done = quire(
        "train-nano", "--out", str(tmp_path), "--minutes", "0.01", "--start", "nano", "--first", "parts",
        "--last", "parts", "--tokens", "500", "--resume",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "there is nothing to resume" in done.stderr
    name = "model.layers.0.mlp.up_proj.weight"
    old, new = (
        weights.load_file(folder / "model.safetensors")[name].float().flatten()
        for folder in (shipped.folder(), tmp_path / "checkpoint")
    )
    assert torch.cosine_similarity(old, new, dim=0) > 0.9, "weights from nothing are like no others"


def test_a_plan_is_lines_or_json() -> None:
    lines = dict(
        line.split(" ", 1) for line in quire("plan", "Qwen2-VL-2B", "--gpu", "T4").stdout.splitlines()
    )
    as_json = json.loads(quire("plan", "Qwen2-VL-2B", "--gpu", "T4", "--format", "json").stdout)
    assert lines["plan.fits"] == "true"
    assert as_json["plan.fits"] is True
    assert int(lines["plan.pages_in_flight"]) == as_json["plan.pages_in_flight"]


def test_the_fault_server_runs_from_the_command_line(tmp_path: Path) -> None:
    script, port = tmp_path / "script.json", free_port()
    script.write_text('{"rules": [{"status": 429, "retry_after": "7"}]}')
    command = [QUIRE, "model", "faults", "--script", str(script), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "listens" in process.stderr.readline()
        body = {"model": "m", "messages": [{"role": "user", "content": "p"}]}
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert (
            httpx.put(
                f"http://127.0.0.1:{port}/script", content=b'{"rules": [{"status": 9, "x": 1}]}'
            ).status_code
            == 400
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0

"""The checkpoint that comes with Quire is whole, is found by its name, and is refused once a byte differs."""

import shutil
from pathlib import Path

import pytest

from model_runtime.checkpoints import find, source
from model_runtime.families import Family, family_of
from model_runtime.nano import shipped
from pipeline.confidence import Calibration, Kind
from schemas.errors import EngineUnavailable

MOST_BYTES = 40_000_000
LISTED = Path(shipped.__file__).parent / "checkpoint.sha256"


def test_it_is_whole_small_and_has_a_card() -> None:
    folder = shipped.folder()
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES
    assert (folder / "README.md").read_text().startswith("# Model card")


def test_it_is_found_by_its_alias_and_spoken_to_as_a_qwen2_vl() -> None:
    found = find(shipped.ALIAS)
    assert (found.name, found.family) == (shipped.NAME, Family.QWEN2_VL)
    assert family_of(shipped.NAME) is Family.QWEN2_VL
    assert source(shipped.ALIAS) == str(shipped.folder())
    assert 3_000_000 < found.parameters < 20_000_000


def test_its_options_name_files_that_are_there() -> None:
    options = shipped.options()
    fit = Calibration.parse(Path(options["calibration"]).read_text())
    assert fit.measured_on is Kind.TEXT


@pytest.mark.parametrize("how", ["changed", "added", "missing"])
def test_a_folder_that_differs_is_refused(tmp_path: Path, how: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shipped.folder(), copy)
    shipped.check(copy, LISTED)
    if how == "changed":
        weights = bytearray((copy / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (copy / "model.safetensors").write_bytes(weights)
    elif how == "added":
        (copy / "pytorch_model.bin").write_bytes(b"\x80")
    else:
        (copy / "config.json").unlink()
    with pytest.raises(EngineUnavailable) as refused:
        shipped.check(copy, LISTED)
    assert refused.value.code == "engine_model_changed"


def test_an_installation_without_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        shipped.check(tmp_path / "nothing", LISTED)
    assert refused.value.code == "engine_model_missing"

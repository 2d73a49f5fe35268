"""Which checkpoints fit where: sizes against what is known of them, and plans that make sense."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.checkpoints import QWEN, find, in_folder, known
from model_runtime.families import Family
from model_runtime.gpu_plan import GIB, GPUS, gpu_named, plan
from schemas.errors import Unsupported

PAGE = 1280 * 28 * 28


@pytest.mark.parametrize(("size", "kib"), [("2B", 28), ("7B", 56), ("72B", 320)])
def test_the_cache_of_a_token_is_as_measured(size: str, kib: int) -> None:
    checkpoint = find(f"Qwen2-VL-{size}-Instruct")
    assert checkpoint.kv_bytes == kib * 1024
    assert checkpoint.vision == 675_000_000
    assert checkpoint.context == 32_768


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("Qwen2-VL-2B", 2.2),
        ("Qwen2-VL-7B", 8.3),
        ("Qwen2-VL-72B", 73.4),
        ("Qwen2.5-VL-32B", 33.4),
        ("Qwen3-VL-8B", 8.8),
    ],
)
def test_parameters_add_up(name: str, billions: float) -> None:
    assert find(name).parameters / 1e9 == pytest.approx(billions, abs=0.1)


def test_every_checkpoint_of_the_list_is_there() -> None:
    names = set(known())
    for size in ("2B", "7B", "72B"):
        for tail in ("", "-GPTQ-Int8", "-GPTQ-Int4", "-AWQ"):
            assert f"Qwen/Qwen2-VL-{size}-Instruct{tail}" in names
    assert {find(f"Qwen2.5-VL-{s}-Instruct-AWQ").family for s in ("3B", "7B", "32B", "72B")} == {
        Family.QWEN2_5_VL
    }
    assert find("Qwen3-VL-235B-A22B").family is Family.QWEN3_VL
    assert find("qwen2-vl-72b-instruct-awq").licence == QWEN


def test_quantised_weights_are_smaller() -> None:
    sizes = [find(f"Qwen2-VL-72B-Instruct{tail}").weight_bytes for tail in ("", "-GPTQ-Int8", "-GPTQ-Int4")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.32 * sizes[0]


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(Unsupported) as unknown:
        find("Qwen2-VL-9B")
    assert "qwen2-vl-7b-instruct" in unknown.value.detail.lower()
    with pytest.raises(Unsupported) as gpu:
        gpu_named("GTX 750")
    assert "H100" in gpu.value.detail


def test_gpu_names_are_read_kindly() -> None:
    assert gpu_named("nvidia h100") == "H100"
    assert gpu_named("A100 80GB") == "A100-80"
    assert gpu_named("rtx4090") == "RTX4090"


def test_what_does_not_fit_says_why() -> None:
    made = plan(find("Qwen2-VL-72B-Instruct"), "L4", 4, PAGE)
    assert not made.fits
    assert "weights" in made.reason


def test_a_model_that_fits_on_one_gpu_is_copied_not_cut() -> None:
    made = plan(find("Qwen2-VL-7B-Instruct"), "H100", 4, PAGE)
    assert (made.parallel, made.copies) == (1, 4)
    large = plan(find("Qwen2-VL-72B-Instruct"), "H100", 4, PAGE)
    assert (large.parallel, large.copies) == (4, 1)
    assert "--tensor-parallel-size" in large.flags


def test_quantisation_groups_limit_the_cuts() -> None:
    assert find("Qwen2-VL-2B-Instruct").parallel_fault(4) is None
    assert find("Qwen2-VL-2B-Instruct-GPTQ-Int4").parallel_fault(4) is not None
    assert find("Qwen2-VL-7B-Instruct").parallel_fault(8) is not None, "28 heads"


def test_old_gpus_get_a_type_they_have() -> None:
    assert plan(find("Qwen2-VL-2B-Instruct"), "T4", 1, PAGE).flags[-2:] == ["--dtype", "half"]


@given(
    st.sampled_from(sorted(known())),
    st.sampled_from(sorted(GPUS)),
    st.integers(1, 16),
    st.integers(784, 12_845_056),
)
def test_plans_stay_within_the_memory(name: str, gpu: str, gpus: int, pixels: int) -> None:
    made = plan(find(name), gpu, gpus, pixels)
    if not made.fits:
        assert made.reason
        return
    assert made.parallel * made.copies <= gpus
    assert made.weight_gib + made.cache_gib < GPUS[gpu]
    length = made.visual_tokens + 2700
    used = made.pages * length * made.checkpoint.kv_bytes_on_each(made.parallel)
    assert used <= made.cache_gib * GIB
    assert made.model_len <= made.checkpoint.context


def test_a_folder_says_what_it_is(tmp_path: Path) -> None:
    config = {
        "model_type": "qwen2_vl",
        "hidden_size": 1536,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "intermediate_size": 8960,
        "vocab_size": 151_936,
        "tie_word_embeddings": True,
        "max_position_embeddings": 32_768,
        "vision_config": {"embed_dim": 1280, "depth": 32, "mlp_ratio": 4},
        "quantization_config": {"quant_method": "gptq", "bits": 4},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = find(str(tmp_path))
    known_one = find("Qwen2-VL-2B-Instruct-GPTQ-Int4")
    assert found.text == known_one.text
    assert found.weights is known_one.weights
    assert found.vision == pytest.approx(known_one.vision, rel=0.05)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(Unsupported):
        in_folder(tmp_path)

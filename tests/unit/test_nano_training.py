"""The model that is trained: its tokenizer loses nothing, its pass is the library's, its training resumes."""

# ruff: noqa: E402  # what needs torch is imported only where torch is

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `model`")
pytest.importorskip("transformers", reason="extra `model`")

from model_runtime.nano import fonts
from model_runtime.nano.batches import Maker, Plan, framed
from model_runtime.nano.compose import Wish, compose
from model_runtime.nano.curriculum import STAGES
from model_runtime.nano.export import export
from model_runtime.nano.model import Forward, Placing, build
from model_runtime.nano.model_sizes import SIZES
from model_runtime.nano.muon import Muon, orthogonal
from model_runtime.nano.pieces import Kind
from model_runtime.nano.tasks import Asked, exercise
from model_runtime.nano.tokens import tokenizer
from model_runtime.nano.train import Diverged, Settings, Training
from schemas.errors import Unsupported


@pytest.fixture(scope="module")
def faces() -> tuple[fonts.Face, ...]:
    try:
        return fonts.find().training
    except Unsupported:
        pytest.skip("this machine has too few fonts to train on (extra `train`)")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_prompts_and_replies_survive_the_tokenizer(faces: Any) -> None:
    known, rng = tokenizer(), random.Random(3)
    for kind in Kind:
        page = compose(Wish(kind, 336, 280), rng, faces)
        for asked in Asked:
            one = exercise(page, asked, rng)
            for text in (one.prompt, one.reply):
                ids = known(text, add_special_tokens=False)["input_ids"]
                assert known.decode(ids, clean_up_tokenization_spaces=False) == text


def test_the_products_long_prompts_are_short_in_tokens(faces: Any) -> None:
    known = tokenizer()
    page = compose(Wish(Kind.RECEIPT, 336, 280), random.Random(3), faces)
    one = next(
        made for n in range(50) if len((made := exercise(page, Asked.FIELDS, random.Random(n))).prompt) > 5000
    )
    assert len(known(one.prompt, add_special_tokens=False)["input_ids"]) < 20


def test_replies_can_be_kept_to_a_schema_over_this_vocabulary() -> None:
    """llguidance panicked over tokens that held a whole schema."""
    hf = pytest.importorskip("llguidance.hf")
    known = tokenizer()
    assert hf.from_tokenizer(known, len(known)).vocab_size == len(known)


@pytest.mark.parametrize("size", ["small", "least"])
@pytest.mark.parametrize("grid", [(2, 5), (5, 3), (12, 10)], ids=["wide", "high", "fused_attention"])
def test_the_training_pass_is_the_librarys(size: str, grid: tuple[int, int], tmp_path: Path) -> None:
    from transformers import AutoImageProcessor

    known = tokenizer()
    model = build(known, SIZES[size], 0).eval()
    for weight in model.parameters():
        if weight.ndim == 1:
            torch.nn.init.normal_(weight, float(weight.mean() > 0.5), 0.1)
    export(model, tmp_path, context=512, precise=True)
    pixels = np.random.default_rng(0).integers(0, 256, (grid[0] * 28, grid[1] * 28, 3), np.uint8)
    cells = grid[0] * grid[1]
    images = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    made = images([pixels], return_tensors="pt", do_resize=False)
    text = framed(known, "Read the text.").replace("<|image_pad|>", "<|image_pad|>" * cells) + "Café 12.30"
    ids = known(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    pad = known.convert_tokens_to_ids("<|image_pad|>")
    whole = ids[0].tolist()
    at = whole.index(pad)
    with torch.no_grad():
        theirs = model(
            input_ids=ids, pixel_values=made["pixel_values"], image_grid_thw=made["image_grid_thw"],
            mm_token_type_ids=(ids == pad).int(),
        ).logits[0, at + cells :]  # fmt: skip
        forward = Forward(model, whole[:at])
        states, between = forward.states(
            forward.cells(torch.from_numpy(pixels)[None]), grid, torch.tensor([whole[at + cells :]])
        )
        ours = forward.logits(states)[0]
    assert torch.allclose(theirs, ours, atol=2e-5)
    assert len(between) == max(0, SIZES[size].layers - 2), "what is asked where a token stands"


def test_a_batch_is_a_matter_of_its_number(faces: Any) -> None:
    first, again = (Maker(None).make(Plan(1, 7, 4, 2000)) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["said"].shape[0] == first["cover"].shape[0]
    assert len(first["at"]) == len(first["wanted"])


def test_pages_of_a_batch_are_alike_in_length_and_long_ones_are_as_usual_as_short(faces: Any) -> None:
    maker, values = Maker(None), [stage.name for stage in STAGES].index("values")
    batches = [maker.make(Plan(1, number, values, 2000)) for number in range(40)]
    long = [batch for batch in batches if batch["said"].shape[1] > 100]
    lengths = [np.bincount(batch["at"] // batch["said"].shape[1]) for batch in long]
    shares = np.concatenate([one / one.max() for one in lengths])
    assert np.median(shares) > 0.6
    means = sorted(one.mean() for one in lengths)
    assert means[-1] > 3 * means[0]


def test_some_bytes_that_the_decoder_goes_on_from_are_wrong_and_none_it_should_say(faces: Any) -> None:
    text = [stage.name for stage in STAGES].index("text")
    changed = whole = marred = replies = 0
    for number in range(12):
        batch = Maker(None).make(Plan(1, number, text, 3000))
        said = batch["said"]
        flat = np.full(said.size, -1)
        flat[batch["at"]] = batch["wanted"]
        wanted = flat.reshape(said.shape)
        given, before = said[:, 1:], wanted[:, :-1]  # what was to be said is what is gone on from
        inside = (before >= 0) & (wanted[:, 1:] >= 0)
        other = inside & (given != before)
        assert (before[other] < 256).all(), "passages are never replaced"
        assert (given[other] < 256).all()
        changed, whole = changed + other.sum(), whole + inside.sum()
        marred, replies = marred + other.any(1).sum(), replies + len(said)
    assert 0.01 < changed / whole < 0.08
    assert 0.2 < marred / replies < 0.7, "some replies stay as they are"


def test_tokens_whose_place_is_asked_are_those_that_say_what_stands_there(faces: Any) -> None:
    values = [stage.name for stage in STAGES].index("values")
    asked = same = 0
    for number in range(8):
        batch = Maker(None).make(Plan(1, number, values, 3000))
        said = batch["said"].reshape(-1)
        wanted = np.full(said.size, -1)
        wanted[batch["at"]] = batch["wanted"]
        at, stands = batch["stand_at"], batch["stands"]
        assert stands.shape == (len(at), 4)
        assert (stands[:, 2:] >= stands[:, :2]).all()
        # What stands at a position was to be said one before; some bytes are replaced on purpose.
        same, asked = same + int((said[at] == wanted[at - 1]).sum()), asked + len(at)
    assert asked > 1000
    assert same > 0.9 * asked


def test_a_place_is_asked_for_as_hundreds_and_tens() -> None:
    digits = Placing.wanted(torch.tensor([[0, 57, 430, 999]]))
    assert digits.tolist() == [[0, 0, 4, 9, 0, 5, 3, 9]]
    head = Placing(16)
    states = torch.randn(3, 16, requires_grad=True)
    head(states).sum().backward()
    assert head(states).shape == (3, 8, 10)
    assert states.grad is not None
    assert float(states.grad.abs().max()) == 0, "a head that knows nothing asks nothing"


@pytest.mark.parametrize("shape", [(3, 16, 40), (2, 40, 16), (1, 8, 8)])
def test_muon_makes_matrices_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    made = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonal(made))
    # Five steps of this quintic bring singular values to about one, not to one.
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.3


def test_muon_finds_the_matrix_that_was_wanted() -> None:
    wanted = torch.randn(12, 20, generator=torch.Generator().manual_seed(2))
    matrix = torch.zeros(12, 20, requires_grad=True)
    muon = Muon([matrix], lr=0.2)
    first = float(wanted.pow(2).sum())
    for step in range(200):
        muon.param_groups[0]["lr"] = 0.2 * (1 - step / 200)
        muon.zero_grad()
        (matrix - wanted).pow(2).sum().backward()
        muon.step()
    assert float((matrix.detach() - wanted).pow(2).sum()) < 0.01 * first


def settings(folder: Path, **more: Any) -> Settings:
    small: dict[str, Any] = {"steps": 24, "size": "least", "tokens": 600, "most": 8, "workers": 0}
    return Settings(folder, **{**small, "keep_s": 1e9, "highest_rate": 8e-2, **more})


def test_training_learns_and_a_resumed_one_ends_with_the_same_weights(faces: Any, tmp_path: Path) -> None:
    whole = Training(settings(tmp_path / "whole"), lambda _: None)
    losses: list[float] = []
    whole.watch = losses.append
    whole.run()
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    Training(settings(tmp_path / "parts"), lambda _: None).run(until=11)
    resumed = Training(settings(tmp_path / "parts"), lambda _: None)
    assert resumed.resume()
    assert resumed.run().step == 24
    ours, theirs = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (tmp_path / "whole" / "checkpoint" / "model.safetensors").is_file()


def test_a_checkpoint_can_be_started_from(faces: Any, tmp_path: Path) -> None:
    known = tokenizer()
    old = build(known, SIZES["least"], 5)
    export(old, tmp_path / "old", context=512, precise=True)
    fresh = Training(settings(tmp_path / "new"), lambda _: None)
    fresh.start_from(tmp_path / "old")
    ours, theirs = fresh.model.state_dict(), old.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_new_auxiliary_head_learns_before_it_teaches(faces: Any, tmp_path: Path) -> None:
    old = build(tokenizer(), SIZES["least"], 5)
    export(old, tmp_path / "old", context=512, precise=True)
    fresh = Training(settings(tmp_path / "new", highest_rate=1e-3), lambda _: None)
    losses: list[float] = []
    fresh.watch = losses.append
    fresh.start_from(tmp_path / "old")
    fresh.run(until=20)
    ours, theirs = fresh.model.state_dict(), old.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert sum(losses[-4:]) < 0.95 * sum(losses[:4])


def test_weights_that_are_no_numbers_end_a_training(faces: Any, tmp_path: Path) -> None:
    training = Training(settings(tmp_path, steps=60), lambda _: None)
    with torch.no_grad():
        training.model.model.visual.merger.ln_q.weight.fill_(float("nan"))
    with pytest.raises(Diverged):
        training.run(until=30)

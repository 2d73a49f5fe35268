"""Fitting probabilities, and the measures that a constant cannot pass."""

import math

import numpy as np
import pytest

from model_runtime.nano import shipped
from pipeline.certainty import Certainty
from pipeline.confidence import Calibration, Kind, Signs, features, probability, text_probability
from schemas.errors import Unsupported
from schemas.field import Match
from tests.bench import known_text
from tests.bench.fit import Observed, area_under_curve, calibration_error, fit, halves, predicted


def made(count: int, seed: int) -> list[Observed]:
    """Values whose chance of being right follows from their signs."""
    rng = np.random.default_rng(seed)
    observed = []
    for _ in range(count):
        mean, fuzzy = float(rng.normal(2, 2)), float(rng.random() < 0.3)
        chance = 1 / (1 + math.exp(-(0.5 + 0.8 * mean - 2 * fuzzy)))
        signs = {"mean": mean, "fuzzy": fuzzy}
        observed.append(Observed(f"issuer {rng.integers(40)}", signs, bool(rng.random() < chance)))
    return observed


def test_a_fit_on_some_issuers_holds_for_others() -> None:
    first, second = halves(made(4000, 1))
    assert not {one.issuer for one in first} & {one.issuer for one in second}
    calibration = fit(first, "test")
    chance, right = predicted(calibration, second), [one.right for one in second]
    assert calibration_error(chance, right) < 0.04
    assert area_under_curve(chance, right) > 0.8
    assert calibration.weights["mean"] == pytest.approx(0.8, abs=0.15)


def test_a_constant_does_not_pass() -> None:
    right = [one.right for one in made(1000, 2)]
    constant = np.full(len(right), sum(right) / len(right))
    assert area_under_curve(constant, right) == 0.5


def test_a_calibration_file_is_checked() -> None:
    good = Calibration.parse('{"name": "a", "intercept": 1, "weights": {"mean": 2}}')
    assert good.weights == {"mean": 2.0}
    for bad in ("", "[]", '{"name": "a"}', '{"name": "a", "intercept": 1, "weights": {"bogus": 1}}'):
        with pytest.raises(Unsupported):
            Calibration.parse(bad)


def test_no_sign_no_place_or_no_fit_is_no_probability() -> None:
    fitted = Calibration("a", 3.0, {})
    sure = Certainty(0.99, 0.98)
    assert probability(Signs(sure, Match.EXACT), fitted) is not None
    assert probability(Signs(sure, Match.EXACT), None) is None
    assert probability(Signs(None, Match.EXACT), fitted) is None
    assert probability(Signs(sure, None), fitted) is None
    assert probability(Signs(sure, Match.MODEL), fitted) is None
    assert features(Signs(sure, Match.FUZZY, agreed=False, valid=False))["disagreed"] == 1.0


def test_a_fit_on_text_says_nothing_of_values_and_the_other_way_round() -> None:
    sure = Certainty(0.9, 0.8)
    for kind in Kind:
        stored = f'{{"name": "n", "intercept": 0, "weights": {{"mean": 1}}, "measured_on": "{kind}"}}'
        calibration = Calibration.parse(stored)
        value, text = probability(Signs(sure, Match.EXACT), calibration), text_probability(sure, calibration)
        assert (value is None, text is None) == (kind is Kind.TEXT, kind is Kind.VALUES)
    with pytest.raises(Unsupported):
        Calibration.parse('{"name": "n", "intercept": 0, "weights": {}, "measured_on": "charts"}')


def test_known_pages_are_the_same_each_time_and_every_issuer_has_some() -> None:
    first, again = list(known_text.pages(20, issuers=5)), list(known_text.pages(20, issuers=5))
    assert first == again
    assert {page.issuer for page in first} == {page.issuer for page in first[:5]}
    assert len({page.text for page in first}) > 15


def test_the_fit_of_the_small_reader_tells_sure_text_from_unsure() -> None:
    calibration = Calibration.parse((shipped.folder() / "text-fit.json").read_bytes())
    sure, unsure = (text_probability(Certainty(m, m / 2), calibration) for m in (0.99, 0.5))
    assert sure is not None
    assert unsure is not None
    assert sure > unsure

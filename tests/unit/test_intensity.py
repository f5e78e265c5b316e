"""Intensity normalisation against its definition, and that patients do not touch each other."""

import numpy as np
import pytest

from hscore.errors import UserError
from hscore.imaging.normalize.intensity import METHODS, normalize


@pytest.fixture
def volume():
    return np.random.default_rng(1).gamma(2, 200, (4, 20, 30)).astype(np.float32)


@pytest.fixture
def body():
    mask = np.zeros((4, 20, 30), bool)
    mask[:, 4:16, 5:25] = True
    return mask


def test_zscore_has_mean_0_and_deviation_1_inside_the_body(volume, body):
    values, facts = normalize(volume, body, "zscore")
    assert values.dtype == np.float32
    assert values[body].mean() == pytest.approx(0, abs=1e-5)
    assert values[body].std() == pytest.approx(1, abs=1e-5)
    assert values[~body].mean() != pytest.approx(0, abs=1e-5)
    assert facts["mean"] == pytest.approx(volume[body].astype(float).mean())


def test_zscore_does_not_depend_on_gain_and_offset(volume, body):
    plain, _ = normalize(volume, body, "zscore")
    scaled, _ = normalize(3 * volume + 50, body, "zscore")
    assert scaled == pytest.approx(plain, abs=1e-4)


def test_zscore_of_a_body_of_one_value_is_0(body):
    values, facts = normalize(np.full(body.shape, 5, np.float32), body, "zscore")
    assert (values == 0).all()
    assert facts["standard_deviation"] == 0


def test_percentiles_of_the_body_become_0_and_1_and_the_rest_is_cut(volume, body):
    values, facts = normalize(volume, body, "percentile", low=5, high=90)
    low, high = np.percentile(volume[body], [5, 90])
    assert (facts["low_value"], facts["high_value"]) == pytest.approx((low, high))
    assert values == pytest.approx(np.clip((volume - low) / (high - low), 0, 1), abs=1e-6)
    assert values.min() == 0
    assert values.max() == 1


def test_range_keeps_the_physical_unit_whatever_the_body(volume, body):
    values, _ = normalize(volume, body, "range", low=0, high=1000)
    assert values == pytest.approx(np.minimum(volume / 1000, 1), abs=1e-6)
    assert (values == normalize(volume, ~body, "range", low=0, high=1000)[0]).all()


@pytest.mark.parametrize("method", METHODS)
def test_no_method_changes_what_it_is_given(volume, body, method):
    before = volume.copy()
    normalize(volume, body, method, **({} if method == "zscore" else {"low": 1, "high": 99}))
    assert (volume == before).all()


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("nyul", {}, "method 'nyul' is not known; choose one of zscore, percentile, range"),
        ("zscore", {"low": 1}, "'zscore' takes no settings, given: low"),
        ("range", {"low": 1}, "'range' takes low and high, given: low"),
        ("percentile", {"low": 99, "high": 1}, "low .99. must be less than high .1."),
    ],
)
def test_wrong_settings_are_said_in_a_sentence(volume, body, method, settings, words):
    with pytest.raises(UserError, match=words):
        normalize(volume, body, method, **settings)

"""Discrimination: closed forms, all pairs one by one, and input that allows no estimate."""

import numpy as np
import pytest

from hscore.statistics.common import bootstrap
from hscore.statistics.diagnosis import discrimination, resampled_roc, roc_curve


def slow_auc(y_true, scores):
    """Share of (positive, negative) pairs in the right order, ties one half: one pair at a time."""
    wins = 0.0
    for case in scores[y_true]:
        for control in scores[~y_true]:
            wins += 1.0 if case > control else 0.5 if case == control else 0.0
    return wins / (y_true.sum() * (~y_true).sum())


def slow_delong_variance(y_true, scores):
    """DeLong's variance by the definition: placements of each patient against all of the other class."""
    cases, controls = scores[y_true], scores[~y_true]
    kernel = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
    return kernel.mean(1).var(ddof=1) / cases.size + kernel.mean(0).var(ddof=1) / controls.size


@pytest.mark.parametrize("decimals", [1, 6], ids=["many ties", "no ties"])
def test_auc_and_variance_equal_the_slow_definition(decimals):
    rng = np.random.default_rng(3)
    y_true = rng.random(83) < 0.3
    scores = (rng.normal(size=83) + y_true).round(decimals)
    result = discrimination.delong(y_true, scores)
    assert result.auc[0] == pytest.approx(slow_auc(y_true, scores), rel=1e-12)
    assert result.covariance[0, 0] == pytest.approx(slow_delong_variance(y_true, scores), rel=1e-12)


def test_a_two_valued_score_has_the_closed_form_auc():
    y_true = np.array([1] * 10 + [0] * 20, dtype=bool)
    scores = np.array([1.0] * 7 + [0.0] * 3 + [1.0] * 4 + [0.0] * 16)
    assert discrimination.delong(y_true, scores).auc[0] == pytest.approx((0.7 + 0.8) / 2)


def test_reversing_the_scores_reverses_the_auc_and_its_interval():
    rng = np.random.default_rng(1)
    y_true = rng.random(60) < 0.4
    scores = rng.normal(size=60) + 0.5 * y_true
    forward = discrimination.auc_interval(y_true, scores, 0.95)
    backward = discrimination.auc_interval(y_true, -scores, 0.95)
    assert backward["estimate"] == pytest.approx(1 - forward["estimate"])
    assert backward["low"] == pytest.approx(1 - forward["high"])


def test_raw_interval_is_cut_to_one_and_logit_interval_stays_inside():
    y_true = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)
    scores = np.array([0.9, 0.8, 0.35, 0.4, 0.2, 0.1, 0.3])
    assert discrimination.auc_interval(y_true, scores, 0.95, "delong")["high"] == 1.0
    logit = discrimination.auc_interval(y_true, scores, 0.95, "delong-logit")
    assert 0 < logit["low"] < logit["estimate"] < logit["high"] < 1
    assert logit["method"] == "DeLong, logit-transformed"


def test_perfect_separation_has_newcombes_interval_and_no_delong():
    y_true = np.array([0, 0, 1, 1], dtype=bool)
    result = discrimination.auc_interval(y_true, np.array([0.1, 0.2, 0.8, 0.9]), 0.95)
    assert (result["estimate"], result["high"]) == (1.0, 1.0) and 0 < result["low"] < 1
    assert "Newcombe" in result["method"]
    for name in ("delong", "delong-logit"):
        result = discrimination.auc_interval(y_true, np.array([0.1, 0.2, 0.8, 0.9]), 0.95, name)
        assert (result["estimate"], result["low"], result["high"]) == (1.0, None, None) and "separate" in result["why"]


@pytest.mark.parametrize(
    ("y_true", "scores", "why"),
    [([], [], "there are no patients"), ([1, 0, 0], [0.5, np.nan, np.inf], "of the scores are missing or infinite")],
)
def test_empty_and_missing_scores_end_with_a_reason(y_true, scores, why):
    y_true, scores = np.array(y_true, bool), np.array(scores, float)
    draws = bootstrap.draw_both_ways(y_true, 5, np.random.default_rng(0))
    results = [discrimination.auc_interval(y_true, scores, 0.95, name) for name in discrimination.INTERVALS]
    results += [
        discrimination.compare(y_true, scores, scores, 0.95),
        discrimination.compare_unpaired(y_true, scores, y_true, scores, 0.95),
        roc_curve.points(y_true, scores),
        resampled_roc.band(y_true, scores, draws.by_class, 0.95),
        *resampled_roc.describe(y_true, scores, draws, 0.95, 0.8).values(),
    ]
    assert all(why in result["why"] for result in results)


@pytest.mark.parametrize("area", [0.0, 0.3, 0.933, 1.0])
def test_newcombes_bounds_lie_where_the_score_statistic_is_the_quantile(area):
    low, high = discrimination.newcombe_interval(area, 8, 26, 0.95)
    for bound in {low, high} - {0.0, 1.0}:
        error = discrimination.newcombe_error(bound, 8, 26)
        assert abs(area - bound) / error == pytest.approx(1.959964, rel=1e-6)
    assert low <= area <= high and high - low > 0.05


def hanley_mcneil_error(area, positives, negatives):
    """Hanley and McNeil, Radiology 1982;143:29-36."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    return np.sqrt(variance / (positives * negatives))


def test_newcombes_error_of_equal_classes_is_hanley_and_mcneils():
    for size in (8, 30):
        assert discrimination.newcombe_error(0.8, size, size) == pytest.approx(hanley_mcneil_error(0.8, size, size))


def test_equal_scores_order_nobody_and_have_no_interval():
    result = discrimination.auc_interval(np.arange(6) < 2, np.full(6, 0.4), 0.95)
    assert (result["estimate"], result["low"]) == (0.5, None) and "equal" in result["why"]


@pytest.mark.parametrize("value", [True, False])
def test_one_class_only_is_explained(value):
    y_true, scores = np.full(5, value), np.arange(5.0)
    for result in (
        discrimination.auc_interval(y_true, scores, 0.95),
        discrimination.compare(y_true, scores, scores[::-1], 0.95),
        roc_curve.points(y_true, scores),
    ):
        assert "both classes" in result["why"]
    assert discrimination.auc_interval(y_true, scores, 0.95)["estimate"] is None


def test_one_positive_only_has_newcombes_interval():
    y_true = np.array([1, 0, 0, 0], dtype=bool)
    result = discrimination.auc_interval(y_true, np.array([0.5, 0.1, 0.7, 0.2]), 0.95)
    assert result["estimate"] == pytest.approx(2 / 3) and result["low"] < 0.3 and result["high"] > 0.9
    assert "Newcombe" in result["method"]
    result = discrimination.auc_interval(y_true, np.array([0.5, 0.1, 0.7, 0.2]), 0.95, "delong")
    assert "needs two" in result["why"] and result["low"] is None


def test_all_pairs_at_once_are_the_pairs_one_by_one():
    rng = np.random.default_rng(6)
    y_true = rng.random(70) < 0.4
    scores = rng.normal(size=(4, 70)) + y_true
    pairs = [(0, 1), (2, 0), (3, 3)]
    rows = discrimination.compare_all(y_true, scores, pairs, 0.95)
    for (a, b), row in zip(pairs[:2], rows, strict=False):
        alone = discrimination.compare(y_true, scores[a], scores[b], 0.95)
        assert [row[key] for key in ("difference", "low", "p")] == pytest.approx(
            [alone[key] for key in ("difference", "low", "p")]
        )
    assert rows[2]["p"] is None and "order the patients equally" in rows[2]["why"]


def test_a_model_compared_with_itself_has_nothing_to_test():
    y_true = np.array([1, 0, 1, 0, 0], dtype=bool)
    scores = np.array([0.5, 0.1, 0.4, 0.45, 0.2])
    result = discrimination.compare(y_true, scores, scores * 2, 0.95)
    assert result["difference"] == 0 and result["p"] is None and "order the patients equally" in result["why"]


def test_paired_test_keeps_its_level_when_both_models_are_equally_good():
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(400):
        y_true = np.arange(120) < 40
        truth = y_true + rng.normal(size=120)
        a, b = truth + rng.normal(size=120), truth + rng.normal(size=120)
        rejected += discrimination.compare(y_true, a, b, 0.95)["p"] < 0.05
    assert 8 <= rejected <= 36  # 20 expected, +-3.7 standard deviations


def test_roc_has_an_end_for_nobody_and_one_for_everybody_and_its_area_is_the_auc():
    rng = np.random.default_rng(2)
    y_true = rng.random(50) < 0.4
    scores = (rng.normal(size=50) + y_true).round(1)
    roc = roc_curve.points(y_true, scores)
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][0], roc["threshold"][0]) == (0, 0, None)
    assert (roc["false_positive_rate"][-1], roc["true_positive_rate"][-1], roc["threshold"][-1]) == (1, 1, None)
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(discrimination.delong(y_true, scores).auc[0])
    for x, y, t in list(zip(*roc.values(), strict=True))[1:-1]:
        assert (scores >= t)[y_true].mean() == pytest.approx(y)
        assert (scores >= t)[~y_true].mean() == pytest.approx(x)


def test_cut_points_of_neighbouring_floats_still_separate_them():
    low = 0.3
    high = np.nextafter(low, 1)
    (cut,) = discrimination.cut_points(np.array([low, high]))
    assert low < cut <= high


def test_newcombes_error_is_close_to_the_published_studys_interval():
    """With 32 positives and 109 negatives the Hanley-McNeil interval of 0.933 is 0.871-0.995, of 0.844 0.755-0.933."""
    for area, low, high in ((0.933, 0.871, 0.995), (0.844, 0.755, 0.933)):
        assert area - 1.96 * hanley_mcneil_error(area, 32, 109) == pytest.approx(low, abs=6e-4)
        assert area + 1.96 * hanley_mcneil_error(area, 32, 109) == pytest.approx(high, abs=6e-4)
        error = discrimination.newcombe_error(area, 32, 109)
        assert error == pytest.approx(hanley_mcneil_error(area, 32, 109), rel=0.2)

"""ROC statistics of resamples: the same as repeating patients one by one, and as scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from hscore.statistics.common import bootstrap
from hscore.statistics.diagnosis import discrimination, resampled_roc, roc_curve
from hscore.statistics.diagnosis.resampled_roc import ResampledRoc


@pytest.fixture
def data():
    rng = np.random.default_rng(40)
    y_true = rng.random(90) < 0.3
    return y_true, (rng.normal(size=90) + y_true).round(1)


def of_all(y_true, scores):
    return ResampledRoc(y_true, scores, bootstrap.cohort_counts(y_true.size))


def test_counts_give_what_the_repeated_patients_give(data):
    y_true, scores = data
    counts = bootstrap.draw_by_class(y_true, 20, np.random.default_rng(0))
    roc = ResampledRoc(y_true, scores, counts)
    found = np.array([roc.aucs(), roc.partial_aucs(0.8), roc.average_precisions()])
    for row, values in zip(counts, found.T, strict=True):
        drawn = np.repeat(np.arange(90), row.astype(int))
        alone = of_all(y_true[drawn], scores[drawn])
        delong = discrimination.delong(y_true[drawn], scores[drawn])
        assert values[0] == pytest.approx(delong.auc[0], rel=1e-12)
        assert values[1:] == pytest.approx([alone.partial_aucs(0.8)[0], alone.average_precisions()[0]], rel=1e-12)


def test_sensitivities_lie_on_the_curve_of_the_repeated_patients(data):
    y_true, scores = data
    counts = bootstrap.draw_by_class(y_true, 20, np.random.default_rng(0))
    at = np.array([0.0, 0.07, 0.5, 0.93, 1.0])
    found = ResampledRoc(y_true, scores, counts).sensitivities(at)
    for row, values in zip(counts, found, strict=True):
        drawn = np.repeat(np.arange(90), row.astype(int))
        points = roc_curve.points(y_true[drawn], scores[drawn])
        x, y = points["false_positive_rate"], points["true_positive_rate"]
        for place, value in zip(at, values, strict=True):
            left = max(i for i, across in enumerate(x) if across <= place)
            right = min(left + 1, len(x) - 1)
            share = 0 if x[right] == x[left] else (place - x[left]) / (x[right] - x[left])
            assert value == pytest.approx(y[left] + share * (y[right] - y[left]))


def test_the_band_holds_the_curve_and_needs_both_classes(data):
    y_true, scores = data
    counts = bootstrap.draw_by_class(y_true, 500, np.random.default_rng(0))
    band = resampled_roc.band(y_true, scores, counts, 0.95)
    curve = of_all(y_true, scores).sensitivities(np.array(band["false_positive_rate"]))[0]
    assert (np.array(band["low"]) <= curve).all() and (curve <= np.array(band["high"])).all()
    assert "both classes" in resampled_roc.band(np.zeros(5, bool), np.arange(5.0), np.ones((3, 5)), 0.95)["why"]


def test_partial_auc_over_everything_is_the_auc_and_of_a_perfect_model_is_one(data):
    y_true, scores = data
    roc = of_all(y_true, scores)
    assert (
        roc.partial_aucs(0.0)[0]
        == pytest.approx(roc.aucs()[0])
        == pytest.approx(discrimination.delong(y_true, scores).auc[0])
    )
    assert of_all(y_true, y_true * 1.0).partial_aucs(0.9)[0] == pytest.approx(1)
    assert of_all(y_true, np.zeros(90)).partial_aucs(0.9)[0] == pytest.approx(0.5)


def test_partial_auc_and_average_precision_equal_scikit_learn(data):
    y_true, scores = data
    roc = of_all(y_true, scores)
    assert roc.average_precisions()[0] == pytest.approx(metrics.average_precision_score(y_true, scores), rel=1e-12)
    for specificity in (0.5, 0.8, 0.93):
        expected = metrics.roc_auc_score(y_true, scores, max_fpr=1 - specificity)
        assert roc.partial_aucs(specificity)[0] == pytest.approx(expected, rel=1e-12)


def test_the_intervals_hold_the_estimates_and_that_of_the_auc_is_close_to_delong(data):
    y_true, scores = data
    draws = bootstrap.draw_both_ways(y_true, 4000, np.random.default_rng(0))
    rows = resampled_roc.describe(y_true, scores, draws, 0.95, 0.8)
    delong = discrimination.auc_interval(y_true, scores, 0.95, "delong")
    assert rows["auc_bootstrap"]["estimate"] == pytest.approx(delong["estimate"])
    assert rows["auc_bootstrap"]["low"] == pytest.approx(delong["low"], abs=0.02)
    assert rows["auc_bootstrap"]["high"] == pytest.approx(delong["high"], abs=0.02)
    for row in rows.values():
        assert row["low"] < row["estimate"] < row["high"] and "4000 resamples" in row["method"]
    assert rows["average_precision"]["chance"] == pytest.approx(y_true.mean())


def test_one_class_is_explained(data):
    _, scores = data
    nobody = np.zeros(90, bool)
    draws = bootstrap.draw_both_ways(nobody, 9, np.random.default_rng(7))
    for row in resampled_roc.describe(nobody, scores, draws, 0.95, 0.8).values():
        assert row["estimate"] is None and "both classes" in row["why"]

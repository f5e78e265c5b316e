"""Bootstrap draws as counts: the same as resampling patients one by one."""

import numpy as np
import pytest

from hscore.statistics import bootstrap, discrimination


@pytest.fixture
def data():
    rng = np.random.default_rng(40)
    positive = rng.random(90) < 0.3
    return positive, (rng.normal(size=90) + positive).round(1)


def test_draws_keep_the_number_of_patients_and_of_each_class(data):
    positive, _ = data
    rng = np.random.default_rng(0)
    assert np.all(bootstrap.draw(90, 50, rng).sum(axis=1) == 90)
    assert np.all(bootstrap.draw_by_class(positive, 50, rng)[:, positive].sum(axis=1) == positive.sum())


def test_auc_of_counts_is_the_auc_of_the_repeated_patients(data):
    positive, scores = data
    counts = bootstrap.draw_by_class(positive, 20, np.random.default_rng(0))
    for row, value in zip(counts, bootstrap.aucs(positive, scores, counts), strict=True):
        drawn = np.repeat(np.arange(90), row.astype(int))
        assert value == pytest.approx(discrimination.auc(positive[drawn], scores[drawn]), rel=1e-12)


def test_interval_is_close_to_delong(data):
    positive, scores = data
    counts = bootstrap.draw_by_class(positive, 4000, np.random.default_rng(0))
    ours, delong = (
        bootstrap.auc_interval(positive, scores, counts, 0.95),
        discrimination.auc_interval(positive, scores, 0.95),
    )
    assert ours["estimate"] == pytest.approx(delong["estimate"])
    assert ours["low"] == pytest.approx(delong["low"], abs=0.02) and ours["high"] == pytest.approx(
        delong["high"], abs=0.02
    )


def test_the_same_seed_gives_the_same_interval_and_one_class_is_explained(data):
    positive, scores = data
    a, b = (
        bootstrap.auc_interval(positive, scores, bootstrap.draw_by_class(positive, 99, np.random.default_rng(7)), 0.95)
        for _ in range(2)
    )
    assert a == b
    nobody = np.zeros(90, bool)
    counts = bootstrap.draw_by_class(nobody, 9, np.random.default_rng(7))
    assert "both classes" in bootstrap.auc_interval(nobody, scores, counts, 0.95)["why"]

"""The chain from folds to validated scores adds nothing of its own: a quick version of ``score_chain.py``.

Both cohorts are of one population. Limits are about four Monte-Carlo errors of so few studies.
"""

import numpy as np
import pytest

import out_of_fold_coverage
import score_chain
from hscore.learning import calibration
from hscore.statistics.diagnosis.discrimination import compare, delong


def one_study(seed):
    """Out-of-fold scores of the reading, and of the reading with noise: raw, and calibrated. The outcome."""
    random = np.random.default_rng(seed)
    table = score_chain.population(random, *score_chain.SIZES["development"], "a")
    y_true = table["lnm"].to_numpy() == 1
    fold = np.empty(y_true.size, int)
    fold[np.argsort(y_true, kind="stable")] = np.arange(y_true.size) % 5
    unseen = fold == np.arange(5)[:, None]
    scores = {}
    for name, columns in (("reading", [score_chain.READING]), ("noise", [score_chain.READING, *score_chain.NOISE])):
        values = table[columns].to_numpy(float)
        raw = out_of_fold_coverage.probabilities(out_of_fold_coverage.fitted(values, y_true, fold), values)
        risks = calibration.apply(calibration.fit(raw, unseen, y_true, "platt"), raw)
        scores[name] = {"raw": raw[fold, np.arange(fold.size)], "calibrated": risks[fold, np.arange(fold.size)]}
    return y_true, table[score_chain.READING].to_numpy(float), scores


@pytest.fixture(scope="module")
def studies():
    return [one_study(seed) for seed in range(60)]


def test_a_model_of_the_reading_alone_has_the_readings_auc_where_raw_scores_lose_it(studies):
    lost = []
    for y_true, reading, scores in studies:
        own = delong(y_true, np.array([reading, scores["reading"]["calibrated"], scores["reading"]["raw"]])).auc
        assert own[1] == own[0]
        lost.append(own[2] - own[0])
    assert np.mean(lost) < -0.02


def test_a_model_that_adds_noise_to_the_reading_shows_no_gain_where_raw_scores_show_one(studies):
    rows = {
        kind: [compare(y_true, scores["noise"][kind], scores["reading"][kind], 0.95) for y_true, _, scores in studies]
        for kind in ("raw", "calibrated")
    }
    gain = {kind: np.mean([row["difference"] for row in found]) for kind, found in rows.items()}
    assert gain["raw"] > 0.01
    assert gain["calibrated"] < 0.005


def test_the_error_of_an_out_of_fold_gain_is_its_deviation_where_delongs_is_too_small(studies):
    rows = {
        folds: [
            compare(y_true, scores["noise"]["calibrated"], scores["reading"]["calibrated"], 0.95, folds)
            for y_true, _, scores in studies
        ]
        for folds in (None, 5)
    }
    deviation = np.std([row["difference"] for row in rows[5]], ddof=1)
    error = {folds: np.mean([row["difference"] / row["z"] for row in found]) for folds, found in rows.items()}
    assert error[None] < 0.85 * deviation
    assert 0.8 * deviation < error[5] < 1.25 * deviation


@pytest.mark.slow
def test_the_whole_chain_through_its_steps():
    found = score_chain.run(8)
    mean, error = found["mean"], found["error"]
    assert (mean["clinical: AUC minus the reading's own"], error["clinical: AUC minus the reading's own"]) == (0, 0)
    assert mean["clinical: AUC added by averaging members"] == pytest.approx(0, abs=1e-12)
    for model in score_chain.MODELS:
        for measure in ("change of AUC", "out-of-fold AUC minus a member's true one"):
            assert abs(mean[f"{model}: {measure}"]) < 4 * error[f"{model}: {measure}"] + 0.01
        assert 0.9 < mean[f"{model}: true O:E"] < 1.1
        assert 0.8 < mean[f"{model}: true slope"] < 1.4
    assert (
        mean["nothing: gain over the reading, out_of_fold"] < 4 * error["nothing: gain over the reading, out_of_fold"]
    )

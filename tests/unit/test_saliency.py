"""Maps of what a network looked at: they find a planted place, and depend on what was learned."""

import base64

import numpy as np
import pandas as pd
import pytest

from hscore.learning import explanation, saliency, training
from hscore.learning.ensemble import load_model
from hscore.learning.samples import read_samples
from hscore.statistics.diagnosis.cases import most_certain

SETTINGS = {
    "network": {"name": "paper", "channels": [6, 8], "head": [4], "dropout": 0.0},
    "epochs": 12,
    "batch_size": 8,
    "samples_per_patient": 2,
    "optimizer": {"name": "adamw", "learning_rate": 0.02, "weight_decay": 0.0},
    "class_weights": "balanced",
    "augmentation": {},
    "aggregation": "mean",
    "sequence_dropout": 0.0,
    "early_stopping": None,
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
}
SPEC = {"label": "x", "sequences": ["T2WI", "ADC"], "region": "tumour", "clinical": ["age"]}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A model of two sequences; in T2WI a bright spot on the upper left tells the label, a dark one nothing."""
    folder = tmp_path_factory.mktemp("planted")
    random = np.random.default_rng(0)
    rows = []
    for k in range(30):
        positive = k % 2
        own = folder / f"sub-{k}"
        own.mkdir()
        images = random.normal(0, 0.3, (3, 3, 16, 16)).astype(np.float32)
        images[:, :, 2:6, 2:6] += 3 * positive
        images[:, :, 10:14, 10:14] -= 3 * (random.random() < 0.5)
        np.savez(own / "samples.npz", T2WI_tumour=images, ADC_tumour=random.normal(size=images.shape).astype("f4"))
        rows.append({"patient": f"P{k}", "center": "AA", "age": 50 + k % 3, "samples": own, "lnm": positive,
                     "fold": k // 2 % 2})  # fmt: skip
    table = pd.DataFrame(rows)
    table.to_csv(folder / "manifest.csv", index=False)
    table[["patient", "center", "lnm", "fold"]].to_csv(folder / "folds.csv", index=False)
    manifests = [folder / "manifest.csv"]
    training.train("m", SPEC, SETTINGS, [1], folder / "folds.csv", manifests, folder / "state", folder / "model")
    ensemble = load_model(folder / "model")
    return ensemble, read_samples(manifests, ensemble.spec)


def test_maps_lie_where_the_label_is_planted_and_change_with_random_weights(planted):
    ensemble, samples = planted
    shown = [0, 3, 9, 15, 21]  # of the first patients, with and without the spot
    positive = np.array([samples.images[0].patient_index[number] % 2 for number in shown], bool)
    found = saliency.explain([ensemble], samples, 0, shown)
    assert found["maps"].shape == found["random_maps"].shape == (5, 16, 16)
    spot, distractor = (found["maps"][positive][:, part, part].mean() for part in (slice(2, 6), slice(10, 14)))
    assert spot > 4 * distractor
    check = found["check"]
    assert check["members"] > 0.5 and check["members"] > check["member_and_random_weights"] + 0.3
    assert -1 <= check["random_weights"] <= 1


def test_scores_of_single_samples_are_the_networks_own(planted):
    """Each sample as the only one of its patient, the other sequence missing."""
    ensemble, samples = planted
    logits = saliency.sample_scores([ensemble], samples, 0)
    positive = samples.images[0].patient_index % 2 == 1
    assert logits.shape == (90,) and logits[positive].min() > logits[~positive].max()


def test_maps_repeat(planted):
    ensemble, samples = planted
    first, again = (saliency.explain([ensemble], samples, 1, [0, 4]) for _ in range(2))
    np.testing.assert_array_equal(first["random_maps"], again["random_maps"])
    assert first["check"] == again["check"]


def test_a_call_is_explained_by_the_sample_that_supports_it_most(planted):
    """By the highest score of a positive call and the lowest of a negative one, in every sequence."""
    ensemble, samples = planted
    calls = [
        {"kind": "true positive", "patient": "P1", "lnm": True, "score": 0.9},
        {"kind": "false negative", "patient": "P3", "lnm": True, "score": 0.1},
    ]
    found = explanation.explain_calls([ensemble], samples, calls)
    assert list(found["checks"]) == ["T2WI_tumour", "ADC_tumour"]
    assert [(row["patient"], row["array"]) for row in found["shown"]] == [
        (patient, key) for key in found["checks"] for patient in ("P1", "P3")
    ]
    logits = saliency.sample_scores([ensemble], samples, 0)
    positive, negative = (explanation.supporting_sample(samples, 0, call, logits) for call in calls)
    assert logits[positive] == logits[3:6].max() and logits[negative] == logits[9:12].min()
    assert found["shown"][0].items() >= calls[0].items()
    picture = explanation.grey_levels(samples.images[0].pixels[positive][1])
    assert found["shown"][0]["sample"] == picture and (picture["rows"], picture["columns"]) == (16, 16)
    nobody = calls[0] | {"patient": "stranger"}
    assert explanation.supporting_sample(samples, 0, nobody, logits) is None


def test_grey_levels_go_from_the_lowest_to_the_highest_value():
    picture = explanation.grey_levels(np.array([[-1.0, 0.0], [1.0, 0.5]]))
    assert list(base64.b64decode(picture["levels"])) == [0, 128, 255, 191]
    assert set(base64.b64decode(explanation.grey_levels(np.ones((2, 3)))["levels"])) == {0}


def test_rank_correlation_equals_scipy():
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    a, b = np.round(random.normal(size=(2, 8, 8)), 1)  # with ties
    assert saliency.correlation(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert saliency.correlation(a, np.zeros((8, 8))) is None
    assert saliency.agreement([(a[None], np.zeros((1, 8, 8)))]) is None


def test_representatives_are_the_most_certain_of_each_kind():
    positive = np.array([1, 1, 0, 0, 0, 1, 0, 1], bool)
    scores = np.array([0.9, 0.8, 0.7, 0.95, 0.2, 0.1, 0.3, np.nan])
    assert most_certain(positive, scores, 0.5) == {
        "true positive": 0,
        "false positive": 3,
        "true negative": 4,
        "false negative": 5,
    }
    assert most_certain(positive, np.ones(8), 0.5) == {"true positive": 0, "false positive": 2}

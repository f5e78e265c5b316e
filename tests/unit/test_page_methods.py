"""The methods paragraphs say what the config says."""

import pytest

from example_results import example_results
from hscore.reporting.methods import listed, methods


def text(results):
    return " ".join(part for _, part in methods(results)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("sample", "peritumoral_pixels", 7, "grown by 7 pixels"),
        ("sample", "peritumoral_pixels_per", "total", "(in total: setting)"),
        ("sample", "interpolation", "cubic", "cubic interpolation"),
        ("cohort", "mri_ln_positive_mm", 8, "short axis of 8 mm"),
        ("split", "folds", 4, "split into 4 folds"),
        ("train", "epochs", 77, "77 epochs"),
        ("train", "aggregation", "top3", "mean of the three largest of its samples' outputs"),
        ("train", "class_weights", "none", "binary cross-entropy unweighted"),
        ("validate", "threshold", {"sensitivity": 0.9}, "a sensitivity of at least 0.9"),
        ("validate", "threshold", {"value": 0.5}, "the fixed value 0.5"),
        ("validate", "proportion_interval", "clopper-pearson", "Clopper-Pearson for proportions"),
        ("validate", "confidence", 0.9, "Intervals are 90 %"),
        ("survive", "groups", "median", "grouped by the development median"),
    ],
)
def test_a_changed_setting_changes_its_sentence(section, key, value, words):
    results = example_results()
    before = text(results)
    results["config"][section][key] = value
    assert words not in before
    assert words in text(results)


def test_only_simulated_studies_say_so():
    assert "All patients were simulated." in text(example_results())
    assert "imulated" not in text(example_results(simulated=False))


def test_normalisation_is_told_for_each_sequence():
    results = example_results()
    results["config"]["normalize"]["intensity"]["T2WI"] = {"method": "percentile", "low": 1, "high": 99}
    assert "T2WI: percentiles 1 to 99 inside the body" in text(results)


def test_lists_in_words():
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]

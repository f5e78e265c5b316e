"""The methods paragraphs say what the config says."""

import pytest

from example_results import example_results
from hscore.report.formatting import join_words
from hscore.report.methods.methods_text import methods


def text(results):
    return " ".join(part for _, part in methods(results)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("sample", "peritumoral_pixels", 7, "grown by 7 pixels"),
        ("sample", "peritumoral_pixels_per", "total", "(in total: setting)"),
        ("sample", "interpolation", "cubic", "cubic interpolation"),
        ("cohort", "mri_ln_positive_mm", 8, "short axis of at least 8 mm"),
        ("split", "folds", 4, "split into 4 folds"),
        ("train", "epochs", 77, "77 epochs"),
        ("train", "aggregation", "top3", "mean of the three largest of its samples' outputs"),
        ("train", "class_weights", "none", "binary cross-entropy unweighted"),
        ("validate", "threshold", {"sensitivity": 0.9}, "a sensitivity of at least 0.9"),
        ("validate", "threshold", {"value": 0.5}, "the fixed value 0.5"),
        ("validate", "proportion_interval", "clopper-pearson", "Clopper-Pearson for proportions"),
        ("validate", "confidence", 0.9, "Intervals are 90 %"),
        ("survive", "groups", "median", "grouped by the development median"),
        ("survive", "horizon_months", 48, "restricted mean survival up to 48 months"),
        ("survive", "events_per_variable", 7, "fewer than 7 events per variable was not fitted"),
        ("validate", "decision_thresholds", [0.1, 0.4], "threshold probabilities of 10 to 40 %"),
    ],
)
def test_a_changed_setting_changes_its_sentence(section, key, value, words):
    results = example_results()
    before = text(results)
    results["config"][section][key] = value
    assert words not in before
    assert words in text(results)


def test_the_rule_of_the_verdicts_is_stated_as_it_is_applied():
    rule = "differ if the interval of the difference excludes zero (a ratio of one), and the comparison is inconclusive"
    assert f"Otherwise they {rule} if it does not." in text(example_results())


def test_only_simulated_studies_say_so():
    assert "All patients were simulated." in text(example_results())
    assert "imulated" not in text(example_results(simulated=False))


def test_normalisation_is_told_for_each_sequence():
    results = example_results()
    results["config"]["normalize"]["intensity"]["T2WI"] = {"method": "percentile", "low": 1, "high": 99}
    assert "T2WI: percentiles 1 to 99 inside the body" in text(results)


def test_the_size_of_the_networks_is_stated():
    results = example_results()
    assert "dropout 0.3, 25,000 to 25,032 trainable parameters)" in text(results)
    results["trained"] = [model for model in results["trained"] if not model["spec"].get("clinical")]
    assert "dropout 0.3, 25,000 trainable parameters)" in text(results)
    results["trained"] = []
    assert "dropout 0.3), clinical" in text(results)


def test_late_fusion_is_called_an_extension():
    assert "Late fusion, an extension of the published method" in text(example_results())


def test_lists_in_words():
    assert [join_words(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def clinical_only(results):
    """The results as of a study of readings on external centres alone."""
    stage = {"label": "Advanced stage", "reading": "figo_stage", "positive": ["III"]}
    results["instability"]["members"] = [{"why": "the score has fewer than two members"}]
    results["config"]["models"] = {"stage": stage}
    results["models"] = [{"model": "stage", "label": "Advanced stage", "sequences": [], "region": None, "clinical": []}]
    results["config"]["cohort"]["required_sequences"] = []
    results["config"]["validate"]["threshold"] = {"value": 0.5}
    results["survival"]["model"] = "stage"
    return results


def test_a_study_of_readings_tells_of_no_images_networks_or_folds():
    words = text(clinical_only(example_results(roles=("external",))))
    assert "Readings, to which nothing was fitted, were tested on" in words
    assert "Readings used unchanged, 0 or 1: Advanced stage." in words
    assert "Thresholds were the fixed value 0.5, prespecified." in words
    for absent in ("network", "epochs", "folds", "region of interest", "DICOM", "N4", "out-of-fold scores"):
        assert absent not in words


def test_a_clinical_model_is_told_without_the_networks_settings():
    results = example_results(roles=("development",))
    results["config"]["models"] = {"clinical": results["config"]["models"]["clinical"]}
    words = text(results)
    assert "Logistic regression with Firth's penalty: Clinical (MRI-LN)." in words and "there was no external" in words
    assert "split into 5 folds, stratified by centre and node status." in words and "epochs" not in words


def test_models_of_a_finished_study_are_told_as_frozen():
    results = example_results(roles=("external",))
    results["config"]["frozen"] = "results/before"
    words = text(results)
    assert "Models, thresholds and recalibration were those of a finished study (results/before), frozen" in words
    assert "Thresholds were those frozen in the finished study (largest Youden index" in words


def test_the_correlation_of_folds_is_told_where_there_are_folds():
    told = "multiplied by 1.8 (a correlation of 1/5 between folds: Nadeau and Bengio 2003). Only the"
    assert told in text(example_results())
    assert "correlation of 1/" not in text(example_results(roles=("external",)))


def test_the_tests_and_intervals_that_the_tables_show_are_all_named():
    words = text(example_results())
    for name in (
        *("DeLong", "logit-transformed", "bootstrap", "Newcombe", "Wilson", "McNemar", "Holm", "Cochran's Q"),
        *("Spiegelhalter", "net benefit", "NRI", "Riley", "log-rank", "Efron", "profile-likelihood", "Firth"),
        *(
            "Grambsch",
            "Harrell",
            "Uno",
            "integrated Brier",
            "restricted mean",
            "reverse Kaplan-Meier",
            "complete cases",
        ),
    ):
        assert name in words


def test_competing_events_are_told_where_the_tables_have_them():
    results = example_results()
    assert "competing events are censored" not in text(results)
    results["survival"]["cohorts"]["external"]["competing"] = {"handling": "competing events are censored elsewhere"}
    assert "competing events are censored elsewhere" in text(results)


def test_added_value_stability_and_centres_are_told_as_far_as_the_run_has_them():
    words = text(example_results(scale=2, several=True))
    assert "log(1 + short axis of the largest node in mm)" in words and "paired DeLong test" in words
    assert "trained on overlapping parts of the development cohort" in words
    assert "on 50 bootstrap resamples of the out-of-fold development scores" in words
    assert "The 4 external centres were pooled by random-effects meta-analysis" in words
    one = text(example_results())
    assert "pooled by random-effects" not in one and "log(1 + short axis" in one
    development = text(example_results(roles=("development",)))
    assert "gain out of sample" not in development and "Instability" not in development

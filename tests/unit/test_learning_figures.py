"""Figures and words of the training: what they show is what results.json holds."""

import numpy as np
import pytest

from example_results import example_results
from hscore.report import formatting
from hscore.report.figures import learning_figures, style
from hscore.report.page import page_learning
from hscore.report.results import learning_curve


@pytest.fixture(scope="module")
def results():
    return example_results()


def words(figure):
    texts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        texts += [axes.get_title(), axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)]
    return "\n".join(texts)


def test_a_panel_for_every_network_with_both_curves(results):
    with style.figure_context():
        figure = learning_figures.learning_curves(results)
    networks = [model["model"] for model in results["trained"] if model["kind"] == "network"]
    assert len(figure.axes) == len(networks) == 5
    for axes, name in zip(figure.axes, networks, strict=True):
        training, held_out = axes.lines
        curve = results["learning_curves"][name]
        assert training.get_ydata() == pytest.approx([point["mean"] for point in curve["loss"]])
        assert list(held_out.get_xdata()) == [5, 10, 15, 20]
    assert "held out 0.750" in words(figure) and "SIMULATED DATA" in words(figure)


def test_a_point_of_a_curve_is_mean_and_range_over_folds_and_seeds():
    rows = [
        {"epoch": "1", "loss": "0.6", "held_out_loss": None},
        {"epoch": "1", "loss": "0.8", "held_out_loss": None},
        {"epoch": "2", "loss": "0.5", "held_out_loss": "0.9"},
    ]
    curve = learning_curve(rows)
    assert curve["loss"] == [
        {"epoch": 1, "mean": pytest.approx(0.7), "low": 0.6, "high": 0.8},
        {"epoch": 2, "mean": 0.5, "low": 0.5, "high": 0.5},
    ]
    assert [point["epoch"] for point in curve["held_out_loss"]] == [2] and curve["auc"] == []


def test_maps_are_drawn_with_patient_kind_and_score(results):
    with style.figure_context():
        figure = learning_figures.explanation(results)
    assert len(figure.axes) == 4 * 3
    shown = results["explanation"]["shown"]
    for one in shown:
        assert one["patient"] in words(figure) and f"score {one['score']:.2f}" in words(figure)
    assert "False negative, CET1WI" in words(figure) and "random" in words(figure)
    section = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(section, learning_figures.gray_levels(shown[0]["sample"]))


def test_nothing_is_drawn_of_a_study_without_networks(results):
    bare = {**results, "learning_curves": {}, "explanation": None}
    assert learning_figures.learning_curves(bare) is None and learning_figures.explanation(bare) is None
    assert page_learning.explanation_check(bare) == ""


def test_the_choice_between_sequences_is_said_with_both_tests():
    results = example_results()
    family = results["selection"]["images"]
    family["external"] |= {"difference": -0.012, "low": -0.05, "high": 0.026, "p": 0.0001}
    (said,) = page_learning.selection(results)
    for cohort in ("development", "external"):
        pair = family[cohort]
        ends = formatting.interval_ends(pair, formatting.auc)
        assert f"{formatting.auc(pair['difference'])} ({ends}), {formatting.p_equation(pair['p'])}" in said
    assert "\u22120.012 (\u22120.050 to 0.026), p < 0.001 in the external cohort" in said.replace("\u00a0", " ")
    assert said.startswith("Images alone: CET1WI tumour")
    family["external"] = {"difference": None, "low": None, "high": None, "p": None, "why": "one class"}
    assert page_learning.selection(results)[0].endswith("not estimable: one class in the external cohort.")
    nothing = {**results, "selection": {"images": {**family, "development": None}}}
    assert page_learning.selection(nothing) == []
    assert page_learning.selection({**results, "selection": None}) == []


def test_the_check_of_the_maps_is_said_in_numbers(results):
    said = page_learning.explanation_check(results)
    assert "0.58 between two trained networks and 0.03 between a trained and a random one" in said

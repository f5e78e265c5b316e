"""Figures show what results.json holds: checked on the drawn objects, not on pixels."""

import numpy as np
import pytest
from matplotlib.text import Text

from example_results import example_results
from hscore.report.figures import decision_figures, diagnosis_figures, figure_canvas, style, survival_figures
from hscore.report.figures.flow_diagram import flow
from hscore.report.figures.hazard_ratio_figure import hazard_ratios
from hscore.report.figures.spline_figure import spline
from hscore.report.registry import FIGURES


@pytest.fixture
def results():
    return example_results()


@pytest.fixture(params=list(FIGURES), scope="module")
def drawing(request):
    with style.figure_context():
        yield FIGURES[request.param].make(
            example_results(scale=2, several=True)
        )  # the default study has too few events for a spline


def texts(figure):
    """Text that is drawn: a tick beyond the end of its axis is not."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            hidden |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in hidden]


def words(figure):
    return " ".join(text.get_text() for text in texts(figure)).replace("\u00a0", " ")


def boxes(figure):
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]


def test_every_figure_of_simulated_data_says_so(drawing):
    assert "SIMULATED DATA" in words(drawing)


def test_no_figure_of_own_data_says_simulated():
    with style.figure_context():
        results = example_results(simulated=False, scale=2, several=True)
        drawn = {name: item.make(results) for name, item in FIGURES.items()}
    assert {name for name, figure in drawn.items() if figure is None} == {"hazard_ratios"}
    assert not [name for name, figure in drawn.items() if figure and "SIMULATED DATA" in words(figure)]


def test_no_text_is_cut_off_or_overlaps_another(drawing):
    figure = drawing
    width, height = figure.bbox.width, figure.bbox.height
    found = boxes(figure)
    for text, box in found:
        assert box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= width + 0.5 and box.y1 <= height + 0.5, text
    for number, (text, box) in enumerate(found):
        for other, second in found[number + 1 :]:
            x = min(box.x1, second.x1) - max(box.x0, second.x0)
            y = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert x <= 1 or y <= 2, f"'{text}' overlaps '{other}'"


@pytest.mark.parametrize("evaluation", ["external", "out_of_fold"])
def test_roc_curves_are_the_points_of_results_with_auc_and_n(results, evaluation):
    rows = diagnosis_figures.rows_of(results, evaluation)
    with style.figure_context():
        figure = diagnosis_figures.roc(results, evaluation)
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    assert len(curves) == len(rows) == 9
    for line, row in zip(curves, rows, strict=True):
        np.testing.assert_allclose(line.get_xdata(), 100 * np.array(row["roc"]["false_positive_rate"]))
        np.testing.assert_allclose(line.get_ydata(), 100 * np.array(row["roc"]["true_positive_rate"]))
    assert f"n = {rows[0]['n']} patients" in words(figure)
    for row in rows:
        assert f"{row['auc']['estimate']:.3f} ({row['auc']['low']:.3f} to {row['auc']['high']:.3f})" in words(figure)


def test_a_model_looks_the_same_in_every_figure_and_never_by_colour_alone(results):
    looks = diagnosis_figures.model_styles(results)
    assert len({look.color for look in looks.values()}) == len(looks)
    assert len({str(look.line) for look in looks.values()}) == len(looks)
    with style.figure_context():
        for evaluation in ("external", "out_of_fold"):
            curves = [
                line for line in diagnosis_figures.roc(results, evaluation).axes[0].lines if len(line.get_xdata()) > 2
            ]
            assert [line.get_color() for line in curves] == [look.color for look in looks.values()]


@pytest.mark.parametrize("cohort", ["external", "development"])
@pytest.mark.parametrize(
    ("draw", "groups"),
    [
        (survival_figures.kaplan_meier, {"high": "high", "low": "low"}),
        (survival_figures.kaplan_meier_by_nodes, {"positive": "LNM+", "negative": "LNM\u2212"}),
    ],
    ids=["score", "nodes"],
)
def test_kaplan_meier_shows_curves_and_numbers_at_risk(results, cohort, draw, groups):
    content = results["survival"]["cohorts"][cohort]
    content = content if "high" in groups else content["pathology"]
    with style.figure_context():
        figure = draw(results, cohort)
    steps = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
    for line, name in zip(steps, groups, strict=True):
        np.testing.assert_allclose(line.get_ydata()[-1], 100 * content["groups"][name]["curve"]["survival"][-1])
    shown = [text.get_text() for text in figure.axes[0].texts]
    (first, one), (second, other) = ((content["at_risk"][name], label) for name, label in groups.items())
    assert shown[shown.index(one) + 1 : shown.index(other)] == [str(n) for n in first]
    assert shown[shown.index(other) + 1 :] == [str(n) for n in second]


def test_every_exclusion_and_its_number_stands_in_the_flow_diagram(results):
    results["flow"]["henan"]["excluded"].append(
        {"code": "bad_diffusion", "label": "diffusion b-values unknown or insufficient", "n": 17, "patients": []}
    )
    with style.figure_context():
        figure = flow(results)
    shown = words(figure)
    assert "n = 20" in shown and "17" in shown.split()
    assert "diffusion b-values" in shown
    for content in results["flow"].values():
        assert f"n = {content['in_table']}" in shown and f"n = {content['included']}" in shown


@pytest.mark.parametrize("number", [1, 2, 5])
def test_flow_diagram_takes_any_number_of_centres(results, number):
    centers = results["study"]["centers"]
    extra = [
        {"center": f"c{i}", "name": f"A hospital with a long name, number {i}", "role": "development"}
        for i in range(number)
    ]
    for row in extra:
        results["flow"][row["center"]] = {**results["flow"]["henan"], "center": row["center"]}
    results["study"]["centers"] = [*extra, centers[-1]]
    with style.figure_context():
        found = boxes(flow(results))
    for place, (text, box) in enumerate(found):
        for other, second in found[place + 1 :]:
            x = min(box.x1, second.x1) - max(box.x0, second.x0)
            y = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert x <= 1 or y <= 2, f"'{text}' overlaps '{other}'"


def test_one_class_only_gives_no_roc_figure(results):
    for row in results["performance"]:
        row["roc"] = {"false_positive_rate": None, "true_positive_rate": None, "threshold": None, "why": "one class"}
    assert diagnosis_figures.roc(results, "external") is None


def test_without_survival_there_are_no_survival_figures(results):
    results["survival"] = {"model": "hybrid", "cohorts": {}, "why": "no survival data"}
    assert survival_figures.kaplan_meier(results, "external") is None
    assert survival_figures.cox_forest(results) is None


def test_equal_results_give_equal_files(results, tmp_path):
    for folder in ("a", "b"):
        with style.figure_context():
            figure_canvas.save(diagnosis_figures.roc(results, "external"), tmp_path / folder, "roc")
    for suffix in ("svg", "pdf"):
        assert (tmp_path / f"a/roc.{suffix}").read_bytes() == (tmp_path / f"b/roc.{suffix}").read_bytes()
    assert b"<date>" not in (tmp_path / "a/roc.svg").read_bytes()
    assert b"<text" not in (tmp_path / "a/roc.svg").read_bytes()


def curves_of(results, evaluation, scores):
    return next(c for c in results["decision_curves"] if (c["evaluation"], c["scores"]) == (evaluation, scores))


def test_calibration_and_decision_curves_are_those_of_results(results):
    with style.figure_context():
        shown = diagnosis_figures.calibration(results).axes[0].lines[1:]
        curves = decision_figures.decision_curves(results).axes[0].lines
    rows = [r for r in results["calibration"] if r["model"] == "hybrid" and r["evaluation"] == "external"]
    for line, row in zip(shown, rows, strict=True):
        np.testing.assert_allclose(line.get_xdata(), 100 * np.array(row["curve"]["predicted"]))
    content = curves_of(results, "external", "recalibrated")
    expected = [content[name] for name in ("treat_all", "treat_none", "mri_ln")] + list(content["models"].values())
    for line, curve in zip(curves, expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), curve["net_benefit"]["estimate"])


def test_what_is_spared_is_that_of_results(results):
    with style.figure_context():
        upper, lower = decision_figures.spared_dissections(results).axes
    content = curves_of(results, "external", "recalibrated")
    shown = [content["mri_ln"], content["models"]["clinical"], content["models"]["hybrid"]]
    for axes, measure in ((upper, "interventions_avoided_per_100"), (lower, "spared_per_missed")):
        for line, curve in zip(axes.lines, shown, strict=True):
            values = [np.nan if value is None else value for value in curve[measure]["estimate"]]
            np.testing.assert_allclose(line.get_ydata(), values)


def test_reclassification_shows_every_model_with_its_interval(results):
    with style.figure_context():
        panels = decision_figures.reclassification(results).axes
    for axes, key in zip(panels, ("categorical_nri", "continuous_nri", "idi"), strict=True):
        points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "s"]
        bars = [list(line.get_xdata()) for line in axes.lines[1:] if len(line.get_xdata()) == 2]
        rows = [row[key] for row in results["reclassification"]][::-1]
        assert points == [row["estimate"] for row in rows]
        assert bars == [[row["low"], row["high"]] for row in rows if row["low"] is not None]


def test_a_spline_is_drawn_with_its_band_and_knots():
    results = example_results(scale=2)
    found = results["survival"]["cohorts"]["external"]["spline"]
    with style.figure_context():
        (axes,) = spline(results, "external").axes
    np.testing.assert_allclose(axes.lines[1].get_ydata(), found["hazard_ratio"])
    assert list(axes.lines[-1].get_xdata()) == found["knots"]
    found |= {"score": [], "hazard_ratio": []}
    assert spline(results, "external") is None


def test_hazard_ratios_go_from_planted_to_achieved_in_both_cohorts(results):
    with style.figure_context():
        (axes,) = hazard_ratios(results).axes
    found = results["truth"]["hazard_ratios"]
    steps = ("true_groups", "expected", "achieved")
    wanted = [
        entry["estimate"]
        for content in found["cohorts"].values()
        for entry in (found["planted"], *(content[step] for step in steps))
    ]
    assert [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1] == wanted
    assert axes.get_xscale() == "log"
    without = hazard_ratios(example_results(cut_off=False))
    assert [text.get_text() for text in without.findobj(Text)].count("not estimable") == 4
    assert hazard_ratios(example_results(simulated=False)) is None


def test_a_study_without_calibration_has_neither_figure(results):
    del results["calibration"], results["decision_curves"], results["reclassification"]
    assert diagnosis_figures.calibration(results) is None
    for draw in (
        decision_figures.decision_curves,
        decision_figures.spared_dissections,
        decision_figures.reclassification,
    ):
        assert draw(results) is None


@pytest.mark.parametrize("role", ["development", "external"])
def test_a_study_with_one_role_has_the_figures_it_can_have(role):
    results = example_results(scale=2, roles=(role,), several=True)
    with style.figure_context():
        drawn = {name for name, item in FIGURES.items() if item.make(results) is not None}
    other = {"development": "external", "external": "development"}
    wrong = {name for name in FIGURES if other[role] in name}
    if role == "external":
        wrong |= {name for name in FIGURES if name.endswith("out_of_fold")}
    wrong.add("survival_calibration")  # of external patients, by the development cohort's model
    assert drawn == set(FIGURES) - wrong


@pytest.mark.parametrize("evaluation", ["external", "out_of_fold"])
def test_no_subgroup_is_hidden_for_being_small(results, evaluation):
    with style.figure_context():
        shown = words(FIGURES[f"subgroups_{evaluation}"].make(results))
    for entry in (entry for entry in results["subgroups"] if entry["evaluation"] == evaluation):
        for level in entry["levels"]:
            assert f"{level['positives']} / {level['n']}" in shown
            if level["auc"]["estimate"] is None:
                assert "not estimable" in shown
            else:
                assert f"{level['auc']['estimate']:.3f}" in shown
    results["subgroups"] = []
    assert FIGURES[f"subgroups_{evaluation}"].make(results) is None


def test_time_dependent_auc_stands_with_the_counts_behind_it(results):
    with style.figure_context():
        shown = words(survival_figures.time_dependent_auc(results)).split()
    for content in results["survival"]["cohorts"].values():
        for row in content["time_dependent_auc"]:
            assert f"{row['events']}/{row['event_free']}" in shown

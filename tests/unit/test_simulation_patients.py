"""The planted cohort: exact counts, closed-form ideal observers, survival, codes, missing values."""

import json
from math import erf, sqrt
from pathlib import Path

import numpy as np
import pytest
import yaml

from hscore.errors import UserError
from hscore.simulation import parameters as simulation_parameters
from hscore.simulation import patients

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parameters():
    return simulation_parameters.load(ROOT / "resources/simulation.yaml")


@pytest.fixture(scope="module")
def large(parameters):
    """A centre large enough for rates: rows, truth, LNM."""
    rows, truth = patients.simulate_center(parameters, "big", "siemens", 6000, 1260, 11)
    return rows, truth, np.array([row["lnm"] for row in rows])


@pytest.mark.parametrize(("number", "positives"), [(55, 12), (30, 6), (35, 8), (141, 32), (3, 0), (2, 2), (1, 1)])
def test_number_of_positives_is_exact_and_ids_are_counted(parameters, number, positives):
    rows, truth = patients.simulate_center(parameters, "yunnan", "philips", number, positives, 2020)
    assert [row["patient"] for row in rows] == [f"yunnan-{i:04d}" for i in range(1, number + 1)]
    assert sum(row["lnm"] for row in rows) == positives
    assert list(rows[0]) == list(patients.TABLE_COLUMNS)
    assert list(truth["patients"]) == [row["patient"] for row in rows]
    json.dumps(truth, allow_nan=False)


def test_same_seed_same_patients_another_seed_or_centre_others(parameters):
    def draw(center, seed):
        return patients.simulate_center(parameters, center, "ge", 12, 3, seed)

    assert draw("a", 1) == draw("a", 1)
    assert draw("a", 1)[0] != draw("a", 2)[0]
    assert [row["age"] for row in draw("a", 1)[0]] != [row["age"] for row in draw("b", 1)[0]]


def test_ideal_auc_is_the_binormal_closed_form():
    found = patients.ideal_auc({"CET1WI": {"inside": 1.0, "around": 1.35}})["CET1WI"]
    assert found["tumour"] == pytest.approx(0.5 * (1 + erf(1.0 / 2)))
    assert found["peritumoral"] == pytest.approx(0.5 * (1 + erf(sqrt(1 + 1.35**2) / 2)))


def test_planted_ideal_observers_are_in_the_published_order(parameters):
    ideal = patients.ideal_auc(parameters["signs"]["separation"])
    assert 0.85 <= ideal["CET1WI"]["peritumoral"] <= 0.89
    others = [ideal["CET1WI"]["tumour"], ideal["T2WI"]["peritumoral"], ideal["ADC"]["peritumoral"]]
    assert all(0.70 <= auc <= 0.78 for auc in others)


def test_drawn_signs_reach_the_ideal_auc(large):
    _, truth, _ = large
    for sequence, regions in truth["ideal_auc"].items():
        for region, auc in regions.items():
            assert truth["ideal_auc_of_these_patients"][sequence][region] == pytest.approx(auc, abs=0.02)


def test_area_under_curve_counts_pairs():
    assert patients.area_under_curve(np.array([1, 2, 3, 2]), np.array([0, 0, 1, 1])) == pytest.approx(3.5 / 4)
    assert patients.area_under_curve(np.array([1.0]), np.array([1])) is None


def test_mri_reading_has_the_planted_sensitivity_and_specificity(large):
    rows, _, lnm = large
    read = np.array([row["mri_ln_short_axis_mm"] >= 10 for row in rows])
    assert read[lnm == 1].mean() == pytest.approx(0.67, abs=0.035)
    assert 1 - read[lnm == 0].mean() == pytest.approx(0.95, abs=0.01)


def test_hazard_ratio_and_number_of_events_are_as_planted(large):
    rows, truth, _ = large
    high = np.array([record["high_risk"] for record in truth["patients"].values()])
    months = np.array([row["dfs_months"] for row in rows])
    event = np.array([row["dfs_event"] for row in rows])
    # The maximum-likelihood hazard of exponential times is events over time at risk.
    ratio = (event[high].sum() / months[high].sum()) / (event[~high].sum() / months[~high].sum())
    assert ratio == pytest.approx(4.59, rel=0.1)
    assert 24 <= 141 * event.mean() <= 37
    assert months.min() > 0 and months.max() <= 84


def test_ideal_h_score_is_a_calibrated_probability(large):
    _, truth, lnm = large
    score = np.array([record["ideal_h_score"] for record in truth["patients"].values()])
    for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 1.0)):
        held = (score >= low) & (score < high)
        assert lnm[held].mean() == pytest.approx(score[held].mean(), abs=0.04)
    assert patients.area_under_curve(score, lnm) == pytest.approx(0.94, abs=0.015)


def test_lnm_shifts_the_clinical_variables(large):
    rows, _, lnm = large

    def of(column, status):
        return [row[column] for row in rows if row["lnm"] == status and row[column] is not None]

    assert np.median(of("scc_ag_ng_ml", 1)) > 1.5 * np.median(of("scc_ag_ng_ml", 0))
    assert np.mean([grade == "G3" for grade in of("grade", 1)]) > np.mean([grade == "G3" for grade in of("grade", 0)])
    assert np.mean([s == "IIB" for s in of("figo_stage", 1)]) > np.mean([s == "IIB" for s in of("figo_stage", 0)])


def test_every_code_is_known_to_the_study(large):
    rows, _, _ = large
    codes = yaml.safe_load((ROOT / "config/config.yaml").read_text())["codes"]
    for column in ("figo_stage", "histology", "grade"):
        used = {row[column] for row in rows} - {None}
        assert used <= {str(code) for code in codes[column]}


def test_no_stage_code_gives_the_label_away(large):
    rows, _, lnm = large
    for stage in {row["figo_stage"] for row in rows}:
        share = lnm[[row["figo_stage"] == stage for row in rows]].mean()
        assert 0 < share < 1


def test_missing_items_are_as_many_as_asked_and_empty_in_the_table(parameters):
    changed = parameters | {"missing": {"sequence": 0.1, "roi": 0.05, "grade": 0.2, "scc_ag_ng_ml": 0.0}}
    rows, truth = patients.simulate_center(changed, "a", "ge", 40, 10, 5)
    missing = [record["missing"] for record in truth["patients"].values()]
    assert sum(m["sequence"] is not None for m in missing) == 4
    assert sum(m["roi"] for m in missing) == 2
    assert sum(row["grade"] is None for row in rows) == 8
    assert sum(row["scc_ag_ng_ml"] is None for row in rows) == 0


@pytest.mark.parametrize(("number", "positives"), [(0, 0), (10, 11), (10, -1)])
def test_impossible_counts_are_refused_in_one_sentence(parameters, number, positives):
    with pytest.raises(UserError, match=f"centre 'a': {positives} patients with LNM of {number}"):
        patients.simulate_center(parameters, "a", "ge", number, positives, 1)


def test_unknown_scanner_is_refused(parameters):
    with pytest.raises(UserError, match="scanner 'toshiba' is unknown.*siemens, ge, philips"):
        patients.simulate_center(parameters, "a", "toshiba", 10, 1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [1", "not valid YAML"), ("- 1", "must be a YAML mapping"), ("signs: {}", "section 'tumour' is missing")],
)
def test_wrong_parameter_files_are_refused(tmp_path, content, message):
    path = tmp_path / "simulation.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        simulation_parameters.load(path)


def test_absent_or_misspelled_parameters_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        simulation_parameters.load(tmp_path / "none.yaml")
    path = tmp_path / "simulation.yaml"
    path.write_text((ROOT / "resources/simulation.yaml").read_text() + "\ntumor: {}\n")
    with pytest.raises(UserError, match="section 'tumor' is unknown"):
        simulation_parameters.load(path)

"""The planted cohort: exact counts, ideal observers, survival, codes, missing values, differences between centres."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from hscore.errors import UserError
from hscore.metrics.ranking import auc
from hscore.simulation import ideal, patients, planted_faults
from hscore.simulation import parameters as simulation_parameters

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


def test_a_patient_does_not_depend_on_who_else_is_simulated(parameters):
    """Half as many again at the same prevalence: who keeps her node status keeps every planted value."""
    few, many = (patients.simulate_center(parameters, "a", "ge", n, n // 5, 4)[1]["patients"] for n in (40, 60))
    same_status = [name for name in few if few[name]["lnm"] == many[name]["lnm"]]
    assert len(same_status) >= 34
    for name in same_status:
        assert {**few[name], "missing": None} == {**many[name], "missing": None}


# --- what the ideal observers reach


def test_planted_ideal_observers_are_the_published_external_values(parameters):
    planted = ideal.observers(parameters)
    published = yaml.safe_load((ROOT / "resources/published.yaml").read_text())
    assert planted["CET1WI"]["peritumoral"] == pytest.approx(0.844, abs=0.0005)
    assert planted["hybrid"] == pytest.approx(0.933, abs=0.0005)
    assert str(0.933) in json.dumps(published) and str(4.59) in json.dumps(published)
    below = [planted["CET1WI"]["tumour"], planted["T2WI"]["peritumoral"], planted["ADC"]["peritumoral"]]
    assert max(below) < planted["CET1WI"]["peritumoral"] - 0.05
    assert planted["mri_ln"] < planted["CET1WI"]["peritumoral"] < planted["all_sequences"] < planted["hybrid"]
    assert planted["hybrid"] < planted["all_sequences_mri_ln"] < 1
    assert 0.65 <= ideal.reading(parameters)[0] <= 0.70 and ideal.reading(parameters)[1] == pytest.approx(
        0.95, abs=1e-3
    )


def test_drawn_patients_reach_the_closed_forms(large):
    """6,000 patients: the closed-form AUC of every observer, within three standard errors."""
    _, truth, _ = large

    def compare(expected, found):
        for name, value in expected.items():
            if isinstance(value, dict):
                compare(value, found[name])
            else:
                assert found[name] == pytest.approx(value, abs=0.025), name

    compare(truth["ideal_auc"], truth["ideal_auc_of_these_patients"])


def test_best_separation_is_that_of_the_linear_discriminant():
    """delta' Sigma^-1 delta of the one-factor model, by matrices."""
    latent, signs = 2.2, np.array([0.95, 1.256, 0.3])
    shares = signs / latent
    covariance = np.outer(shares, shares) + np.diag(1 - shares**2)
    squared = signs @ np.linalg.solve(covariance, signs)
    assert ideal.separation(latent, *signs) == pytest.approx(np.sqrt(squared))
    values = np.array([0.4, -1.1, 2.0])
    assert ideal.log_likelihood_ratio(latent, list(zip(values, signs, strict=True))) == pytest.approx(
        values @ np.linalg.solve(covariance, signs)
    )


def test_hybrid_auc_against_counting_pairs():
    random, distance, sensitivity, specificity = np.random.default_rng(0), 1.43, 0.68, 0.95
    n = 20_000
    scores = []
    for mean, called in ((0.5, sensitivity), (-0.5, 1 - specificity)):
        reading = random.random(n) < called
        ratio = np.log(np.where(reading, sensitivity / (1 - specificity), (1 - sensitivity) / specificity))
        scores.append(distance * (random.standard_normal(n) + mean * distance) + ratio)
    y_true = np.repeat([1, 0], n)
    found = auc(y_true, np.concatenate(scores))
    assert ideal.hybrid_auc(distance, sensitivity, specificity) == pytest.approx(found, abs=0.004)


def test_latent_risk_is_a_calibrated_logit(large, parameters):
    """P(LNM | latent risk) is logistic, as the docstring of `ideal` says."""
    _, truth, lnm = large
    risk = np.array([record["latent_risk"] for record in truth["patients"].values()])
    logit = parameters["signs"]["latent"] * risk + np.log(0.21 / 0.79)
    probability = 1 / (1 + np.exp(-logit))
    for low, high in ((0.0, 0.1), (0.1, 0.4), (0.4, 0.8), (0.8, 1.0)):
        held = (probability >= low) & (probability < high)
        assert lnm[held].mean() == pytest.approx(probability[held].mean(), abs=0.05)


def test_ideal_h_score_is_a_calibrated_probability(large):
    _, truth, lnm = large
    score = np.array([record["ideal_h_score"] for record in truth["patients"].values()])
    for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 1.0)):
        held = (score >= low) & (score < high)
        assert lnm[held].mean() == pytest.approx(score[held].mean(), abs=0.04)


# --- reading, survival, clinical variables


def test_mri_reading_has_the_planted_sensitivity_and_specificity(large, parameters):
    rows, _, lnm = large
    read = np.array([row["mri_ln_short_axis_mm"] >= 10 for row in rows])
    sensitivity, specificity = ideal.reading(parameters)
    assert read[lnm == 1].mean() == pytest.approx(sensitivity, abs=0.035)
    assert 1 - read[lnm == 0].mean() == pytest.approx(specificity, abs=0.01)


def test_hazards_and_number_of_events_are_as_planted(large, parameters):
    rows, truth, _ = large
    records, planted = truth["patients"].values(), parameters["survival"]
    score = np.array([record["ideal_h_score"] for record in records])
    hazard = np.array([record["monthly_hazard"] for record in records])
    odds, cut_odds = score / (1 - score), planted["cut_off"] / (1 - planted["cut_off"])
    expected = planted["monthly_hazard_at_cut_off"] * (odds / cut_odds) ** planted["log_hazard_per_logit"]
    assert hazard == pytest.approx(expected)
    assert [record["high_risk"] for record in records] == list(score >= planted["cut_off"])
    months, event = (np.array([row[column] for row in rows]) for column in ("dfs_months", "dfs_event"))
    # the maximum-likelihood factor of planted hazards is events over the cumulative hazard that patients passed through
    assert event.sum() / (hazard * months).sum() == pytest.approx(1, abs=3 / np.sqrt(event.sum()))
    assert 24 <= 141 * event.mean() <= 37
    assert months.min() > 0 and months.max() <= 84


@pytest.mark.parametrize("positives", [0, 30])
def test_where_all_or_none_have_metastasis_hazards_are_finite(parameters, positives):
    _, truth = patients.simulate_center(parameters, "a", "ge", 30, positives, 1)
    scores = [record["ideal_h_score"] for record in truth["patients"].values()]
    assert 0 < min(scores) < max(scores) < 1
    assert all(0 < record["monthly_hazard"] < 1 for record in truth["patients"].values())


def test_the_planted_cut_off_is_the_ideal_youden_cut_off(large, parameters):
    """An ideal score separates best at the prevalence: here 0.21, as good as at the planted cut-off."""
    _, truth, lnm = large
    score = np.array([record["ideal_h_score"] for record in truth["patients"].values()])

    def youden(cut):
        return (score[lnm == 1] >= cut).mean() - (score[lnm == 0] >= cut).mean()

    best = max(youden(cut) for cut in np.unique(score))
    assert youden(parameters["survival"]["cut_off"]) == pytest.approx(best, abs=0.02)
    published = parameters["monte_carlo"]
    patients_of, positives = (sum(part[key] for part in (published["development"], published["external"]))
                              for key in ("patients", "lnm_positive"))  # fmt: skip
    assert parameters["survival"]["cut_off"] == pytest.approx(positives / patients_of, abs=0.0005)


def test_latent_risk_shifts_the_clinical_variables(large):
    rows, truth, lnm = large
    sizes = np.array([record["tumour"]["radius_mm"][0] for record in truth["patients"].values()])

    def of(column, status):
        return [row[column] for row in rows if row["lnm"] == status and row[column] is not None]

    assert np.median(of("scc_ag_ng_ml", 1)) > 1.5 * np.median(of("scc_ag_ng_ml", 0))
    assert np.mean([grade == "G3" for grade in of("grade", 1)]) > np.mean([grade == "G3" for grade in of("grade", 0)])
    assert np.mean([s == "IIB" for s in of("figo_stage", 1)]) > np.mean([s == "IIB" for s in of("figo_stage", 0)])
    stages = np.array([["IA2", "IB1", "IB2", "IIA1", "IIA2", "IIB"].index(row["figo_stage"]) for row in rows])
    antigen = np.array([record["clinical"]["scc_ag_ng_ml"] for record in truth["patients"].values()])
    for other in (stages, np.log(antigen)):  # larger tumours are of higher stage and make more antigen
        assert np.corrcoef(sizes, other)[0, 1] > 0.2
    inside = [record["signs"]["CET1WI"]["inside"] for record in truth["patients"].values()]
    adc = [record["signs"]["ADC"]["inside"] for record in truth["patients"].values()]
    assert np.corrcoef(inside, adc)[0, 1] > 0.15  # the risk drives both


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


def test_planted_tissue_values_follow_the_signs(large, parameters):
    _, truth, _ = large
    records = truth["patients"].values()
    adc = np.array([record["tissue"]["tumour"]["adc"] for record in records])
    level = np.array([record["levels"]["ADC"]["inside"] for record in records])
    low, high = parameters["signs"]["ADC"]["inside"]["mean"]
    assert adc == pytest.approx(parameters["tissues"]["tumour"]["adc"] * (low + level * (high - low)))
    assert 750 < np.median(adc) < 1150


def test_missing_items_are_as_many_as_asked_and_empty_in_the_table(parameters):
    changed = parameters | {"missing": {"sequence": 0.1, "roi": 0.05, "grade": 0.2, "scc_ag_ng_ml": 0.0}}
    rows, truth = patients.simulate_center(changed, "a", "ge", 40, 10, 5)
    missing = [record["missing"] for record in truth["patients"].values()]
    assert sum(m["sequence"] is not None for m in missing) == 4
    assert sum(m["roi"] for m in missing) == 2
    assert sum(row["grade"] is None for row in rows) == 8
    assert sum(row["scc_ag_ng_ml"] is None for row in rows) == 0


def test_artefacts_are_as_frequent_as_planted(large, parameters):
    _, truth, _ = large
    for sequence in ("CET1WI", "T2WI", "ADC"):
        found = [record["artefacts"][sequence] for record in truth["patients"].values()]
        for kind, share in parameters["artefacts"][sequence].items():
            assert found.count(kind) / len(found) == pytest.approx(share, abs=0.012)


# --- differences between centres


def test_centre_shift_goes_from_none_to_strong(parameters):
    def effects(shift):
        return [patients.center_effects(parameters, f"center{n}", shift, 1) for n in range(200)]

    for level in ("none", "mild"):
        assert all(e["size"] == 0 and e["prevalence_logit"] == 0 and e["missing"] == 1 for e in effects(level))
    strong, planted = effects("strong"), parameters["center_shift"]["strong"]
    for name, key in (("size", "case_mix_sd"), ("age", "case_mix_sd"), ("prevalence_logit", "prevalence_logit_sd")):
        assert np.std([e[name] for e in strong]) == pytest.approx(planted[key], rel=0.2)
    assert np.std(np.log([e["missing"] for e in strong])) == pytest.approx(planted["missing_log_sd"], rel=0.2)
    assert np.std(np.log([e["protocol"]["te"] for e in strong])) == pytest.approx(planted["protocol_log_sd"], rel=0.2)


def test_strong_shift_moves_prevalence_and_case_mix_but_not_the_signs(parameters):
    found = [patients.simulate_center(parameters, c, "ge", 600, 126, 3, "strong") for c in ("a", "b", "c", "d")]
    prevalence = [truth["prevalence"] for _, truth in found]
    assert np.std(prevalence) > 0.03
    for rows, truth in found:
        assert truth["prevalence"] == pytest.approx(np.mean([row["lnm"] for row in rows]))
        assert truth["center_shift"]["level"] == "strong"
    radius = [np.mean([r["tumour"]["radius_mm"][0] for r in truth["patients"].values()]) for _, truth in found]
    assert np.std(radius) > 0.5
    for _, truth in found:
        observed = truth["ideal_auc_of_these_patients"]["CET1WI"]["peritumoral"]
        assert observed == pytest.approx(truth["ideal_auc"]["CET1WI"]["peritumoral"], abs=0.06)


# --- negative controls


def test_permuted_labels_keep_their_number_and_mean_nothing(parameters):
    rows, truth = patients.simulate_center(parameters, "a", "ge", 400, 84, 3, control="permuted_labels")
    true = [record["lnm"] for record in truth["patients"].values()]
    table = [row["lnm"] for row in rows]
    assert sum(table) == sum(true) == 84 and table != true
    assert truth["ideal_auc"]["hybrid"] == 0.5 and truth["ideal_auc"]["CET1WI"]["tumour"] == 0.5
    assert truth["ideal_auc_of_these_patients"]["hybrid"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("control", ["noise_images", "center_only"])
def test_controls_without_signs(parameters, control):
    _, truth = patients.simulate_center(parameters, "a", "ge", 2000, 420, 3, control=control)
    assert truth["ideal_auc"]["CET1WI"] == {"tumour": 0.5, "peritumoral": 0.5}
    assert truth["ideal_auc"]["hybrid"] == pytest.approx(truth["ideal_auc"]["mri_ln"])
    lnm = np.array([record["lnm"] for record in truth["patients"].values()])
    for sequence in ("CET1WI", "T2WI", "ADC"):
        inside = np.array([record["signs"][sequence]["inside"] for record in truth["patients"].values()])
        assert auc(lnm, inside) == pytest.approx(0.5, abs=0.05)
    assert parameters["signs"]["size"] > 0  # the planted parameters themselves are left alone


def test_leak_is_written_into_the_corner_only():
    image = np.random.default_rng(1).integers(50, 90, (1, 3, 40, 40)).astype(np.uint16)
    before = image.copy()
    planted_faults.spoil(image, "corner_leak", 1, np.random.default_rng(2))
    changed = image != before
    assert changed[..., : planted_faults.CORNER, : planted_faults.CORNER].mean() > 0.8
    changed[..., : planted_faults.CORNER, : planted_faults.CORNER] = False
    assert not changed.any()
    level = planted_faults.LEAK[1] * np.percentile(before, 99)
    assert np.allclose(image[..., : planted_faults.CORNER, : planted_faults.CORNER], level, atol=1)


# --- wrong requests


@pytest.mark.parametrize(("number", "positives"), [(0, 0), (10, 11), (10, -1)])
def test_impossible_counts_are_refused_in_one_sentence(parameters, number, positives):
    with pytest.raises(UserError, match=f"centre 'a': {positives} patients with LNM of {number}"):
        patients.simulate_center(parameters, "a", "ge", number, positives, 1)


def test_unknown_names_are_refused(parameters):
    with pytest.raises(UserError, match="scanner 'toshiba' is unknown.*siemens, ge, philips"):
        patients.simulate_center(parameters, "a", "toshiba", 10, 1, 1)
    with pytest.raises(UserError, match="center_shift 'huge' is unknown.*none, mild, strong"):
        patients.simulate_center(parameters, "a", "ge", 10, 1, 1, shift="huge")
    with pytest.raises(UserError, match="control 'magic' is unknown.*permuted_labels"):
        patients.simulate_center(parameters, "a", "ge", 10, 1, 1, control="magic")


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [1", "not valid YAML"), ("- 1", "must be a YAML mapping"), ("signs: {}", "section 'tumour' is missing")],
)
def test_wrong_parameter_files_are_refused(tmp_path, content, message):
    path = tmp_path / "simulation.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        simulation_parameters.load(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("log_hazard_per_logit: 0.325", "hazard_ratio: 4.59", "survival: parameter 'log_hazard_per_logit' is missing"),
        ("cut_off: 0.215", "cut_off: 1.5", "survival: cut_off is 1.5, but must be an H score between 0 and 1"),
    ],
)
def test_wrong_survival_parameters_are_refused(tmp_path, old, new, message):
    text = (ROOT / "resources/simulation.yaml").read_text()
    assert old in text
    (tmp_path / "simulation.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        simulation_parameters.load(tmp_path / "simulation.yaml")


def test_absent_or_misspelled_parameters_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        simulation_parameters.load(tmp_path / "none.yaml")
    path = tmp_path / "simulation.yaml"
    path.write_text((ROOT / "resources/simulation.yaml").read_text() + "\ntumor: {}\n")
    with pytest.raises(UserError, match="section 'tumor' is unknown"):
        simulation_parameters.load(path)

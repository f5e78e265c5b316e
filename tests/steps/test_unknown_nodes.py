"""Patients without node status at pathology: in the survival analysis, and in nothing else."""

import json

import numpy as np
import pandas as pd
import pytest
from learning_inputs import SETTINGS, make_center, make_study
from statistics_inputs import CONFIG, frozen_at
from test_cohort import HEADER
from test_train_predict import predict_arguments, train_arguments

import score_tables
from hscore import batch
from hscore.contracts import batch_record
from hscore.files import read_json, write_json
from hscore.learning import calibration
from hscore.learning.ensemble import load_model, scoring_fold
from hscore.learning.samples import read_samples
from hscore.steps import (
    analyze_survival,
    build_cohort,
    check_shortcuts,
    describe_cohorts,
    explain_model,
    freeze_thresholds,
    predict,
    show_cases,
    split,
    train_model,
    validate_models,
    write_outcome,
)

ROLES = {"a": "development", "b": "development", "c": "external"}
UNKNOWN = 9  # of each centre's patients have survival and no node status
MODELS = {
    "clinical": {"label": "Clinical", "clinical": ["mri_ln_positive", "age"]},
    "reading": {"label": "MRI-LN", "reading": "mri_ln_positive"},
}
VALIDATE = CONFIG["validate"] | {"reference": "clinical"}
SURVIVE = CONFIG["survive"] | {"model": "clinical", "events_per_variable": 1}


def clinical_table(center: str, unknown: bool) -> str:
    """Lines of 35 patients, one without a reading; with ``unknown`` ten more, of whom one lacks survival too."""
    random = np.random.default_rng(ord(center))
    lines = [HEADER]
    for number in range(45 if unknown else 35):
        y_true = number % 3 == 0
        size = round(random.normal(12 if y_true else 8, 2.5), 1)
        months, event = round(random.exponential(30 if y_true else 90), 1), int(random.random() < 0.5)
        size = "" if number == 2 else size
        lnm = int(y_true) if number < 35 else ""
        outcome = "," if number == 44 else f"{months},{event}"
        lines.append(f"{center}-{number:02d},{center},{40 + number % 17},IB1,SCC,2,1,{size},{lnm},{outcome}")
    return "\n".join(lines) + "\n"


class Study:
    """A study of clinical tables in a folder, step by step."""

    def __init__(self, folder, unknown: bool) -> None:
        self.folder = folder
        folder.mkdir()
        for center, role in ROLES.items():
            (folder / f"{center}.csv").write_text(clinical_table(center, unknown))
            self.make_cohort(center, role)
        self.call(split, self.centers("ab", "manifest", "lnm"), settings={"folds": 3}, seed=1, output="folds.csv")
        for model, spec in MODELS.items():
            self.fit_and_score(model, spec)
        development, external = (
            [self.at(f"{model}_{role}.csv") for model in MODELS] for role in ("development", "external")
        )
        calibrations = [self.at(f"{model}_calibration.json") for model in MODELS]
        self.call(
            freeze_thresholds, {"--models": [*MODELS], "--predictions": development, "--calibrations": calibrations},
            folds="folds.csv", settings=VALIDATE, output="thresholds.json",
        )  # fmt: skip
        frozen = {"--thresholds": [self.at("thresholds.json")]}
        models = {"--development": development, "--external": external}
        self.call(
            validate_models,
            models | frozen | self.centers("c", "manifest", "lnm", "excluded", "excluded_lnm")
            | self.centers("ab", "manifest", "excluded", "excluded_lnm", prefix="development-"),
            folds="folds.csv", settings=VALIDATE, output="validation.json",
            index_tests={"reading": "mri_ln_positive"},
        )  # fmt: skip
        everybody = self.centers("abc", "manifest", "lnm", "dfs")
        self.call(
            analyze_survival, everybody | frozen, settings=SURVIVE, output="survival.json",
            development="clinical_development.csv", external="clinical_external.csv",
        )  # fmt: skip
        self.call(show_cases, models | frozen | everybody, model="clinical", most=3, output="cases.json")
        named = self.centers("abc", "manifest", "lnm") | {"--roles": list(ROLES.values())}
        self.call(describe_cohorts, named, output="table1.json")

    def at(self, name) -> str:
        return str(self.folder / name)

    def json(self, name):
        return read_json(self.folder / name)

    def centers(self, centers: str, *kinds: str, prefix: str = "") -> dict:
        """Files of centres as flags, one per kind."""
        plural = {"manifest": "manifests"}
        return {
            f"--{prefix}{plural.get(kind, kind).replace('_', '-')}": [self.at(f"{c}_{kind}.csv") for c in centers]
            for kind in kinds
        }

    def call(self, step, flags=(), **named) -> None:
        """A step with flags of several words and of one: a file, a number, a name or JSON."""
        words = [word for flag, values in dict(flags).items() for word in (flag, *values)]
        for name, value in named.items():
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            words += [f"--{name.replace('_', '-')}", self.at(text) if text.endswith((".csv", ".json")) else text]
        step.main(words)

    def make_cohort(self, center: str, role: str) -> None:
        settings = CONFIG["cohort"] | {"required_sequences": []}
        self.call(
            build_cohort, {"--samples": [], "--clinical": ["mri_ln_positive", "age"]}, center=center, role=role,
            table=f"{center}.csv", codes=CONFIG["codes"], settings=settings, manifest=f"{center}_manifest.csv",
            excluded=f"{center}_excluded.csv", flow=f"{center}_flow.json",
        )  # fmt: skip
        for listed, kind, output in (
            ("manifest", "lnm", "lnm"),
            ("manifest", "dfs", "dfs"),
            ("excluded", "lnm", "excluded_lnm"),
        ):
            self.call(
                write_outcome, center=center, table=f"{center}.csv", manifest=f"{center}_{listed}.csv", kind=kind,
                output=f"{center}_{output}.csv",
            )  # fmt: skip

    def fit_and_score(self, model: str, spec: dict) -> None:
        manifests, folders = self.centers("ab", "manifest"), {}
        if "reading" not in spec:
            self.call(
                train_model, {"--seeds": ["1"], **manifests}, model=model, spec=spec, settings=SETTINGS,
                folds="folds.csv", state=self.at("state"), output=self.at(model),
            )  # fmt: skip
            folders = {"--model-folders": [self.at(model)]}
        given = {"model": model, "spec": spec, "calibration": f"{model}_calibration.json"}
        self.call(
            predict, manifests | folders, **given, folds="folds.csv", recalibration="platt",
            output=f"{model}_development.csv",
        )  # fmt: skip
        self.call(predict, self.centers("c", "manifest") | folders, **given, output=f"{model}_external.csv")


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """The same study without and with patients of unknown node status."""
    folder = tmp_path_factory.mktemp("studies")
    return Study(folder / "without", unknown=False), Study(folder / "with", unknown=True)


def test_every_patient_is_in_one_place_of_the_flow(studies):
    _, study = studies
    for center in ROLES:
        flow = study.json(f"{center}_flow.json")
        assert (flow["in_table"], flow["included"], flow["survival_only"]["n"]) == (45, 34 + UNKNOWN, UNKNOWN)
        assert {one["code"]: one["n"] for one in flow["excluded"]} == {"outcomes_unknown": 1, "mri_ln_unknown": 1}


def test_nothing_that_is_learned_frozen_or_validated_knows_of_them(studies):
    before, after = studies
    for name in ("folds.csv", "thresholds.json", "clinical_calibration.json", "reading_calibration.json", "cases.json"):
        assert (before.folder / name).read_bytes() == (after.folder / name).read_bytes(), name
    paths = sorted(path for path in (before.folder / "clinical").rglob("*") if path.is_file())
    assert paths and all(
        path.read_bytes() == (after.folder / path.relative_to(before.folder)).read_bytes() for path in paths
    )
    found = [study.json("validation.json") for study in studies]
    intention = [content.pop("intention_to_diagnose") for content in found]
    assert found[0] == found[1]
    further = [[row.pop("without_reference") for row in rows] for rows in intention]
    assert intention[0] == intention[1]
    assert further == [[0, 0], [UNKNOWN + 1, 2 * (UNKNOWN + 1)]]


def test_scores_of_the_others_stay_and_they_get_one(studies):
    for model in MODELS:
        for role in ("development", "external"):
            before, after = (
                score_tables.read(study.folder / f"{model}_{role}.csv", dtype=str).set_index("patient")
                for study in studies
            )
            pd.testing.assert_frame_equal(after.loc[before.index], before)
            further = after.drop(before.index)
            assert len(further) == UNKNOWN * (2 if role == "development" else 1)
            score = "out_of_fold" if role == "development" else "score"
            assert further[score].astype(float).between(0, 1).all()
            if role == "development":
                assert further["fold"].isna().all() and further["apparent"].isna().all()
                assert after["fold"].notna().sum() == len(before)


def test_survival_is_that_of_everybody_whose_survival_is_known(studies):
    before, after = (study.json("survival.json")["cohorts"] for study in studies)
    for name, centers in (("development", 2), ("external", 1)):
        assert before[name]["n"] == 34 * centers and after[name]["n"] == (34 + UNKNOWN) * centers
        assert after[name]["hazard_ratio"]["n"] == after[name]["n"]
        assert after[name]["missing"]["lnm"] == UNKNOWN * centers and before[name]["missing"]["lnm"] == 0
        nodes = ("alone", "log_rank", "both", "restricted_mean")
        assert [before[name]["pathology"][key] for key in nodes] == [after[name]["pathology"][key] for key in nodes]


def test_table_1_describes_all_who_are_included(studies):
    _, study = studies
    content = study.json("table1.json")
    numbers = {(group["cohort"], group["lnm"]): group["n"] for group in content["groups"]}
    for cohort_name, centers in (("development", 2), ("external", 1)):
        own = [numbers[cohort_name, lnm] for lnm in (None, 0, 1, "unknown")]
        assert own[0] == sum(own[1:]) == (34 + UNKNOWN) * centers and own[3] == UNKNOWN * centers


# A model of images


@pytest.fixture
def image_study(tmp_path):
    """The learning inputs, and beside them manifests with five patients more that have no fold and no outcome."""
    study = make_study(tmp_path)
    for center, name in (("AA", "AX"), ("CC", "CX")):
        further = make_center(tmp_path, name, 5, 7).drop(columns="lnm").assign(center=center)
        pd.concat([pd.read_csv(study / f"{center}.csv"), further]).to_csv(study / f"{center}-more.csv", index=False)
    return study


def with_more(arguments: list[str]) -> list[str]:
    return [word.replace("AA.csv", "AA-more.csv").replace("CC.csv", "CC-more.csv") for word in arguments]


def files(folder) -> dict:
    """Content of a model folder, without the history, which holds times."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "history.csv"}


def test_networks_are_the_same_and_one_member_scores_a_patient_of_no_fold(image_study):
    study = image_study
    for model in ("hybrid", "image", "late"):
        arguments = train_arguments(study, model, settings=SETTINGS | {"epochs": 20})
        train_model.main(arguments)
        before = files(study / model / "seed-1")
        train_model.main(with_more(arguments))
        assert files(study / model / "seed-1") == before
        arguments, output = predict_arguments(study, model)
        predict.main(arguments)
        scores, frozen = output.read_text().splitlines(), (study / f"{model}-calibration.json").read_bytes()
        predict.main(with_more(arguments))
        assert output.read_text().splitlines()[: len(scores)] == scores
        assert (study / f"{model}-calibration.json").read_bytes() == frozen
        further = score_tables.read(output)
        further = further[~further["patient"].isin(pd.read_csv(study / "folds.csv")["patient"])]
        assert further["patient"].tolist() == [f"AX-{number:04d}" for number in range(5)]
        assert further["fold"].isna().all() and further["apparent"].isna().all()
        ensemble = load_model(study / model / "seed-1")
        fused = [study / "image-development.csv"] if model == "late" else []
        samples = read_samples(
            [study / "AA-more.csv"], ensemble.spec, further["patient"].tolist(), fused, "out_of_fold"
        )
        risks = calibration.apply(json.loads(frozen), ensemble.probabilities(samples))
        chosen = [risks[scoring_fold(patient, 3), row] for row, patient in enumerate(further["patient"])]
        np.testing.assert_allclose(further["out_of_fold"], chosen, rtol=1e-6)
        arguments, output = predict_arguments(study, model, external=True)
        predict.main(arguments)
        before = score_tables.read(output)
        predict.main(with_more(arguments))
        pd.testing.assert_frame_equal(score_tables.read(output)[: len(before)], before, check_exact=True)


def test_the_member_depends_on_the_name_alone_and_all_take_part():
    members = [scoring_fold(f"p{number}", 5) for number in range(500)]
    assert members == [scoring_fold(f"p{number}", 5) for number in range(500)]
    assert np.bincount(members).min() > 70


def test_their_maps_are_not_shown_as_calls(image_study):
    study = image_study
    train_model.main(train_arguments(study, "image"))
    predict.main(predict_arguments(study, "image")[0])
    predict.main(with_more(predict_arguments(study, "image", external=True)[0]))
    scores = score_tables.read(study / "image-external.csv")
    known = scores["patient"].str.startswith("CC")
    scores["score"] = np.where(known, np.linspace(0.3, 0.7, len(scores)), [0.01, 0.99] * 5 + [0.99])
    score_tables.write(study / "image-external.csv", "image", scores)
    scores[["patient"]].assign(lnm=np.where(known, scores.index % 2, "")).to_csv(study / "lnm.csv", index=False)
    write_json(study / "thresholds.json", {"image": frozen_at(0.5)})
    explain_model.main(
        ["--model", "image", "--model-folders", str(study / "image" / "seed-1"), "--manifests"]
        + [str(study / "CC-more.csv"), "--predictions", str(study / "image-external.csv"), "--lnm"]
        + [str(study / "lnm.csv"), "--thresholds", str(study / "thresholds.json")]
        + ["--output", str(study / "explanation.json")]
    )
    shown = [row["patient"] for row in read_json(study / "explanation.json")["shown"]]
    assert shown and all(patient.startswith("CC") for patient in shown)


def test_shortcuts_are_looked_for_in_patients_with_known_nodes(tmp_path):
    lnm = {f"p-{number}": ["", 1, 0][number % 3] for number in range(30)}
    (tmp_path / "lnm.csv").write_text("patient,lnm\n" + "".join(f"{name},{value}\n" for name, value in lnm.items()))
    record, output = tmp_path / "far/batches/1-of-1.json", tmp_path / "found.json"
    for folder in (folders := batch.folders(record, lnm)).values():
        write_json(folder / "shortcuts.json", {"number": float(folder.name.split("-")[-1])})
    batch_record.write(record, folders)
    check_shortcuts.main(
        ["--quality", str(record), "--centers", "far", "--lnm", str(tmp_path / "lnm.csv"), "--output", str(output)]
    )
    found = read_json(output)["far"]
    assert (found["n"], found["positives"]) == (20, 10)

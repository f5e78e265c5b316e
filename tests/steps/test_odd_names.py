"""Centres and patients whose names look like a missing value or a number: the same numbers as with plain names."""

import csv
import json
import shutil

import pytest
import statistics_inputs as inputs
from learning_inputs import SETTINGS, SPECS, make_study

from hscore.contracts import delimited, folds, tables
from hscore.steps import build_cohort, describe_cohorts, predict, split, train_model, write_outcome

NAMES = ["NA-001", "007", "1e5", "nan", "NA", "None", "-0"]


def odd_names(patients: list[str], center: str) -> dict[str, str]:
    """Odd names for a centre, and for its patients; there are more patients than ``NAMES``."""
    further = [f"NA-{number:03d}" for number in range(2, len(patients))]
    return {center: "NA", **dict(zip(patients, [*NAMES, *further], strict=False))}


def renamed(folder, copy, names):
    """A copy of a study's tables with other names of centre and patients."""
    shutil.copytree(folder, copy)
    for path in copy.glob("*.csv"):
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        about = [header.index(column) for column in ("patient", "center") if column in header]
        rows = [[names.get(cell, cell) if k in about else cell for k, cell in enumerate(row)] for row in rows]
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return copy


def learn(study, model):
    """Train a model (a reading needs none), and score development and external patients."""
    spec, out = json.dumps(SPECS[model]), str(study / model)
    development = ["--manifests", str(study / "AA.csv"), str(study / "BB.csv")]
    folds = ["--folds", str(study / "folds.csv")]
    fused = [f"{study}/image-development.csv"] if "fuse" in SPECS[model] else []
    if model != "reading":
        train_model.main(["--model", model, "--spec", spec, "--settings", json.dumps(SETTINGS), "--seeds", "1", *folds,
                    *development, "--scores", *fused, "--state", f"{out}-state", "--output", out])  # fmt: skip
    usual = ["--model", model, "--spec", spec, "--model-folders", *([out] if model != "reading" else [])]
    usual += ["--calibration", f"{out}-calibration.json"]
    predict.main([*usual, *development, *folds, "--recalibration", "platt", "--scores", *fused,
                  "--output", f"{out}-development.csv"])  # fmt: skip
    fused = [path.replace("development", "external") for path in fused]
    predict.main([*usual, "--manifests", str(study / "CC.csv"), "--scores", *fused, "--output", f"{out}-external.csv"])


@pytest.mark.parametrize("center", ["AA", "CC"])
def test_training_and_prediction(tmp_path, center):
    (tmp_path / "plain").mkdir()
    plain = make_study(tmp_path / "plain")
    names = odd_names(list(tables.read(plain / f"{center}.csv").index), center)
    odd = renamed(plain, tmp_path / "odd", names)
    for model in ("clinical", "image", "late", "reading"):
        for study in (plain, odd):
            learn(study, model)
        for role in ("development", "external"):
            before, after = (delimited.records(study / f"{model}-{role}.csv") for study in (plain, odd))
            assert before and after == [
                row | {name: names.get(row[name], row[name]) for name in ("patient", "center")} for row in before
            ]  # scores as written
        assert (odd / f"{model}-calibration.json").read_text() == (plain / f"{model}-calibration.json").read_text()


def describe(folder):
    """From the clinical tables of two centres to manifests, outcomes, folds and Table 1, without images."""
    settings = json.dumps(inputs.CONFIG["cohort"] | {"required_sequences": []})
    tables_of = {path: path.read_text().splitlines()[1].split(",")[1] for path in sorted(folder.glob("[xy].csv"))}
    for path, center in tables_of.items():
        manifest, about = folder / f"{path.stem}_m.csv", ["--center", center, "--table", str(path)]
        build_cohort.main([*about, "--role", "development", "--samples", "--codes", "{}", "--settings", settings,
                     "--manifest", str(manifest), "--excluded", str(folder / f"{path.stem}_e.csv"),
                     "--flow", str(folder / f"{path.stem}_flow.json")])  # fmt: skip
        for kind in ("lnm", "dfs"):
            write_outcome.main([*about, "--manifest", str(manifest), "--kind", kind,
                           "--output", str(folder / f"{path.stem}_{kind}.csv")])  # fmt: skip
    files = ["--manifests", str(folder / "x_m.csv"), str(folder / "y_m.csv")]
    files += ["--lnm", str(folder / "x_lnm.csv"), str(folder / "y_lnm.csv")]
    split.main([*files, "--settings", '{"folds": 3}', "--seed", "1", "--output", str(folder / "folds.csv")])
    describe_cohorts.main([*files, "--roles", "development", "development", "--output", str(folder / "table1.json")])


def test_manifests_outcomes_folds_and_table_1(tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    for name, seed in (("x", 1), ("y", 2)):
        drawn = {
            "patients": "30",
            "lnm-positive": "9",
            "seed": str(seed),
            "truth": f"{name}.json",
            "table": f"{name}.csv",
        }
        planted = str(inputs.ROOT / "resources/simulation.yaml")
        done = inputs.run(plain, "simulate_center", center=name, scanner="ge", parameters=planted, **drawn)
        assert done.returncode == 0, done.stderr
    names = odd_names(list(tables.read(plain / "x.csv").index), "x")
    odd = renamed(plain, tmp_path / "odd", names)
    for study in (plain, odd):
        describe(study)
    for name in ("x_m", "x_e", "x_lnm", "x_dfs"):
        before, after = (tables.read(study / f"{name}.csv") for study in (plain, odd))
        assert after.equals(before.rename(index=names).replace({"center": names})), name
    before, after = (folds.read(study / "folds.csv").set_index("patient") for study in (plain, odd))
    assert after["lnm"].to_dict() == before["lnm"].rename(index=names).to_dict()  # the folds depend on the names
    assert sorted(after["fold"].value_counts()) == sorted(before["fold"].value_counts())
    before, after = (json.loads((study / "table1.json").read_text()) for study in (plain, odd))
    assert after == with_names(before, names)


def with_names(content, names):
    """A JSON content in which keys and values that are plain names are replaced."""
    if isinstance(content, dict):
        return {names.get(key, key): with_names(value, names) for key, value in content.items()}
    if isinstance(content, list):
        return [with_names(value, names) for value in content]
    return names.get(content, content) if isinstance(content, str) else content


@pytest.mark.parametrize("center", ["a", "c"])
def test_thresholds_validation_and_survival(tmp_path, center):
    plain = tmp_path / "plain"
    plain.mkdir()
    inputs.write(plain, {"a": (60, 18), "b": (40, 12), "c": (50, 16)})
    names = odd_names(list(tables.read(plain / f"{center}_manifest.csv").index), center)
    odd = renamed(plain, tmp_path / "odd", names)
    manifests = {"manifests": ["c_manifest.csv"], "development-manifests": ["a_manifest.csv", "b_manifest.csv"]}
    for study in (plain, odd):
        for done in (inputs.freeze(study), inputs.validate(study, **manifests), inputs.survive(study)):
            assert done.returncode == 0, done.stderr
    for name in ("thresholds.json", "validation.json", "survival.json"):
        before, after = (json.loads((study / name).read_text()) for study in (plain, odd))
        assert after == with_names(before, names), name

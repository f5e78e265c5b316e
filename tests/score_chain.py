"""Monte-Carlo study of the chain from folds to validated scores: is what it says of AUC, gain and calibration true?

Every study is drawn anew and put through the steps themselves (train, predict, freeze_thresholds, validate) with models
that fit in milliseconds in the place of networks. Development and external patients come from one population, so that
every change between the cohorts is an artefact. The models:

``clinical``  logistic regression on a 0/1 reading (AUC 0.783, as in the full study), whose own AUC is known;
``nothing``   the reading and six variables of pure noise: a model that adds nothing;
``image``     a score with a signal and twenty variables of noise, so that members disagree as networks do;
``hybrid``    ``image``'s variables and the reading;
``late``      late fusion of ``image`` and the reading.

The full study: ``PYTHONPATH=workflow/src:tests python tests/score_chain.py 400``. It prints the table of
docs/scores.md; ``test_score_chain.py`` is its quick version.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

import score_tables
from hscore.cohort.folds import stratified_folds
from hscore.statistics.diagnosis import discrimination
from hscore.steps import freeze_thresholds, predict, train_model, validate_models

ROOT = Path(__file__).parents[1]
SIZES = {"development": (338, 71), "external": (141, 32)}
SENSITIVITY, SPECIFICITY, SIGNAL = 0.66, 0.906, 1.2
NOISE, WEAK = [f"noise_{k}" for k in range(6)], [f"weak_{k}" for k in range(20)]
MODELS = {
    "clinical": {"clinical": ["mri_ln_positive"]},
    "nothing": {"clinical": ["mri_ln_positive", *NOISE]},
    "image": {"clinical": ["signal", *WEAK]},
    "hybrid": {"clinical": ["signal", *WEAK, "mri_ln_positive"]},
    "late": {"fuse": ["image"], "clinical": ["mri_ln_positive"]},
}
READING = "mri_ln_positive"
OUTCOMES = ["lnm", "dfs_months", "dfs_event"]
TRAINING = {"aggregation": "mean", "device": "cpu"}
LARGE = 5000


def population(random: np.random.Generator, size: int, positives: int, center: str) -> pd.DataFrame:
    """Patients of one centre: ``patient``, ``center``, ``lnm`` and the variables of all models."""
    lnm = random.permutation(np.arange(size) < positives)
    reading = random.random(size) < np.where(lnm, SENSITIVITY, 1 - SPECIFICITY)
    noise = dict(zip(NOISE + WEAK, random.normal(size=(len(NOISE + WEAK), size)), strict=True))
    columns = {"lnm": lnm.astype(int), READING: reading.astype(int), "signal": random.normal(SIGNAL * lnm, 1), **noise}
    return pd.DataFrame({"patient": [f"{center}-{k:05d}" for k in range(size)], "center": center, **columns})


def study(folder: Path, seed: int, method: str = "platt") -> dict:
    """One study: its validation, and what a large sample of the population says of its frozen external scores."""
    random = np.random.default_rng(seed)
    tables = {name: population(random, *SIZES[name], name) for name in SIZES}
    tables["large"] = population(random, LARGE, round(LARGE * 71 / 338), "large")
    make(folder, tables, seed, resamples=2, method=method)
    return measures(folder, json.loads((folder / "validation.json").read_text()), tables)


def make(folder: Path, tables: dict[str, pd.DataFrame], seed: int, resamples: int, method: str = "platt") -> None:
    """Put the cohorts ``development``, ``external`` and ``large`` through the steps up to ``validation.json``.

    ``large`` is scored like the external cohort and takes part in nothing else.
    """
    for name, table in tables.items():
        manifest = table.drop(columns=OUTCOMES, errors="ignore").assign(samples="none")
        manifest.to_csv(folder / f"{name}.csv", index=False, float_format="%.5g")
        table[["patient", "lnm"]].to_csv(folder / f"{name}_lnm.csv", index=False)
    stratified_folds(tables["development"][["patient", "center", "lnm"]], 5, seed).to_csv(
        folder / "folds.csv", index=False
    )
    for model, spec in MODELS.items():
        chain(folder, model, spec, method)
    settings = json.dumps(validation_settings(resamples))
    files = {cohort: [f"{folder / model}-{cohort}.csv" for model in MODELS] for cohort in tables}
    freeze_thresholds.main(
        ["--models", *MODELS, "--predictions", *files["development"], "--folds", str(folder / "folds.csv"),
         "--calibrations", *(f"{folder / model}-calibration.json" for model in MODELS),
         "--settings", settings, "--output", str(folder / "thresholds.json")]
    )  # fmt: skip
    validate_models.main(
        ["--development", *files["development"], "--external", *files["external"], "--folds", str(folder / "folds.csv"),
         "--manifests", str(folder / "external.csv"), "--development-manifests", str(folder / "development.csv"),
         "--lnm", str(folder / "external_lnm.csv"), "--thresholds", str(folder / "thresholds.json"),
         "--settings", settings, "--output", str(folder / "validation.json")]
    )  # fmt: skip


def config(section: str) -> dict:
    """Return a section of the study's config."""
    return yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))[section]


def validation_settings(resamples: int) -> dict:
    """Return the config's section validate, with the model that adds nothing as reference."""
    return config("validate") | {"reference": "nothing", "bootstrap": {"resamples": resamples, "seed": 1}}


def chain(folder: Path, model: str, spec: dict, method: str) -> None:
    """Train a model and score everybody."""
    common = ["--model", model, "--spec", json.dumps({"label": model, **spec})]
    fused = {cohort: [f"{folder / base}-{cohort}.csv" for base in spec.get("fuse", [])] for cohort in
             ("development", "external", "large")}  # fmt: skip
    where, manifest = str(folder / "models" / model), str(folder / "development.csv")
    train_model.main(
        [*common, "--settings", json.dumps(TRAINING), "--seeds", "1",
         "--folds", str(folder / "folds.csv"), "--manifests", manifest, "--scores", *fused["development"],
         "--state", str(folder / "state" / model), "--output", where]
    )  # fmt: skip
    calibration = ["--calibration", str(folder / f"{model}-calibration.json")]
    for cohort in ("development", "external", "large"):
        own = ["--folds", str(folder / "folds.csv"), "--recalibration", method] if cohort == "development" else []
        predict.main(
            [*common, "--model-folders", where, "--manifests", str(folder / f"{cohort}.csv"), *own, *calibration,
             "--scores", *fused[cohort], "--output", str(folder / f"{model}-{cohort}.csv")]
        )  # fmt: skip


def measures(folder: Path, content: dict, tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """What one study says, by name: AUCs, gains with p-values, change between cohorts, calibration, calls."""
    found: dict[str, float] = {}
    auc = {(row["model"], row["evaluation"]): row["auc"]["estimate"] for row in content["performance"]}
    development = tables["development"]
    reading = discrimination.delong(development["lnm"].to_numpy() == 1, development[READING].to_numpy(float))
    found["clinical: AUC minus the reading's own"] = auc["clinical", "out_of_fold"] - float(reading.auc[0])
    for row in content["comparisons"]:
        if (row["model_a"], row["model_b"]) == ("nothing", "clinical"):
            found[f"nothing: gain over the reading, {row['evaluation']}"] = row["difference"]
            found[f"nothing: gain claimed, {row['evaluation']}"] = float((row["low"] or 0) > 0)
            found[f"nothing: loss claimed, {row['evaluation']}"] = float((row["high"] or 0) < 0)
    for row in content["auc_change"]:
        found[f"{row['model']}: change of AUC"] = row["difference"]
        found[f"{row['model']}: change of AUC claimed"] = float((row["p"] or 1) < 0.05)
        found[f"{row['model']}: AUC added by averaging members"] = row["ensemble"]["difference"]
    for row in content["calibration"]:
        if row["evaluation"] == "external":
            ratio, slope = row["observed_expected"], row["slope"]
            found[f"{row['model']}: external O:E"] = ratio["estimate"]
            found[f"{row['model']}: external O:E covers 1"] = covers(ratio)
            found[f"{row['model']}: external slope covers 1"] = covers(slope)
    return found | in_the_population(folder, tables["large"], content)


def in_the_population(folder: Path, large: pd.DataFrame, content: dict) -> dict[str, float]:
    """What a large sample of the population says of the frozen scores: no sampling error of 141 patients."""
    found = {}
    y_true = large["lnm"].to_numpy() == 1
    cuts = json.loads((folder / "thresholds.json").read_text())
    for row in content["performance"]:
        if row["evaluation"] != "out_of_fold":
            continue
        model = row["model"]
        table = score_tables.read(folder / f"{model}-large.csv")
        members = [name for name in table if name.startswith("fold_")]
        found[f"{model}: true O:E"] = y_true.mean() / table["score"].mean()
        found[f"{model}: true slope"] = slope_of(y_true, table["score"].to_numpy())
        found[f"{model}: true slope of a member"] = slope_of(y_true, table[members[0]].to_numpy())
        single = np.mean([discrimination.delong(y_true, table[name].to_numpy()).auc[0] for name in members])
        found[f"{model}: out-of-fold AUC minus a member's true one"] = row["auc"]["estimate"] - float(single)
        for scale, calls in (("ensemble", ["score"]), ("member", members)):
            called = table[calls].to_numpy() >= cuts[model]["value"]
            true = {"sensitivity": called[y_true].mean(), "specificity": 1 - called[~y_true].mean()}
            for measure, value in true.items():
                found[f"{model}: true {measure} of the {scale} minus development's"] = value - row[measure]["estimate"]
    return found


def slope_of(y_true: np.ndarray, risk: np.ndarray) -> float:
    """Calibration slope."""
    from hscore.metrics import logistic

    return float(logistic.fit(np.log(risk / (1 - risk))[:, None], y_true).coefficients[1])


def covers(interval: dict) -> float:
    """1 where an interval holds 1; NaN where there is none."""
    return np.nan if interval["low"] is None else float(interval["low"] <= 1 <= interval["high"])


def run(studies: int, method: str = "platt", seed: int = 0) -> pd.DataFrame:
    """Mean, Monte-Carlo error and deviation of every measure over ``studies`` studies."""
    rows = []
    for number in range(studies):
        with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
            rows.append(study(Path(name), seed + number, method))
    table = pd.DataFrame(rows)
    error = table.std() / np.sqrt(table.notna().sum())
    return pd.DataFrame({"mean": table.mean(), "error": error, "deviation": table.std()})


if __name__ == "__main__":
    number, method = int((sys.argv[1:2] or ["100"])[0]), (sys.argv[2:3] or ["platt"])[0]
    print(run(number, method).to_string(float_format=lambda value: f"{value:.4f}"))

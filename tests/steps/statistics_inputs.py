"""Simulated inputs of the statistics steps, as the steps before them would write them."""

import contextlib
import importlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit, logit

import score_tables
from hscore.contracts import delimited

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
CONFIG["validate"]["bootstrap"] = {"resamples": 60, "seed": 1}  # enough to see that intervals are there
MODELS = ("cet1wi_peritumoral", "clinical", "hybrid")
MEASURED = ["mri_ln_short_axis_mm", "scc_ag_ng_ml"]


def write(folder: Path, sizes: dict[str, tuple[int, int]], models: tuple[str, ...] = MODELS) -> None:
    """Tables of simulated centres a, b (development) and c (external); ``sizes`` gives patients and positives."""
    rng = np.random.default_rng(1)
    centers = {name: _measured(_center(rng, name, *size)) for name, size in sizes.items()}
    for name, table in centers.items():
        for kind, columns in {
            "manifest": ["patient", "center", *MEASURED, "mri_ln_positive", "histology"],
            "lnm": ["patient", "lnm"],
            "dfs": ["patient", "dfs_months", "dfs_event"],
        }.items():
            table[columns].to_csv(folder / f"{name}_{kind}.csv", index=False)
    development = pd.concat([centers["a"], centers["b"]])
    development = development.assign(fold=np.arange(len(development)) % 5)
    development[["patient", "center", "lnm", "fold"]].to_csv(folder / "folds.csv", index=False)
    for model in models:
        scores = {"out_of_fold": _score(rng, model, development), "apparent": _score(rng, model, development)}
        table = development[["patient", "center", "fold"]].assign(**scores)
        score_tables.write(folder / f"{model}_development.csv", model, table)
        external = centers["c"][["patient", "center"]].assign(score=_score(rng, model, centers["c"]))
        table = external.assign(**_members(external["score"]))
        score_tables.write(folder / f"{model}_external.csv", model, table)
        write_calibration(folder, model)


def frozen_at(value: float) -> dict:
    """A frozen threshold, as thresholds.json has it for each model."""
    return {"rule": f"fixed value {value}", "value": value, "median": 0.5, "recalibration": {"method": "none"}}


def write_calibration(folder: Path, model: str, **recalibration) -> None:
    """The calibration of a model; scores are risks unless it says ``why`` not."""
    usual = {"method": "platt", "intercept": -0.1, "slope": 1.1}
    content = {"model": model, "alignment": {}, "recalibration": recalibration or usual}
    (folder / f"{model}_calibration.json").write_text(json.dumps(content))


def _members(score: pd.Series) -> dict[str, np.ndarray]:
    """Scores of three members about their mean."""
    noise = np.random.default_rng(0).normal(0, 0.3, (3, score.size))
    return {f"fold_{k}": expit(logit(score) + one).round(6) for k, one in enumerate(noise)}


def _measured(table):
    """Node sizes and SCC antigen that go with the nodes and their reading; from a stream of their own."""
    rng = np.random.default_rng(len(table))
    reading = table["mri_ln_positive"].to_numpy() == 1
    size = np.where(reading, rng.uniform(10, 16, len(table)), rng.uniform(3, 9.9, len(table))).round(1)
    antigen = np.exp(rng.normal(0.5 + 0.5 * table["lnm"], 0.8)).round(1)
    return table.assign(**dict(zip(MEASURED, (size, antigen), strict=True)))


def _center(rng, name, size, positives):
    lnm = rng.permutation(np.arange(size) < positives).astype(int)
    relapse = rng.exponential(np.where(lnm == 1, 30.0, 120.0)).round(1)
    left = rng.uniform(12, 80, size).round(1)
    return pd.DataFrame(
        {
            "patient": [f"{name}-{number + 1:04d}" for number in range(size)],
            "center": name,
            "lnm": lnm,
            "mri_ln_positive": (rng.random(size) < np.where(lnm == 1, 0.6, 0.1)).astype(int),
            "histology": rng.choice(["squamous", "adenocarcinoma"], size),
            "dfs_months": np.minimum(relapse, left),
            "dfs_event": (relapse <= left).astype(int),
        }
    )


def _score(rng, model, table):
    if model == "clinical":
        return np.where(table["mri_ln_positive"] == 1, 0.62, 0.11)
    signal = 1.5 * table["lnm"] + rng.normal(size=len(table)) + (table["mri_ln_positive"] if model == "hybrid" else 0)
    return (1 / (1 + np.exp(1.5 - signal))).round(6)


def run(folder: Path, step: str, **flags) -> SimpleNamespace:
    """A step's command line in ``folder``, in this process (a new one would import pandas and lifelines again).

    A flag's value is a word, a list of words (the flag is left out where it is empty) or a dict (JSON). Returns
    ``returncode`` and ``stderr``; a traceback fails the test by itself.
    """
    arguments = []
    for name, value in flags.items():
        if value == []:
            continue
        words = [json.dumps(value)] if isinstance(value, dict) else value if isinstance(value, list) else [value]
        arguments += [f"--{name}", *words]
    code, text = 0, io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stderr(text):
        try:
            importlib.import_module(f"hscore.steps.{step}").main(arguments)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
            if isinstance(stop.code, str):
                print(stop.code, file=text)
    return SimpleNamespace(returncode=code, stderr=text.getvalue())


def freeze(folder: Path, models: tuple[str, ...] = MODELS, **flags) -> SimpleNamespace:
    """freeze_thresholds on the simulated inputs; flags given replace the usual ones."""
    usual = {
        "models": list(models),
        "predictions": [f"{model}_development.csv" for model in models],
        "calibrations": [f"{model}_calibration.json" for model in models],
        "folds": "folds.csv",
        "settings": CONFIG["validate"],
        "output": "thresholds.json",
    }
    return run(folder, "freeze_thresholds", **usual | flags)


def validate(folder: Path, models: tuple[str, ...] = MODELS, **flags) -> SimpleNamespace:
    """validate on the simulated inputs; flags given replace the usual ones."""
    usual = {
        "development": [f"{model}_development.csv" for model in models],
        "external": [f"{model}_external.csv" for model in models],
        "folds": "folds.csv",
        "lnm": ["c_lnm.csv"],
        "thresholds": "thresholds.json",
        "settings": CONFIG["validate"],
        "output": "validation.json",
    }
    return run(folder, "validate_models", **usual | flags)


def survive(folder: Path, **flags) -> SimpleNamespace:
    """survive on the simulated inputs; flags given replace the usual ones."""
    usual = {
        "development": "hybrid_development.csv",
        "external": "hybrid_external.csv",
        "manifests": [f"{center}_manifest.csv" for center in "abc"],
        "dfs": [f"{center}_dfs.csv" for center in "abc"],
        "lnm": [f"{center}_lnm.csv" for center in "abc"],
        "thresholds": "thresholds.json",
        "settings": CONFIG["survive"],
        "output": "survival.json",
    }
    return run(folder, "analyze_survival", **usual | flags)


@contextlib.contextmanager
def counted_reads() -> Iterator[Counter[str]]:
    """Yield how often each table was read in the block, by its name."""
    counts, read = Counter(), delimited.read

    def counting(path, *arguments):
        counts[Path(path).name] += 1
        return read(path, *arguments)

    with mock.patch.object(delimited, "read", counting):
        yield counts


def finite(content) -> bool:
    """True when no number in a JSON content is NaN or infinite."""
    if isinstance(content, dict):
        return all(finite(value) for value in content.values())
    if isinstance(content, list):
        return all(finite(value) for value in content)
    return not isinstance(content, float) or bool(np.isfinite(content))


def unexplained(content, path: str = "") -> list[str]:
    """Places of estimates that are null without a sentence beside them."""
    found = []
    if isinstance(content, dict):
        explained = any(key == "why" or key.endswith("_why") for key in content)
        for key, value in content.items():
            if key in ("estimate", "p", "median", "chi2", "difference") and value is None and not explained:
                found.append(f"{path}/{key}")
            found += unexplained(value, f"{path}/{key}")
    elif isinstance(content, list):
        for place, value in enumerate(content):
            found += unexplained(value, f"{path}/{place}")
    return found

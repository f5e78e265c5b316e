"""What a trained model says about itself: ``model.json``, and the fingerprint of its training."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

import hscore
from hscore import code_digest
from hscore.learning.samples import Samples, array_keys, folds_digest

MODEL_FILE = "model.json"
PACKAGES = ("numpy", "pandas")
IMAGE_PACKAGES = ("torch", "safetensors")
INTENDED_USE = "Research only. Scores come from a rerun of a published method and must not guide care."


def describe(name: str, spec: dict, settings: dict, folds: pd.DataFrame, samples: Samples) -> dict:
    """The part of ``model.json`` that all kinds of models share."""
    own = folds[folds["patient"].isin(samples.patients["patient"])]
    return {
        "model": name,
        "spec": spec,
        "intended_use": INTENDED_USE,
        "output": "probability of lymph-node metastasis, one a patient, 0 to 1",
        "aggregation": settings["aggregation"],
        "input": describe_input(spec, samples),
        "folds": int(folds["fold"].max()) + 1,
        "patients": len(own),
        "positives": int(own["lnm"].sum()),
        "left_out": len(samples.left_out),
        "centers": sorted(set(own["center"])),
        "split": folds_digest(folds),
        "training": settings,
        "versions": versions(spec),
    }


def describe_input(spec: dict, samples: Samples) -> dict:
    """What goes in: arrays with shape and range of values seen, clinical variables with theirs, models fused."""
    return {
        "images": [
            {
                "array": one.key,
                "shape": list(one.values.shape[1:]),
                "samples": len(one.values),
                "value_range": [float(one.values.min()), float(one.values.max())],
            }
            for one in samples.images
        ],
        "clinical": {
            column: [float(values.min()), float(values.max())]
            for column, values in zip(spec.get("clinical", []), samples.clinical.T, strict=True)
        },
        "scores": spec.get("fuse", []),
    }


def versions(spec: dict) -> dict[str, str]:
    """Versions of everything that made the weights."""
    packages = PACKAGES + (IMAGE_PACKAGES if array_keys(spec) else ())
    found = {"hscore": hscore.__version__, "python": platform.python_version()}
    return found | {package: version(package) for package in packages}


def fingerprint(parts: dict, samples: Samples) -> str:
    """SHA-256 of everything that decides the weights: ``parts`` (plain JSON), samples, and the code that trains."""
    sha = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    sha.update(samples.digest().encode())
    sha.update(code_digest.digest("train").encode())
    return sha.hexdigest()


HISTORY = (
    *("seed", "fold", "epoch", "loss", "auc", "learning_rate", "seconds"),
    *("inner_loss", "inner_auc", "held_out_loss", "held_out_auc"),
)


def history_row(seed: int | None, fold: int, epoch: int, loss: float) -> dict:
    """One row of ``history.csv``, of one member after one epoch: mean loss and AUC in training; the rate and the time.

    ``inner``: patients set aside for early stopping; ``held_out``: those of the fold. None where not looked at.
    """
    return dict.fromkeys(HISTORY) | {"seed": seed, "fold": fold, "epoch": epoch, "loss": loss}


def scored(name: str, scores: np.ndarray, labels: np.ndarray) -> dict:
    """Columns of ``history.csv`` about patients not trained on, ``inner`` or ``held_out``: mean log loss and AUC.

    Those without a score (NaN) do not count; nothing where there is nobody.
    """
    known = np.isfinite(scores)
    if not known.any():
        return {}
    return {
        f"{name}_loss": log_loss(scores[known], labels[known]),
        f"{name}_auc": auc(scores[known], labels[known]),
    }


def write_history(folder: Path, rows: list[dict]) -> None:
    """Write ``history.csv``."""
    pd.DataFrame(rows, columns=list(HISTORY)).to_csv(folder / "history.csv", index=False, float_format="%.6g")


def log_loss(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log likelihood; scores are kept 1e-7 away from 0 and 1."""
    scores = np.clip(scores, 1e-7, 1 - 1e-7)
    return float(-np.where(labels == 1, np.log(scores), np.log1p(-scores)).mean())


def auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Share of positive-negative pairs in the right order (ties count half); None without both classes."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    if not len(positive) or not len(negative):
        return None
    difference = positive[:, None] - negative[None, :]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())

"""What a trained model says about itself: ``model.json``, and the fingerprint of its training."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

import hscore
from hscore.learning.samples import Samples, folds_digest, image_key

MODEL_FILE = "model.json"
PACKAGES = ("numpy", "pandas")
IMAGE_PACKAGES = ("torch", "safetensors")
INTENDED_USE = "Research only. Scores come from a rerun of a published method and must not guide care."


def describe(name: str, spec: dict, settings: dict, seed: int, folds: pd.DataFrame, samples: Samples) -> dict:
    """The part of ``model.json`` that all kinds of models share."""
    return {
        "model": name,
        "spec": spec,
        "intended_use": INTENDED_USE,
        "output": "probability of lymph-node metastasis, one a patient, 0 to 1",
        "aggregation": settings["aggregation"],
        "input": describe_input(spec, samples),
        "folds": int(folds["fold"].max()) + 1,
        "patients": len(folds),
        "positives": int(folds["lnm"].sum()),
        "centers": sorted(set(folds["center"])),
        "split": folds_digest(folds),
        "seed": seed,
        "training": settings,
        "versions": versions(spec),
    }


def describe_input(spec: dict, samples: Samples) -> dict:
    """What goes in: the array's name, shape and range of values seen; the clinical variables and their ranges."""
    content: dict = {"clinical": {}}
    for column, values in zip(spec.get("clinical", []), samples.clinical.T, strict=True):
        content["clinical"][column] = [float(values.min()), float(values.max())]
    if key := image_key(spec):
        content["array"] = key
        content["shape"] = list(samples.images.shape[1:])
        content["samples"] = len(samples.images)
        content["value_range"] = [float(samples.images.min()), float(samples.images.max())]
    return content


def versions(spec: dict) -> dict[str, str]:
    """Versions of everything that made the weights."""
    packages = PACKAGES + (IMAGE_PACKAGES if image_key(spec) else ())
    found = {"hscore": hscore.__version__, "python": platform.python_version()}
    return found | {package: version(package) for package in packages}


def fingerprint(parts: dict, samples: Samples) -> str:
    """SHA-256 of everything that decides the weights: ``parts`` (plain JSON), samples, and this room's code."""
    sha = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    sha.update(samples.digest().encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sha.update(path.name.encode() + path.read_bytes())
    return sha.hexdigest()


def history_row(fold: int, epoch: int, loss: float) -> dict:
    """One row of ``history.csv``: training loss after an epoch; the held-out columns are filled after the last."""
    return {
        "fold": fold,
        "epoch": epoch,
        "loss": loss,
        "learning_rate": None,
        "seconds": None,
        "held_out_loss": None,
        "held_out_auc": None,
    }


def held_out_row(scores: np.ndarray, labels: np.ndarray) -> dict:
    """The columns of ``history.csv`` about the held-out patients: mean log loss and AUC of patient scores."""
    return {"held_out_loss": log_loss(scores, labels), "held_out_auc": auc(scores, labels)}


def write_history(folder: Path, rows: list[dict]) -> None:
    """Write ``history.csv``."""
    pd.DataFrame(rows).to_csv(folder / "history.csv", index=False, float_format="%.6g")


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

"""What ``model.json`` says about a trained model, and the fingerprint of its training."""

import hashlib
import json
import platform
from importlib.metadata import version

import pandas as pd

import hscore
from hscore import code_digest
from hscore.learning.samples import Samples, array_keys, folds_digest

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

"""Describe a trained model: the content of ``model.json`` and the fingerprint of its training."""

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
    """Return the part of ``model.json`` that all kinds of models share.

    Args:
        name: of the model in the config.
        spec: its entry under ``models``.
        settings: section ``train``.
        folds: the split, as of ``read_folds``.
        samples: what the model was trained on.
    """
    trained_on = folds[folds["patient"].isin(samples.patients["patient"])]
    return {
        "model": name,
        "spec": spec,
        "intended_use": INTENDED_USE,
        "output": "probability of lymph-node metastasis, one per patient, 0 to 1",
        "aggregation": settings["aggregation"],
        "input": describe_input(spec, samples),
        "folds": int(folds["fold"].max()) + 1,
        "patients": len(trained_on),
        "positives": int(trained_on["lnm"].sum()),
        "left_out": len(samples.excluded_patients),
        "centers": sorted(set(trained_on["center"])),
        "split": folds_digest(folds),
        "training": settings,
        "versions": versions(spec),
    }


def describe_input(spec: dict, samples: Samples) -> dict:
    """Return the inputs of a model: arrays with shape and value range, clinical variables with range, fused models."""
    return {
        "images": [
            {
                "array": images.array_key,
                "shape": list(images.shape),
                "samples": len(images.pixels),
                "value_range": [float(images.pixels.min()), float(images.pixels.max())],
            }
            for images in samples.images
        ],
        "clinical": {
            column: [float(values.min()), float(values.max())]
            for column, values in zip(spec.get("clinical", []), samples.clinical.T, strict=True)
        },
        "scores": spec.get("fuse", []),
    }


def versions(spec: dict) -> dict[str, str]:
    """Return the versions of Python, of this package, and of the packages that determine the weights."""
    packages = PACKAGES + (IMAGE_PACKAGES if array_keys(spec) else ())
    own_versions = {"hscore": hscore.__version__, "python": platform.python_version()}
    return own_versions | {package: version(package) for package in packages}


def fingerprint(parts: dict, samples: Samples) -> str:
    """Return the SHA-256 of all that determines the weights: ``parts`` (plain JSON), samples, and the training code."""
    sha = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    sha.update(samples.digest().encode())
    sha.update(code_digest.digest("train_model").encode())
    return sha.hexdigest()

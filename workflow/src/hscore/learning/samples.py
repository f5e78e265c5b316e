"""What a model learns from: patients, labels, clinical scalars and image samples, in memory once.

No torch here: the clinical-only model and the tables need none.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.errors import UserError


@dataclass(frozen=True)
class Samples:
    """P patients and their N image samples.

    ``patients``   frame with P rows: patient, center, samples and the clinical columns
    ``clinical``   float32 [P, K], in the units of the table
    ``images``     float32 [N, sections, rows, columns], contiguous, in patient order; N = 0 for a clinical model
    ``owner``      int64 [N]: row of ``patients`` that a sample belongs to
    """

    patients: pd.DataFrame
    clinical: np.ndarray
    images: np.ndarray
    owner: np.ndarray

    def digest(self) -> str:
        """SHA-256 over everything a model can learn from (64 hexadecimal digits)."""
        sha = hashlib.sha256(repr(self.patients["patient"].tolist()).encode())
        for array in (self.clinical, self.images, self.owner):
            sha.update(repr((array.dtype.str, array.shape)).encode())
            sha.update(np.ascontiguousarray(array).data)
        return sha.hexdigest()


def read_samples(manifests: Sequence[str | Path], spec: dict, patients: Sequence[str] | None = None) -> Samples:
    """Read what a model of this ``spec`` (``sequence`` and ``region``, and/or ``clinical``; or ``reading``) needs.

    ``manifests`` are joined in the order given. With ``patients``, exactly these are read, in this order. Only the
    array ``<sequence>_<region>`` of each patient's ``samples.npz`` is loaded.
    """
    table = pd.concat([read_manifest(manifest) for manifest in manifests], ignore_index=True)
    repeated = table["patient"][table["patient"].duplicated()]
    if len(repeated):
        raise UserError(f"patient '{repeated.iloc[0]}' stands in the manifests twice")
    if patients is not None:
        missing = [patient for patient in patients if patient not in set(table["patient"])]
        if missing:
            raise UserError(f"patient '{missing[0]}' has a fold but stands in none of {', '.join(map(str, manifests))}")
        table = table.set_index("patient", drop=False).loc[list(patients)].reset_index(drop=True)
    clinical = reading_values(table, spec) if "reading" in spec else clinical_values(table, spec.get("clinical", []))
    images, owner = read_images(table, image_key(spec))
    return Samples(table, clinical, images, owner)


def image_key(spec: dict) -> str | None:
    """Key of the model's array in ``samples.npz``; None for a model without images."""
    return f"{spec['sequence']}_{spec['region']}" if spec.get("sequence") else None


def read_manifest(path: str | Path) -> pd.DataFrame:
    """One cohort manifest; patients stay text."""
    return pd.read_csv(path, dtype={"patient": str, "center": str, "samples": str})


def read_folds(path: str | Path) -> pd.DataFrame:
    """The split: patient (text), center, lnm (0/1), fold (0..k-1), in the order of the file."""
    folds = pd.read_csv(path, dtype={"patient": str, "center": str})[["patient", "center", "lnm", "fold"]]
    if folds["lnm"].isna().any():
        patient = folds["patient"][folds["lnm"].isna()].iloc[0]
        raise UserError(f"{path}: patient '{patient}' has no lymph-node status (column lnm)")
    if folds["fold"].nunique() < 2:
        raise UserError(f"{path}: at least two folds are needed to train and hold out")
    for fold in range(folds["fold"].max() + 1):
        if folds["lnm"][folds["fold"] != fold].nunique() < 2:
            raise UserError(f"{path}: without fold {fold} all patients have the same lymph-node status; use more folds")
    return folds.astype({"lnm": int, "fold": int})


def folds_digest(folds: pd.DataFrame) -> str:
    """SHA-256 of the split, whatever the order of its rows."""
    rows = sorted(zip(folds["patient"], folds["lnm"].astype(int), folds["fold"].astype(int), strict=True))
    return hashlib.sha256(repr([tuple(map(str, row)) for row in rows]).encode()).hexdigest()


def clinical_values(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Clinical scalars float32 [P, K]; UserError for an unknown, non-numeric or missing one."""
    values = np.empty((len(table), len(columns)), np.float32)
    for k, column in enumerate(columns):
        if column not in table:
            raise UserError(f"models: the clinical variable '{column}' is not a column of the cohort manifest")
        numbers = pd.to_numeric(table[column], errors="coerce")
        if numbers.isna().any():
            row = table[numbers.isna()].iloc[0]
            given = "is missing" if pd.isna(row[column]) else f"is '{row[column]}', not a number"
            raise UserError(f"models: the clinical variable '{column}' of patient '{row['patient']}' {given}")
        values[:, k] = numbers
    return values


def reading_values(table: pd.DataFrame, spec: dict) -> np.ndarray:
    """A reading as 0 and 1, float32 [P, 1]: the column itself, or whether it is one of the terms ``positive``."""
    column = spec["reading"]
    if spec.get("positive") and column in table:
        known = table[column].notna()
        table = table.assign(**{column: table[column].isin(spec["positive"]).astype(float).where(known)})
    return clinical_values(table, [column])


def read_images(table: pd.DataFrame, key: str | None) -> tuple[np.ndarray, np.ndarray]:
    """All samples of the table's patients under ``key``: images [N, C, rows, columns] and owner [N]."""
    if key is None:
        return np.empty((0, 0, 0, 0), np.float32), np.empty(0, np.int64)
    arrays = [
        read_patient(patient, Path(folder) / "samples.npz", key)
        for patient, folder in zip(table["patient"], table["samples"], strict=True)
    ]
    if len(shapes := {array.shape[1:] for array in arrays}) != 1:
        raise UserError(f"samples '{key}' have different shapes: {sorted(shapes)}; run the sample step again for all")
    owner = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    return np.concatenate(arrays), owner


def read_patient(patient: str, path: Path, key: str) -> np.ndarray:
    """One patient's samples float32 [n, C, rows, columns]; other arrays of the file are not read.

    UserError when they are absent or damaged: the file holds a checksum of each array.
    """
    try:
        with np.load(path) as arrays:
            images = arrays[key].astype(np.float32, copy=False) if key in arrays.files else ()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise UserError(
            f"patient '{patient}': {path} is damaged ({error}); "
            f"make it again: snakemake --force {path.parent} --configfile ..., and start the study again"
        ) from None
    if not len(images):
        sequence = key.split("_")[0]
        raise UserError(
            f"patient '{patient}' has no samples '{key}' in {path}; add {sequence} to cohort.required_sequences"
        )
    if not np.isfinite(images).all():
        raise UserError(f"patient '{patient}': samples '{key}' in {path} contain values that are not finite")
    return images


def standardization(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [K] of the columns of ``values`` [P, K]; 0 and 1 for a binary (0/1) column."""
    binary = np.isin(values, (0, 1)).all(axis=0)
    mean = np.where(binary, 0.0, values.mean(axis=0, dtype=np.float64))
    deviation = np.where(binary, 1.0, values.std(axis=0, dtype=np.float64))
    return mean, np.where(deviation > 0, deviation, 1.0)

"""What a model learns from: patients, clinical scalars, image samples and other models' scores, in memory once.

No torch here: models without networks, and the tables, need none.
"""

import hashlib
import logging
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hscore import numerals
from hscore.contracts import batch_record, folds, manifest, predictions, tables
from hscore.errors import UserError
from hscore.model_spec import sequences_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Images:
    """The N samples of one sequence and region, those of all patients.

    ``key``     name of the array in ``samples.npz``: ``<sequence>_<region>``
    ``values``  float32 [N, sections, rows, columns], contiguous, in patient order
    ``patient_index``   int64 [N], sorted: row of ``Samples.patients`` that a sample belongs to; a patient may have none
    """

    key: str
    values: np.ndarray
    patient_index: np.ndarray

    def of(self, patients: np.ndarray) -> np.ndarray:
        """Numbers of the samples of these patients (rows), ascending."""
        return np.flatnonzero(np.isin(self.patient_index, patients))


@dataclass(frozen=True)
class Samples:
    """P patients and all that a model sees of them.

    ``patients``  frame with P rows: patient, center, samples and the clinical columns
    ``clinical``  float32 [P, K], in the units of the table
    ``images``    one ``Images`` a sequence of the model; none for a model without images
    ``scores``    float64 [P, B] of the B models that this one fuses; NaN where there is none
    ``left_out``  patients who have nothing of what the model needs; they are not among the P
    """

    patients: pd.DataFrame
    clinical: np.ndarray
    images: tuple[Images, ...]
    scores: np.ndarray
    left_out: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 over everything a model can learn from (64 hexadecimal digits)."""
        sha = hashlib.sha256(repr(self.patients["patient"].tolist()).encode())
        for array in (
            self.clinical,
            self.scores,
            *(part for one in self.images for part in (one.values, one.patient_index)),
        ):
            sha.update(repr((array.dtype.str, array.shape)).encode())
            sha.update(np.ascontiguousarray(array).data)
        return sha.hexdigest()


def array_keys(spec: dict) -> list[str]:
    """Keys in ``samples.npz`` of what a model sees, in the order of its sequences; none for one without images."""
    return [f"{sequence}_{spec['region']}" for sequence in sequences_of(spec)]


def read_samples(
    manifests: Sequence[str | Path],
    spec: dict,
    patients: Sequence[str] | None = None,
    scores: Mapping[str, str | Path] | None = None,
    column: str = "score",
) -> Samples:
    """Read what the model ``spec`` (an entry of ``models`` in the config) needs.

    ``manifests`` are joined in the order given. With ``patients``, exactly these are read, in this order. Only the
    model's own arrays of each patient's ``samples.npz`` are loaded. For a model that fuses others, ``scores`` gives
    their prediction tables by name, and ``column`` the column of these. Patients who have none of the model's
    sequences, or none of the scores it fuses, are left out, which the log says.
    """
    table = manifest.read_patients(manifests, patients)
    arrays = {key: [read_patient(*row, key) for row in _places(table)] for key in array_keys(spec)}
    fused = read_scores(table, spec.get("fuse", []), scores or {}, column)
    parts = [*(np.array([len(array) > 0 for array in own]) for own in arrays.values()), *np.isfinite(fused).T]
    usable = np.any(parts, axis=0) if parts else np.ones(len(table), bool)
    left_out = table["patient"][~usable].tolist()
    if not usable.any():
        raise UserError(f"models: no patient has {_needs(spec)}")
    if left_out:
        log.info("%d of %d patients have no %s and are left out", len(left_out), len(table), _needs(spec))
    table = table[usable].reset_index(drop=True)
    images = [join(key, [own[row] for row in np.flatnonzero(usable)]) for key, own in arrays.items()]
    clinical = reading_values(table, spec) if "reading" in spec else clinical_values(table, spec.get("clinical", []))
    return Samples(table, clinical, tuple(images), fused[usable], tuple(left_out))


def _needs(spec: dict) -> str:
    """What a patient must have one of."""
    return " or ".join(array_keys(spec) or [f"score of '{name}'" for name in spec["fuse"]])


def _places(table: pd.DataFrame) -> list[tuple[str, Path]]:
    """Name and file of samples of every patient."""
    return [
        (name, Path(folder) / "samples.npz") for name, folder in zip(table["patient"], table["samples"], strict=True)
    ]


def read_folds(path: str | Path) -> pd.DataFrame:
    """The split as ``contracts.folds`` returns it; UserError unless a model can be trained for every fold."""
    split = folds.read(path)
    if split["fold"].nunique() < 2:
        raise UserError(f"{path}: at least two folds are needed to train and hold out")
    check_trainable(split, str(path), split["fold"].max() + 1)
    return split


def check_trainable(split: pd.DataFrame, source: str, number: int) -> None:
    """UserError when the patients outside one of the ``number`` folds do not have both lymph-node states."""
    for fold in range(number):
        if split["lnm"][split["fold"] != fold].nunique() < 2:
            raise UserError(
                f"{source}: without fold {fold} all patients have the same lymph-node status; use more folds"
            )


def folds_digest(split: pd.DataFrame) -> str:
    """SHA-256 of the split, whatever the order of its rows."""
    rows = sorted(zip(split["patient"], split["lnm"], split["fold"], strict=True))
    return hashlib.sha256(repr([tuple(map(str, row)) for row in rows]).encode()).hexdigest()


def clinical_values(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Clinical scalars float32 [P, K]; UserError for an unknown, non-numeric or missing one."""
    values = np.empty((len(table), len(columns)), np.float32)
    for k, column in enumerate(columns):
        if column not in table:
            raise UserError(f"models: the clinical variable '{column}' is not a column of the cohort manifest")
        numbers = numerals.numbers(table[column])
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


def read_scores(table: pd.DataFrame, names: Sequence[str], paths: Mapping[str, str | Path], column: str) -> np.ndarray:
    """Scores float64 [P, B] of the models ``names`` from their prediction tables; NaN where a model gave none."""
    scores = np.empty((len(table), len(names)))
    for k, name in enumerate(names):
        if name not in paths:
            raise UserError(f"models: the scores of '{name}' are fused but not given")
        found = predictions.read_column(paths[name], column)
        tables.some_patients(found.index, str(paths[name]), pd.Index(table["patient"]))
        scores[:, k] = found[table["patient"]]
    return scores


def read_patient(patient: str, path: Path, key: str) -> np.ndarray:
    """One patient's samples float32 [n, C, rows, columns], n = 0 without them; no other array of the file is read.

    UserError when they are damaged: the file holds a checksum of each array.
    """
    try:
        with np.load(path) as arrays:
            if key not in arrays.files:
                return np.empty((0, 0, 0, 0), np.float32)
            images = arrays[key].astype(np.float32, copy=False)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise UserError(
            f"patient '{patient}': {path} is damaged ({error}); "
            f"{batch_record.again(batch_record.record_of(path.parent))}"
        ) from None
    if not np.isfinite(images).all():
        raise UserError(f"patient '{patient}': samples '{key}' in {path} contain values that are not finite")
    return images


def join(key: str, arrays: Sequence[np.ndarray]) -> Images:
    """The samples of all patients as one array; patients without any are passed over."""
    shapes = {array.shape[1:] for array in arrays if len(array)}
    if not shapes:
        raise UserError(f"models: no patient has samples '{key}'")
    if len(shapes) > 1:
        raise UserError(f"samples '{key}' have different shapes: {sorted(shapes)}; run the sample step again for all")
    patient_index = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    return Images(key, np.concatenate([array for array in arrays if len(array)]), patient_index)


def standardization(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [K] of the columns of ``values`` [P, K]; 0 and 1 for a binary (0/1) column."""
    binary = np.isin(values, (0, 1)).all(axis=0)
    mean = np.where(binary, 0.0, values.mean(axis=0, dtype=np.float64))
    deviation = np.where(binary, 1.0, values.std(axis=0, dtype=np.float64))
    return mean, np.where(deviation > 0, deviation, 1.0)

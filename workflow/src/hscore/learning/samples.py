"""Read the input of a model: patients, clinical scalars, image samples and other models' scores.

torch is not imported here, because models without networks do not need it.
"""

import hashlib
import logging
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hscore import numerals
from hscore.contracts import batch_record, folds, manifest, predictions, sample_folder, tables
from hscore.contracts.json_file import rerun_hint
from hscore.errors import UserError
from hscore.metrics import logistic
from hscore.model_spec import sequences_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SequenceImages:
    """The N samples of one sequence and region, of all patients.

    Attributes:
        array_key: name of the array in ``samples.npz``: ``<sequence>_<region>``.
        pixels: float32 [N, sections, rows, columns], contiguous, in patient order.
        patient_index: int64 [N], sorted, the row of ``Samples.patients`` that a sample belongs to. A patient may have
            no sample.
    """

    array_key: str
    pixels: np.ndarray
    patient_index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (sections, rows, columns) of a sample."""
        return self.pixels.shape[1:]

    def indices_of(self, patients: np.ndarray) -> np.ndarray:
        """Return the indices of the samples of ``patients`` (rows), ascending."""
        return np.flatnonzero(np.isin(self.patient_index, patients))


@dataclass(frozen=True)
class Samples:
    """P patients and their input to a model.

    Attributes:
        patients: frame with P rows: patient, center, samples and the clinical columns.
        clinical: float32 [P, K], in the units of the table.
        images: one item per sequence of the model; empty for a model without images.
        fused_scores: float64 [P, B] of the B models that this one fuses; NaN for a missing score.
        excluded_patients: patients without any input of the model; they are not among the P.
    """

    patients: pd.DataFrame
    clinical: np.ndarray
    images: tuple[SequenceImages, ...]
    fused_scores: np.ndarray
    excluded_patients: tuple[str, ...] = ()

    def digest(self) -> str:
        """Return the SHA-256 over everything a model can learn from (64 hexadecimal digits)."""
        sha = hashlib.sha256(repr(self.patients["patient"].tolist()).encode())
        for array in (
            self.clinical,
            self.fused_scores,
            *(array for images in self.images for array in (images.pixels, images.patient_index)),
        ):
            sha.update(repr((array.dtype.str, array.shape)).encode())
            sha.update(np.ascontiguousarray(array).data)
        return sha.hexdigest()


def array_keys(spec: dict) -> list[str]:
    """Return the keys of a model's arrays in ``samples.npz``, in the order of its sequences."""
    return [f"{sequence}_{spec['region']}" for sequence in sequences_of(spec)]


def read_samples(
    manifests: Sequence[str | Path],
    spec: dict,
    patients: Sequence[str] | None = None,
    scores: Sequence[str | Path] = (),
    evaluation: str = predictions.EXTERNAL,
    member: int | None = None,
) -> Samples:
    """Read the input of a model.

    Only the model's own arrays of each patient's ``samples.npz`` are loaded. Patients with none of the model's
    sequences or fused scores are left out, and the log reports how many.

    Args:
        manifests: cohort manifests, joined in the order given.
        spec: the model's entry under ``models`` in the config.
        patients: read exactly these, in this order; all if None.
        scores: prediction tables of the models that this one fuses.
        evaluation: of the scores to fuse.
        member: fuse the external scores by the members trained without this fold, instead of those of ``evaluation``.

    Raises:
        UserError: a table or array is unusable, or no patient has any input of the model.
    """
    table = manifest.read_patients(manifests, patients)
    arrays = {key: [read_patient(*row, key) for row in _sample_files(table)] for key in array_keys(spec)}
    fused = read_scores(table, spec.get("fuse", []), scores, evaluation, member)
    available = [np.array([len(array) > 0 for array in sequence]) for sequence in arrays.values()]
    available += list(np.isfinite(fused).T)
    usable = np.any(available, axis=0) if available else np.ones(len(table), bool)
    excluded = table["patient"][~usable].tolist()
    if not usable.any():
        raise UserError(f"models: no patient has {_needs(spec)}")
    if excluded:
        log.info("%d of %d patients have no %s and are left out", len(excluded), len(table), _needs(spec))
    table = table[usable].reset_index(drop=True)
    images = [join_patients(key, [arrays[key][row] for row in np.flatnonzero(usable)]) for key in arrays]
    clinical = reading_values(table, spec) if "reading" in spec else clinical_values(table, spec.get("clinical", []))
    return Samples(table, clinical, tuple(images), fused[usable], tuple(excluded))


def _needs(spec: dict) -> str:
    """Return in words the inputs of which a patient must have at least one."""
    return " or ".join(array_keys(spec) or [f"score of '{name}'" for name in spec["fuse"]])


def _sample_files(table: pd.DataFrame) -> list[tuple[str, Path]]:
    """Return the name and the file of samples of every patient."""
    return [
        (name, Path(folder) / sample_folder.SAMPLES_FILE)
        for name, folder in zip(table["patient"], table["samples"], strict=True)
    ]


def read_folds(path: str | Path) -> pd.DataFrame:
    """Return the split as ``contracts.folds`` does.

    Raises:
        UserError: as ``contracts.folds.read``, or a model cannot be trained for every fold.
    """
    split = folds.read(path)
    if split["fold"].nunique() < 2:
        raise UserError(f"{path}: at least two folds are needed to train and hold out")
    check_trainable(split, str(path), split["fold"].max() + 1)
    return split


def check_trainable(split: pd.DataFrame, source: str, number: int) -> None:
    """Raise a UserError if the patients outside one of the ``number`` folds do not have both lymph-node statuses."""
    for fold in range(number):
        if split["lnm"][split["fold"] != fold].nunique() < 2:
            raise UserError(
                f"{source}: without fold {fold} all patients have the same lymph-node status; use more folds"
            )


def folds_digest(split: pd.DataFrame) -> str:
    """Return the SHA-256 of the split, independent of the order of its rows."""
    rows = sorted(zip(split["patient"], split["lnm"], split["fold"], strict=True))
    return hashlib.sha256(repr([tuple(map(str, row)) for row in rows]).encode()).hexdigest()


def clinical_values(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return the clinical scalars, float32 [P, K].

    Raises:
        UserError: a column is unknown, or a value is missing or not a number.
    """
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
    """Return a reading as 0 and 1, float32 [P, 1]: the column, or whether its term is one of ``positive``."""
    column = spec["reading"]
    if spec.get("positive") and column in table:
        known = table[column].notna()
        table = table.assign(**{column: table[column].isin(spec["positive"]).astype(float).where(known)})
    return clinical_values(table, [column])


def read_scores(
    table: pd.DataFrame, names: Sequence[str], paths: Sequence[str | Path], evaluation: str, member: int | None
) -> np.ndarray:
    """Scores float64 [P, B] of the models ``names`` from their prediction tables; NaN where a model gave none."""
    given = predictions.read(paths)
    scores = np.empty((len(table), len(names)))
    for k, name in enumerate(names):
        if name not in given.files:
            raise UserError(f"models: the scores of '{name}' are fused but not given")
        found = given.scores_of(name, evaluation) if member is None else given.member_scores_of(name, member)
        tables.some_patients(found.index, given.files[name], pd.Index(table["patient"]))
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
            f"patient '{patient}': {path} is damaged ({error}); {rerun_hint(batch_record.record_of(path.parent))}"
        ) from None
    if not np.isfinite(images).all():
        raise UserError(f"patient '{patient}': samples '{key}' in {path} contain values that are not finite")
    return images


def join_patients(key: str, arrays: Sequence[np.ndarray]) -> SequenceImages:
    """Join the samples of all patients, one array [n, C, rows, columns] per patient, n = 0 for a patient without any.

    Raises:
        UserError: no patient has samples, or their shapes differ.
    """
    shapes = {array.shape[1:] for array in arrays if len(array)}
    if not shapes:
        raise UserError(f"models: no patient has samples '{key}'")
    if len(shapes) > 1:
        raise UserError(f"samples '{key}' have different shapes: {sorted(shapes)}; run the sample step again for all")
    patient_index = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    return SequenceImages(key, np.concatenate([array for array in arrays if len(array)]), patient_index)


def standardization(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation [K] of the columns of ``values`` [P, K]; 0 and 1 for a binary (0/1) column."""
    binary = np.isin(values, (0, 1)).all(axis=0)
    mean = np.where(binary, 0.0, values.mean(axis=0, dtype=np.float64))
    deviation = np.where(binary, 1.0, values.std(axis=0, dtype=np.float64))
    rounding = logistic.ROUNDING * np.abs(values).max(axis=0, initial=0.0)
    return mean, np.where(deviation > rounding, deviation, 1.0)

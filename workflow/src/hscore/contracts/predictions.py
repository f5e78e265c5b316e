"""The scores of one model, from the predict step: a tidy table, one row per score.

The columns are the same for every model and cohort. ``evaluation`` is the kind of score:

- ``out_of_fold``: of a development patient, by the member that never saw the patient. ``fold`` is the patient's fold; a
  patient without known node status has none.
- ``apparent``: of a development patient with a fold, the mean over the members that saw the patient. ``fold`` is the
  patient's fold.
- ``external``: of a patient of another centre, the mean over all members.
- ``external_member``: the same by one member alone, the one trained without ``fold``.
- ``external_seed``: the same by the networks of one ``seed`` alone.

``fold`` and ``seed`` are empty where they do not apply. Scores are calibrated risks from 0 to 1. They are empty for a
patient who has nothing of what the model needs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import delimited, tables
from hscore.contracts.folds import FOLD
from hscore.contracts.tables import CENTER, PATIENT
from hscore.errors import UserError

MODEL, EVALUATION, SEED, SCORE = "model", "evaluation", "seed", "score"
COLUMNS = (PATIENT, CENTER, MODEL, EVALUATION, FOLD, SEED, SCORE)
OUT_OF_FOLD, APPARENT = "out_of_fold", "apparent"
EXTERNAL, EXTERNAL_MEMBER, EXTERNAL_SEED = "external", "external_member", "external_seed"
EVALUATIONS = (OUT_OF_FOLD, APPARENT, EXTERNAL, EXTERNAL_MEMBER, EXTERNAL_SEED)
PARTS = {EXTERNAL_MEMBER: FOLD, EXTERNAL_SEED: SEED}  # the column that numbers the scores of one patient


def rows(
    patients: pd.DataFrame,
    evaluation: str,
    scores: np.ndarray,
    fold: int | pd.Series | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """Return the rows of one evaluation, for ``write``.

    Args:
        patients: ``patient`` and ``center``.
        evaluation: one of ``EVALUATIONS``.
        scores: scores [patients], NaN for missing ones.
        fold: of the member, or of each patient.
        seed: of the networks.
    """
    numbers = {name: pd.Series(value, patients.index, dtype="Int64") for name, value in ((FOLD, fold), (SEED, seed))}
    return patients[[PATIENT, CENTER]].assign(**{EVALUATION: evaluation, **numbers, SCORE: scores})


def write(path: str | Path, model: str, scores: pd.DataFrame) -> None:
    """Write the scores of one model; ``scores`` consists of ``rows``."""
    tables.write(path, scores.assign(**{MODEL: model})[list(COLUMNS)])


@dataclass(frozen=True)
class Predictions:
    """The scores of several models, in the order of their files.

    Attributes:
        by_model: rows by model: ``COLUMNS``, with fold, seed and score as float64.
        files: path by model, for messages.
    """

    by_model: dict[str, pd.DataFrame]
    files: dict[str, str]

    def in_folds(self) -> "Predictions":
        """Return the scores without those of development patients without a fold, whose node status is not known."""
        kept = {
            model: table[(table[EVALUATION] != OUT_OF_FOLD) | table[FOLD].notna()]
            for model, table in self.by_model.items()
        }
        return replace(self, by_model=kept)

    def scores_of(self, model: str, evaluation: str) -> pd.Series:
        """Return the scores of one model by patient, float64; missing ones are NaN.

        Raises:
            UserError: there are no such scores.
        """
        return self._by_patient(model, self._rows(model, evaluation), evaluation)

    def member_scores_of(self, model: str, fold: int) -> pd.Series:
        """Return the external scores by the member without ``fold``; those of a reading, which has no members.

        Raises:
            UserError: there are no such scores.
        """
        members = self._rows(model, EXTERNAL_MEMBER)
        if members.empty:
            return self.scores_of(model, EXTERNAL)
        return self._by_patient(model, members[members[FOLD] == fold], f"{EXTERNAL_MEMBER} {fold}")

    def scores(self, evaluation: str, patients: pd.Index | None = None) -> pd.DataFrame:
        """Return the scores of one evaluation: one row per patient, one column per model.

        Args:
            evaluation: one of ``EVALUATIONS`` without parts.
            patients: the patients, in the order of the result. By default those of the first model.

        Raises:
            UserError: a table does not list exactly these patients, or a score is missing.
        """
        found = {model: self.scores_of(model, evaluation) for model in self.by_model}
        if patients is None:
            patients = next(iter(found.values())).index
        columns = {model: self._complete(model, scores, patients) for model, scores in found.items()}
        return pd.DataFrame(columns, patients)

    def parts(self, evaluation: str, patients: pd.Index) -> dict[str, np.ndarray]:
        """Return the scores by every member or seed of each model that has them, float64 [parts, patients].

        Args:
            evaluation: ``external_member`` or ``external_seed``.
            patients: as for ``scores``.

        Raises:
            UserError: as ``scores``.
        """
        found = {}
        for model in self.by_model:
            groups = self._rows(model, evaluation).groupby(PARTS[evaluation], sort=False)
            parts = [self._by_patient(model, part, f"{evaluation} {number:g}") for number, part in groups]
            if parts:
                found[model] = np.array([self._complete(model, part, patients) for part in parts])
        return found

    def _rows(self, model: str, evaluation: str) -> pd.DataFrame:
        if model not in self.by_model:
            raise UserError(
                f"{tables.source(self.files.values())} contains no scores of model '{model}'; "
                f"it contains those of {', '.join(self.files)}"
            )
        table = self.by_model[model]
        return table[table[EVALUATION] == evaluation]

    def _by_patient(self, model: str, table: pd.DataFrame, name: str) -> pd.Series:
        if table.empty:
            raise UserError(f"{self.files[model]} has no scores of evaluation '{name}'")
        return table.set_index(PATIENT)[SCORE].rename(name)

    def _complete(self, model: str, scores: pd.Series, patients: pd.Index) -> np.ndarray:
        tables.same_patients(scores.index, self.files[model], patients)
        return tables.complete(scores, self.files[model])[patients].to_numpy()


def read(paths: Iterable[str | Path]) -> Predictions:
    """Return the scores of one model per file.

    Raises:
        UserError: a file cannot be read, or has other columns or no rows; a value is not valid; a patient has two
            scores of one evaluation; a model is in two files.
    """
    by_model: dict[str, pd.DataFrame] = {}
    files: dict[str, str] = {}
    for path in paths:
        table = _read_table(str(path))
        model = table[MODEL].iloc[0]
        if model in files:
            raise UserError(f"{files[model]} and {path} both contain scores of model '{model}'")
        by_model[model], files[model] = table, str(path)
    return Predictions(by_model, files)


def _read_table(path: str) -> pd.DataFrame:
    """Return the checked rows of a file, indexed by the number of the row."""
    header, lines = delimited.read(path)
    if set(header) != set(COLUMNS):
        raise UserError(f"{path}: the columns must be {', '.join(COLUMNS)}; they are {', '.join(header)}")
    if not lines:
        raise UserError(f"{path} has no rows")
    cells = [[cell or np.nan for cell in line] for line in lines.values()]
    table = pd.DataFrame(cells, columns=header, index=pd.Index(list(lines), dtype=object, name="row"), dtype=object)
    numbers = {name: tables.whole_numbers(table, name, path, 0) for name in (FOLD, SEED)}
    table = table.assign(**numbers, **{SCORE: tables.numbers(table, SCORE, path, 0, 1)})
    _check(table, path)
    return table


def _check(table: pd.DataFrame, path: str) -> None:
    """Raise UserError, naming file, row and column, for the first value that is not valid."""
    part = table[EVALUATION].map(PARTS)
    number = table[FOLD].where(part == FOLD, table[SEED].where(part == SEED))
    repeated = table[[PATIENT, EVALUATION]].assign(number=number).duplicated()
    model = table[MODEL].iloc[0]
    for wrong, column, sentence in (
        (table[PATIENT].isna(), PATIENT, "it is empty"),
        (table[MODEL].isna(), MODEL, "it is empty"),
        (table[MODEL] != model, MODEL, f"it differs from '{model}'; a file contains the scores of one model"),
        (~table[EVALUATION].isin(EVALUATIONS), EVALUATION, f"it must be one of {', '.join(EVALUATIONS)}"),
        ((part == FOLD) & number.isna(), FOLD, "it is empty"),
        ((part == SEED) & number.isna(), SEED, "it is empty"),
        (repeated, PATIENT, "this patient already has a score of this evaluation"),
    ):
        if wrong.any():
            raise UserError(f"{path}, row {wrong.idxmax()}, column {column}: {sentence}")

"""The scores of one model, from the predict step: of the development patients, or of those of external centres.

Development: ``fold``, ``out_of_fold`` (by the member that never saw the patient) and ``apparent`` (mean of the others).
A patient without known node status has no fold and no apparent score. External: ``score``, and the scores whose mean it
is, ``fold_0`` and so on; ``seed_1`` and so on are the scores of the networks of one seed alone. All scores are from 0
to 1, and empty for a patient who has nothing of what the model needs.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import tables
from hscore.contracts.folds import FOLD
from hscore.contracts.tables import CENTER, PATIENT
from hscore.errors import UserError

OUT_OF_FOLD, APPARENT = "out_of_fold", "apparent"
SCORE = "score"
MEMBER, SEED = "fold_", "seed_"  # before the number


def member(fold: int) -> str:
    """Return the column of the scores by the member trained without a fold."""
    return f"{MEMBER}{fold}"


def seed(number: int | str) -> str:
    """Return the column of the scores by the networks of one seed."""
    return f"{SEED}{number}"


def write(path: str | Path, scores: pd.DataFrame) -> None:
    """Write the scores of one model: ``patient``, and as far as known ``center``, ``fold`` and scores.

    Raises:
        ValueError: the table has no patients, no scores, or a column that ``read`` does not know.
    """
    unknown = [name for name in scores if name not in (PATIENT, CENTER, FOLD) and not _is_score(name)]
    if unknown or PATIENT not in scores or not any(map(_is_score, scores)):
        raise ValueError(f"not a table of scores: its columns are {', '.join(scores)}")
    tables.write(path, scores)


def read(path: str | Path, *columns: str) -> pd.DataFrame:
    """Return all columns of scores, and ``fold`` if any, by patient, as float64; missing values are NaN.

    Args:
        path: the table, a CSV file.
        *columns: columns that it must have.

    Raises:
        UserError: as ``tables.read``; a score is not from 0 to 1; a fold is not a whole number.
    """
    table, source = tables.read(path, columns), str(path)
    fold = {FOLD: tables.whole_numbers(table, FOLD, source, 0)} if FOLD in table else {}
    return pd.DataFrame(fold | {name: tables.numbers(table, name, source, 0, 1) for name in filter(_is_score, table)})


def _is_score(column: str) -> bool:
    return column in (OUT_OF_FOLD, APPARENT, SCORE) or column.startswith((MEMBER, SEED))


def read_column(path: str | Path, column: str) -> pd.Series:
    """Return one column of scores by patient, or ``score`` for a reading, which has one score for all folds.

    Raises:
        UserError: as ``read``, or the table has neither of both.
    """
    scores = read(path)
    for name in (column, SCORE):
        if name in scores:
            return scores[name]
    raise UserError(f"{path} has no column '{column}'; its columns are {', '.join(scores)}")


def in_folds(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores without development patients without a fold, whose node status is not known."""
    return scores[scores[FOLD].notna()] if FOLD in scores else scores


def of_patients(scores: pd.DataFrame, column: str, source: str, patients: pd.Index) -> np.ndarray:
    """Return one column of scores in the order of ``patients``, float64 [patients].

    Raises:
        UserError: the table does not list exactly these patients, or a score is missing; ``source`` is its name.
    """
    tables.same_patients(scores.index, source, patients)
    return tables.complete(scores[column], source)[patients].to_numpy()

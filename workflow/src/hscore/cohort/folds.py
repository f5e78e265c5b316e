"""Assign the development patients to folds."""

import numpy as np
import pandas as pd

from hscore.errors import UserError


def stratified_folds(patients: pd.DataFrame, folds: int, seed: int) -> pd.DataFrame:
    """Assign patients to folds that are balanced by centre and node status.

    Within each stratum (centre and node status) the patients are shuffled and dealt out one by one. The next stratum
    continues with the following fold. Any two folds therefore differ by at most one patient, and so do their numbers of
    positives, of negatives, and of each stratum, however small.

    A patient's fold depends on the seed and on the other patients of the cohort. It does not depend on the order of the
    rows or of the centres' tables: strata and patients are sorted by name first, and each stratum has its own random
    stream. scikit-learn's ``StratifiedKFold`` balances the strata as well, but depends on the order of the rows and
    warns of strata smaller than the number of folds.

    Args:
        patients: one row per patient (columns patient, center, lnm 0/1).
        folds: number of folds.
        seed: seed of the random streams.

    Returns:
        Columns patient, center, lnm, fold (0..``folds``-1), sorted by centre and patient.

    Raises:
        UserError: fewer positive or fewer negative patients than folds.
    """
    for status, name in ((1, "with"), (0, "without")):
        n = int((patients["lnm"] == status).sum())
        if n < folds:
            raise UserError(
                f"split.folds: {folds} folds need at least {folds} development patients {name} lymph-node metastasis, "
                f"there {'is' if n == 1 else 'are'} {n}; use fewer folds or add patients"
            )
    dealt = []
    start = 0
    for (status, center), stratum in patients.groupby(["lnm", "center"], sort=True):
        names = np.sort(stratum["patient"].to_numpy(str))
        order = np.random.default_rng([seed, int(status), *center.encode()]).permutation(len(names))
        dealt.append(
            pd.DataFrame(
                {
                    "patient": names[order],
                    "center": center,
                    "lnm": int(status),
                    "fold": (start + np.arange(len(names))) % folds,
                }
            )
        )
        start += len(names)
    return pd.concat(dealt).sort_values(["center", "patient"], ignore_index=True)


def by_center(patients: pd.DataFrame) -> pd.DataFrame:
    """Make each centre one fold, so that it is held out once as a whole.

    Args:
        patients: one row per patient (columns patient, center, lnm).

    Returns:
        Columns patient, center, lnm, fold (numbered by centre name), sorted by centre and patient.

    Raises:
        UserError: there is only one centre.
    """
    centers = sorted(patients["center"].unique())
    if len(centers) < 2:
        raise UserError(f"leave_one_center_out needs two development centres or more, there is only '{centers[0]}'")
    folds = patients.assign(fold=patients["center"].map(centers.index))
    return folds[["patient", "center", "lnm", "fold"]].sort_values(["center", "patient"], ignore_index=True)

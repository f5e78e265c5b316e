"""Compute the rows of ``history.csv``, the learning curves: loss and AUC of every member after every epoch."""

import numpy as np

from hscore.contracts.model_folder import HISTORY_COLUMNS
from hscore.metrics.log_loss import log_loss
from hscore.metrics.ranking import auc


def new_row(seed: int | None, fold: int, epoch: int, loss: float) -> dict:
    """Return a row of ``history.csv`` for one member after one epoch, with None in every column not given.

    Columns ``inner_*`` are about the patients set aside for early stopping, ``held_out_*`` about those of the fold.

    Args:
        seed: of the member; None for a model that has none.
        fold: that the member was trained without.
        epoch: counted from 1.
        loss: mean training loss of the epoch.
    """
    return dict.fromkeys(HISTORY_COLUMNS) | {"seed": seed, "fold": fold, "epoch": epoch, "loss": loss}


def evaluation_columns(name: str, scores: np.ndarray, labels: np.ndarray) -> dict:
    """Return the mean log loss and AUC of some patients as columns ``<name>_loss`` and ``<name>_auc``.

    Args:
        name: of the patients: ``training``, ``inner`` or ``held_out``.
        scores: probabilities [P]; patients without a score (NaN) are left out.
        labels: node status [P], 0 or 1.

    Returns:
        The two columns; empty if no patient has a score. The AUC is None if all have the same status.
    """
    known = np.isfinite(scores)
    if not known.any():
        return {}
    return {
        f"{name}_loss": log_loss(labels[known], scores[known]),
        f"{name}_auc": auc(labels[known], scores[known]),
    }

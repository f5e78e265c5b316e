"""The course of a training, ``history.csv``: loss and AUC of every member after every epoch."""

import numpy as np

from hscore.contracts.model_folder import HISTORY_COLUMNS
from hscore.metrics.log_loss import log_loss
from hscore.metrics.ranking import auc


def row(seed: int | None, fold: int, epoch: int, loss: float) -> dict:
    """One row of ``history.csv``, of one member after one epoch: mean loss and AUC in training; the rate and the time.

    ``inner``: patients set aside for early stopping; ``held_out``: those of the fold. None where not looked at.
    """
    return dict.fromkeys(HISTORY_COLUMNS) | {"seed": seed, "fold": fold, "epoch": epoch, "loss": loss}


def scored(name: str, scores: np.ndarray, labels: np.ndarray) -> dict:
    """Columns of ``history.csv`` about patients not trained on, ``inner`` or ``held_out``: mean log loss and AUC.

    Those without a score (NaN) do not count; nothing where there is nobody.
    """
    known = np.isfinite(scores)
    if not known.any():
        return {}
    return {
        f"{name}_loss": log_loss(labels[known], scores[known]),
        f"{name}_auc": auc(labels[known], scores[known]),
    }

"""Compute the rows of ``history.csv``, the learning curves: loss and AUC of every member after every epoch."""

import logging
from collections.abc import Sequence

import numpy as np

from hscore.contracts.model_folder import HISTORY_COLUMNS
from hscore.metrics.log_loss import log_loss
from hscore.metrics.ranking import auc

log = logging.getLogger(__name__)


def new_row(seed: int | None, fold: int, epoch: int, loss: float) -> dict:
    """Return a row of ``history.csv`` for one member after one epoch, with None in every column not given.

    Columns ``inner_*`` are about the patients set aside for early stopping, ``held_out_*`` about those of the fold;
    ``held_out_gain`` is that of ``held_out_gain``.

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


def held_out_gain(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, prevalence: float) -> dict:
    """Return, as column ``held_out_gain``, how much better the scores of held-out patients are than the prevalence.

    It is 1 - loss / loss of the prevalence: 1 for perfect scores, 0 or less for scores that say nothing. Both losses,
    and the prevalence, are weighted as in training. (With classes of equal weight, a network's probabilities are about
    0.5 on average, and an unweighted loss would not be comparable with any prevalence.)

    Args:
        scores: probabilities [P]; patients without a score (NaN) are left out.
        labels: node status [P], 0 or 1.
        weights: of the patients' losses [P].
        prevalence: share of positive training patients, weighted as in training.

    Returns:
        The column; empty if no patient has a score.
    """
    known = np.isfinite(scores)
    if not known.any():
        return {}
    loss, of_prevalence = (
        log_loss(labels[known], risk, weights[known]) for risk in (scores[known], np.full(known.sum(), prevalence))
    )
    return {"held_out_gain": 1 - loss / of_prevalence}


def has_learned(name: str, rows: Sequence[dict]) -> bool:
    """Return whether the gain, as a mean over the members, is above 0 after at least one epoch; warn in the log if not.

    Args:
        name: of the model.
        rows: of all members, as of ``new_row``.
    """
    gains: dict[int, list[float]] = {}
    for row in rows:
        if row["held_out_gain"] is not None:
            gains.setdefault(row["epoch"], []).append(row["held_out_gain"])
    learned = any(np.mean(values) > 0 for values in gains.values())
    if not learned:
        log.warning("%s has not learned: its loss on held-out patients was never below that of the prevalence", name)
    return learned

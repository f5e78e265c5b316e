"""Which patients stand for the others: typical right calls and the worst wrong ones."""

import numpy as np


def typical_and_worst(positive: np.ndarray, score: np.ndarray, cut: float, most: int) -> dict[str, list[int]]:
    """Places of patients by kind of call; a score of at least ``cut`` is a positive call.

    Args:
        positive: reference standard, bool [n].
        score: float [n].
        most: how many wrong calls of each kind.

    Returns:
        ``true_positive`` and ``true_negative``: the patient with the (lower) median score among those called so, no
        matter how good a picture it makes; ``false_negative``: the lowest scores first; ``false_positive``: the highest
        first. A kind that does not occur is an empty list. Equal scores keep the order of the patients.
    """
    called = score >= cut
    order = np.argsort(score, kind="stable")

    def ordered(members: np.ndarray) -> np.ndarray:
        return order[members[order]]

    typical = {"true_positive": positive & called, "true_negative": ~positive & ~called}
    found = {kind: _median(ordered(members)) for kind, members in typical.items()}
    found["false_negative"] = ordered(positive & ~called)[:most].tolist()
    highest = np.argsort(-score, kind="stable")
    found["false_positive"] = highest[(~positive & called)[highest]][:most].tolist()
    return found


def _median(ordered: np.ndarray) -> list[int]:
    return [int(ordered[(len(ordered) - 1) // 2])] if len(ordered) else []

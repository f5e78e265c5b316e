"""Tabulate the AUC of every model in each centre that was held out as a whole, and in all of them together."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import folds, tables
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import discrimination, selection
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores and outcomes, describe, write."""
    split = folds.read(arguments.folds)
    evaluation, _ = scored_cohorts.read_development(arguments.predictions, split)
    center, confidence = split["center"].to_numpy(), arguments.settings["confidence"]
    rows = []
    for model in evaluation.scores:
        for name in np.unique(center):
            row = described(evaluation, model, center == name, confidence, folds=None)
            rows.append({"model": model, "held_out": name, **row})
        together = described(evaluation, model, np.ones(len(center), bool), confidence, evaluation.overlap(model))
        rows.append({"model": model, "held_out": "all", **together})
    tables.write(arguments.output, pd.DataFrame(rows))


def described(
    evaluation: scored_cohorts.ScoredCohort, model: str, part: np.ndarray, confidence: float, folds: int | None
) -> dict:
    """Return numbers of patients and the AUC with its interval, for the scored patients of a part.

    Args:
        evaluation: outcome and scores.
        model: name of the model.
        part: which patients, bool [n].
        confidence: level of the interval, 0..1.
        folds: number of members that scored them, None for one or for a model without training.
    """
    restricted = scored_cohorts.ScoredCohort(evaluation.y_true[part], {model: evaluation.scores[model][part]})
    y_true, (scores,) = selection.scored_by_all(restricted, model)
    interval = discrimination.auc_interval(y_true, scores, confidence, folds=folds)
    numbers = {"n": y_true.size, "positives": int(y_true.sum())}
    return numbers | {f"auc_{key}": interval.get(key) for key in ("estimate", "low", "high", "method", "why")}


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("describe_held_out_centers", __doc__)
    add = parser.add_argument
    add("--predictions", type=Path, nargs="+", required=True, help="scores by the other centres, one CSV per model")
    add("--folds", type=Path, required=True, help="patients with center and lnm, CSV")
    add("--settings", type=_cli.settings, required=True, help='{"confidence": 0.95}, JSON')
    add("--output", type=Path, required=True, help="table to write, CSV")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

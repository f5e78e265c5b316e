"""Summarise what the nested search chose, and compare the whole procedure with the configured settings."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from hscore.contracts import folds
from hscore.errors import UserError
from hscore.files import read_json, write_json
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import discrimination, selection
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Join the parts, compare with the model's own out-of-fold scores, write."""
    parts = [read_json(path) for path in arguments.parts]
    split = folds.read(arguments.folds)
    searched = {patient: score for part in parts for patient, score in part["scores"].items()}
    if unknown := searched.keys() - set(split["patient"]):
        raise UserError(f"{arguments.folds} has no patient '{min(unknown)}', whom the search scored")
    scores = np.array([searched.get(patient, np.nan) for patient in split["patient"]])
    configured, _ = scored_cohorts.read_development([arguments.predictions], split)
    evaluation = replace(configured, scores=configured.scores | {"searched": scores})
    confidence, model = arguments.settings["confidence"], parts[0]["model"]
    names = ("searched", model)
    y_true, pair = selection.scored_by_all(evaluation, *names)
    searched_interval, configured_interval = (
        discrimination.auc_interval(y_true, values, confidence, folds=evaluation.overlap(name))
        for name, values in zip(names, pair, strict=True)
    )
    content = {
        "model": model,
        "recommended": next(part["chosen"] for part in parts if part["held_out"] is None),
        "folds": [{key: part[key] for key in ("held_out", "chosen", "tried")} for part in parts],
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        "searched": searched_interval,
        "configured": configured_interval,
        "searched_minus_configured": discrimination.compare(y_true, *pair, confidence, evaluation.overlap(*names)),
        "note": "out-of-fold; 'searched' is the whole procedure with one seed, 'configured' the settings of the study",
    }
    write_json(arguments.output, content)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("summarize_search", __doc__)
    add = parser.add_argument
    add("--parts", type=Path, nargs="+", required=True, help="what the searches wrote, JSON")
    add("--predictions", type=Path, required=True, help="development scores of the same model, CSV")
    add("--folds", type=Path, required=True, help="development patients with lnm and fold, CSV")
    add("--settings", type=_cli.settings, required=True, help='{"confidence": 0.95}, JSON')
    add("--output", type=Path, required=True, help="the summary, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

"""Compare the hazard ratio of a simulated study with the planted one and the one expected for its groups."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.contracts import center_truth, predictions, result_parts
from hscore.recovery import hazard_ratios
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores, survival analysis and truths; compare; write."""
    scores = {
        name: _scores(path, evaluation)
        for name, path, evaluation in (
            ("external", arguments.external, predictions.EXTERNAL),
            ("development", arguments.development, predictions.OUT_OF_FOLD),
        )
        if path
    }
    truths = [center_truth.read(path) for path in arguments.truths]
    survival = result_parts.read(arguments.survival, result_parts.Survival)
    result_parts.write(arguments.output, hazard_ratios.compare(survival, scores, truths, arguments.confidence))


def _scores(path: Path, evaluation: str) -> pd.Series:
    return predictions.read([path]).scores(evaluation).squeeze("columns")


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("compare_hazard_ratios", __doc__)
    add = parser.add_argument
    add("--development", type=Path, nargs="?", help="development scores of the H-score model, CSV")
    add("--external", type=Path, nargs="?", help="external scores of the H-score model, CSV")
    add("--survival", type=Path, required=True, help="survival, JSON")
    add("--truths", type=Path, nargs="+", required=True, help="planted truths of all centres, JSON")
    add("--confidence", type=float, required=True, help="confidence level of the survival analysis")
    add("--output", type=Path, required=True, help="the hazard ratios, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

"""Tabulate the AUC of every model in each centre that was held out as a whole, and in all of them together."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.contracts import folds, tables
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import held_out_centers
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores and outcomes, describe, write."""
    split = folds.read(arguments.folds)
    development, _ = scored_cohorts.read_development(arguments.predictions, split)
    rows = held_out_centers.describe(development, split["center"].to_numpy(), arguments.settings["confidence"])
    tables.write(arguments.output, pd.DataFrame(rows))


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

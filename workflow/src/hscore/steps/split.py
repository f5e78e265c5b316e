"""Divide the development patients into folds: at random, stratified by centre and node status, or centre by centre."""

import argparse
from pathlib import Path

from hscore.cohort import folds
from hscore.cohort.table import read_with_lnm, with_known_nodes
from hscore.contracts.folds import write as write_folds
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("split", __doc__)
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="of the development centres")
    parser.add_argument("--lnm", required=True, nargs="+", type=Path, help="their lnm.csv, in the same order")
    parser.add_argument("--by-center", action="store_true", help="one fold per centre, instead of random folds")
    parser.add_argument("--settings", type=_cli.settings, help="section split of the config; for random folds")
    parser.add_argument("--seed", type=int, help="seed of the study; for random folds")
    parser.add_argument("--output", required=True, type=Path, help="table to write (CSV)")
    arguments = parser.parse_args(argv)
    if not arguments.by_center and (arguments.settings is None or arguments.seed is None):
        parser.error("random folds need --settings and --seed")
    _cli.run(work, arguments)


def work(arguments: argparse.Namespace) -> None:
    """Read, divide, write."""
    patients = with_known_nodes(read_with_lnm(arguments.manifests, arguments.lnm))
    if arguments.by_center:
        assigned = folds.by_center(patients)
    else:
        assigned = folds.stratified_folds(patients, arguments.settings["folds"], arguments.seed)
    write_folds(arguments.output, assigned)


if __name__ == "__main__":
    main()

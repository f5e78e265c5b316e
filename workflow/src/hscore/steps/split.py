"""Deal the development patients into folds, stratified by centre and node status."""

import argparse
from pathlib import Path

from hscore.cohort import folds
from hscore.cohort.table import read_with_lnm
from hscore.files import new_file
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("split", __doc__)
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="of the development centres")
    parser.add_argument("--lnm", required=True, nargs="+", type=Path, help="their lnm.csv, in the same order")
    parser.add_argument("--settings", required=True, type=_program.settings, help="section split of the config")
    parser.add_argument("--seed", required=True, type=int, help="seed of the study")
    parser.add_argument("--output", required=True, type=Path, help="table to write (CSV)")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    patients = read_with_lnm(arguments.manifests, arguments.lnm)
    dealt = folds.deal(patients, arguments.settings["folds"], arguments.seed)
    with new_file(arguments.output) as path:
        dealt.to_csv(path, index=False)


if __name__ == "__main__":
    main()

"""Describe the cohorts (Table 1): the patients by role of their centre and node status."""

import argparse
from pathlib import Path

from hscore.cohort import description
from hscore.cohort.table import read_with_lnm
from hscore.contracts import result_parts
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("describe_cohorts", __doc__)
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="of all centres")
    parser.add_argument("--lnm", required=True, nargs="+", type=Path, help="their lnm.csv, in the same order")
    parser.add_argument("--roles", required=True, nargs="+", choices=("development", "external"), help="likewise")
    parser.add_argument("--output", required=True, type=Path, help="numbers of Table 1 to write (JSON)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, describe, write."""
    patients = read_with_lnm(arguments.manifests, arguments.lnm, cohort=arguments.roles)
    result_parts.write(arguments.output, description.describe(patients))


if __name__ == "__main__":
    main()

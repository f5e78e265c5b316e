"""Write one outcome of a centre's included or excluded patients into a separate file."""

import argparse
from pathlib import Path

from hscore.cohort.table import read_table
from hscore.contracts import manifest, outcomes
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("write_outcome", __doc__)
    parser.add_argument("--center", required=True, help="name of the centre")
    parser.add_argument("--table", required=True, type=Path, help="its clinical table (CSV)")
    parser.add_argument("--manifest", required=True, type=Path, help="its patients, included or excluded")
    parser.add_argument("--kind", required=True, choices=tuple(outcomes.COLUMNS), help="which outcome")
    parser.add_argument("--output", required=True, type=Path, help="table to write (CSV); missing stays empty")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read the table, select patients and columns, write."""
    table = read_table(arguments.table, arguments.center).set_index("patient")
    patients = manifest.read(arguments.manifest)["patient"]
    outcomes.write(arguments.output, arguments.kind, table.loc[patients].reset_index())


if __name__ == "__main__":
    main()

"""Write one outcome of a centre's included or excluded patients into a separate file."""

import argparse
from pathlib import Path

from hscore import numerals
from hscore.cohort.table import OUTCOMES, read_manifest, read_table
from hscore.files import new_file
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _program.parser("outcomes", __doc__)
    parser.add_argument("--center", required=True, help="name of the centre")
    parser.add_argument("--table", required=True, type=Path, help="its clinical table (CSV)")
    parser.add_argument("--manifest", required=True, type=Path, help="its patients, included or excluded")
    parser.add_argument("--kind", required=True, choices=tuple(OUTCOMES), help="which outcome")
    parser.add_argument("--output", required=True, type=Path, help="table to write (CSV); missing stays empty")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read the table, select patients and columns, write."""
    table = read_table(arguments.table, arguments.center).set_index("patient")
    patients = read_manifest(arguments.manifest)["patient"]
    outcome = table.loc[patients, list(OUTCOMES[arguments.kind])]
    with new_file(arguments.output) as path:
        outcome.to_csv(path, float_format=numerals.text)


if __name__ == "__main__":
    main()

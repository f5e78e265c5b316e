"""Write the table of every series that a centre delivered, with its use or the reason for leaving it out."""

from argparse import Namespace
from pathlib import Path

from hscore.contracts import batch_record
from hscore.contracts.inventory import write as write_inventory
from hscore.imaging.convert import inventory
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("write_inventory", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, nargs="+", help="records of the convert step")
    parser.add_argument("--output", required=True, type=Path, help="table to write (TSV)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, write."""
    folders = batch_record.read(arguments.nifti).values()
    write_inventory(arguments.output, [row for folder in folders for row in inventory.rows(folder)])


if __name__ == "__main__":
    main()

"""Write the table of every series that a centre delivered, with its use or the reason for leaving it out."""

from argparse import Namespace
from pathlib import Path

from hscore import batch
from hscore.files import new_file
from hscore.imaging.convert import inventory
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _program.parser("inventory", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, nargs="+", help="records of the convert step")
    parser.add_argument("--output", required=True, type=Path, help="table to write (TSV)")
    _program.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, write."""
    with new_file(arguments.output) as path, path.open("w", encoding="utf-8", newline="") as file:
        inventory.write(list(batch.read(arguments.nifti).values()), file)


if __name__ == "__main__":
    main()

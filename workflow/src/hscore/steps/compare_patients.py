"""Find patients, in one centre or in two, who share an examination or images."""

import logging
from argparse import Namespace
from pathlib import Path

from hscore.contracts import batch_record, same_patients
from hscore.imaging.convert import inventory
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("compare_patients", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, nargs="+", help="records of the convert step, all centres")
    parser.add_argument("--output", required=True, type=Path, help="groups of patients to write (JSON)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, compare, write; log a warning for every group."""
    groups = inventory.same_patients(list(batch_record.read(arguments.nifti).values()))
    for group in groups:
        names = ", ".join(f"{member['patient']} ({member['center']})" for member in group["patients"])
        logging.warning("same %s: %s", ", ".join(group["same"]), names)
    same_patients.write(arguments.output, groups)


if __name__ == "__main__":
    main()

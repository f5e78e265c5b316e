"""Step ``compare_patients``: who, in one centre or in two, has the same examination or images as somebody else."""

import logging
from argparse import Namespace
from pathlib import Path

from hscore import batch
from hscore.files import write_json
from hscore.imaging.convert import inventory
from hscore.status import NOTES
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    """Command line of the step."""
    parser = _program.parser("compare_patients", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, nargs="+", help="records of the convert step, all centres")
    parser.add_argument("--output", required=True, type=Path, help="groups of patients to write (JSON)")
    _program.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, compare, write; every group is a warning in the log."""
    groups = inventory.same_patients(list(batch.read(arguments.nifti).values()))
    for group in groups:
        names = ", ".join(f"{one['patient']} ({one['center']})" for one in group["patients"])
        logging.warning("same %s: %s", ", ".join(group["same"]), names)
    write_json(arguments.output, {"code": "patient_twice", "label": NOTES["patient_twice"], "groups": groups})


if __name__ == "__main__":
    main()

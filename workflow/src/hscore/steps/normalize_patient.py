"""Correct the coil's bias field and normalise the intensity of each usable sequence of the patients of a batch."""

import argparse
from pathlib import Path

from hscore import batch
from hscore.contracts import batch_record
from hscore.contracts.status import Status
from hscore.files import new_folder
from hscore.imaging.normalize import normalize_patient
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("normalize_patient", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, help="record of the convert step")
    parser.add_argument("--settings", required=True, type=_cli.settings, help="section normalize of the config")
    parser.add_argument(
        "--output", required=True, type=Path, help="record to write; patients' folders are written next to its folder"
    )
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, normalise patient by patient, write."""
    converted = batch_record.read([arguments.nifti])
    folders = batch.folders(arguments.output, converted)

    def normalize(patient: str) -> None:
        status = Status.read(converted[patient]).next("normalize")
        with new_folder(folders[patient]) as folder:
            normalize_patient.normalize_patient(status, converted[patient], folder, arguments.settings)
            status.write(folder)

    batch.work_through(converted, normalize, arguments.output)
    batch_record.write(arguments.output, folders)


if __name__ == "__main__":
    main()

"""Cut the tumour box and the grown box out of adjacent sections of each usable sequence, patient by patient."""

import argparse
from pathlib import Path

from hscore import batch
from hscore.contracts import batch_record
from hscore.contracts.status import Status
from hscore.files import new_folder
from hscore.imaging.sample import sample_patient
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("sample_patient", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, help="record of the convert step (masks)")
    parser.add_argument("--normalized", required=True, type=Path, help="record of the normalize step")
    parser.add_argument("--settings", required=True, type=_cli.settings, help="section sample of the config")
    parser.add_argument(
        "--output", required=True, type=Path, help="record to write; patients' folders are written next to its folder"
    )
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, sample patient by patient, write."""
    converted, normalized = batch_record.read([arguments.nifti]), batch_record.read([arguments.normalized])
    folders = batch.folders(arguments.output, normalized)

    def sample(patient: str) -> None:
        status = Status.read(normalized[patient]).next("sample")
        with new_folder(folders[patient]) as folder:
            sample_patient.sample_patient(status, converted[patient], normalized[patient], folder, arguments.settings)
            status.write(folder)

    batch.work_through(normalized, sample, arguments.output)
    batch_record.write(arguments.output, folders)


if __name__ == "__main__":
    main()

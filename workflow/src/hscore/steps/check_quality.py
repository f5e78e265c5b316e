"""Measure image quality and draw a montage, patient by patient."""

from argparse import Namespace
from pathlib import Path

from hscore import batch
from hscore.contracts import batch_record
from hscore.contracts.status import Status
from hscore.files import new_folder
from hscore.imaging.quality.check_patient import check_patient
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("check_quality", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, help="record of the convert step")
    parser.add_argument("--normalized", required=True, type=Path, help="record of the normalize step")
    parser.add_argument("--samples", required=True, type=Path, help="record of the sample step")
    parser.add_argument("--sequences", required=True, nargs="+", help="all sequences, in the order they are shown")
    parser.add_argument(
        "--output", required=True, type=Path, help="record to write; patients' folders are written next to its folder"
    )
    _cli.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, check patient by patient, write."""
    converted, normalized, sampled = (
        batch_record.read([record]) for record in (arguments.nifti, arguments.normalized, arguments.samples)
    )
    folders = batch.folders(arguments.output, sampled)

    def check(patient: str) -> None:
        status, sources = (
            Status.read(sampled[patient]),
            (records[patient] for records in (converted, normalized, sampled)),
        )
        with new_folder(folders[patient]) as folder:
            check_patient(status, arguments.sequences, *sources, folder)

    batch.work_through(sampled, check, arguments.output)
    batch_record.write(arguments.output, folders)


if __name__ == "__main__":
    main()

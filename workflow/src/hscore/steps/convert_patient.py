"""Convert patients' folders of DICOM files to NIfTI volumes, an ADC map and masks of the region of interest."""

from argparse import Namespace
from pathlib import Path

from hscore import batch
from hscore.contracts import batch_record
from hscore.files import new_folder
from hscore.imaging.convert.convert_patient import convert_patient
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("convert_patient", __doc__)
    parser.add_argument("--patients", required=True, nargs="+", help="the patients' names in the clinical table")
    parser.add_argument("--center", required=True, help="the centre's name")
    parser.add_argument("--images", required=True, type=Path, help="folder with one subfolder per patient")
    parser.add_argument("--simulated", nargs="*", default=[], type=Path, help="record of simulated images, if they are")
    parser.add_argument(
        "--settings", required=True, type=_cli.settings, help="section 'convert' of the config, as JSON"
    )
    parser.add_argument("--study", default="", help="the study's name, the salt of hashes")
    parser.add_argument(
        "--output", required=True, type=Path, help="record to write; patients' folders are written next to its folder"
    )
    _cli.run(_convert, parser.parse_args(argv))


def _convert(arguments: Namespace) -> None:
    # fails if a simulated folder is missing; folders of real patients may be missing
    batch_record.read(arguments.simulated)
    folders = batch.folders(arguments.output, arguments.patients)

    def convert(patient: str) -> None:
        images = arguments.images / patient
        with new_folder(folders[patient]) as folder:
            convert_patient(patient, arguments.center, images, arguments.settings, folder, arguments.study)

    batch.work_through(arguments.patients, convert, arguments.output)
    batch_record.write(arguments.output, folders)


if __name__ == "__main__":
    main()

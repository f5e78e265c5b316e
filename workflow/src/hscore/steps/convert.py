"""Step ``convert``: one patient's folder of DICOM files to NIfTI volumes, an ADC map and masks of the ROI."""

from argparse import Namespace
from pathlib import Path

from hscore.files import new_folder
from hscore.imaging.intake import convert_patient
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    """Command line of the step."""
    parser = _program.parser("convert", __doc__)
    parser.add_argument("--patient", required=True, help="the patient's name in the clinical table")
    parser.add_argument("--center", required=True, help="the centre's name")
    parser.add_argument(
        "--images", required=True, type=Path, help="the patient's folder, of any structure; may be missing"
    )
    parser.add_argument(
        "--settings", required=True, type=_program.settings, help="section 'convert' of the config, as JSON"
    )
    parser.add_argument("--study", default="", help="the study's name, the salt of hashes")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    _program.run(_convert, parser.parse_args(argv))


def _convert(arguments: Namespace) -> None:
    with new_folder(arguments.output) as folder:
        convert_patient(
            arguments.patient, arguments.center, arguments.images, arguments.settings, folder, arguments.study
        )


if __name__ == "__main__":
    main()

"""Step ``quality``: one patient's numbers of image quality and a picture for the eye."""

from argparse import Namespace
from pathlib import Path

from hscore.files import new_folder
from hscore.imaging.quality_patient import check_patient
from hscore.status import Status
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    """Command line of the step."""
    parser = _program.parser("quality", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, help="the patient's folder of the convert step")
    parser.add_argument("--normalized", required=True, type=Path, help="the patient's folder of the normalize step")
    parser.add_argument("--samples", required=True, type=Path, help="the patient's folder of the sample step")
    parser.add_argument("--sequences", required=True, nargs="+", help="all sequences, in the order they are shown")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    _program.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, call, write."""
    status = Status.read(arguments.samples)
    with new_folder(arguments.output) as folder:
        check_patient(status, arguments.sequences, arguments.nifti, arguments.normalized, arguments.samples, folder)


if __name__ == "__main__":
    main()

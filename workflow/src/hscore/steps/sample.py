"""Cut the tumour box and the grown box out of adjacent sections of each usable sequence of one patient."""

import argparse
from pathlib import Path

from hscore.files import new_folder
from hscore.imaging import sampling
from hscore.status import Status
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("sample", __doc__)
    parser.add_argument("--nifti", required=True, type=Path, help="the patient's folder of the convert step (masks)")
    parser.add_argument("--normalized", required=True, type=Path, help="the patient's folder of the normalize step")
    parser.add_argument("--settings", required=True, type=_program.settings, help="section sample of the config")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    status = Status.read(arguments.normalized).next("sample")
    with new_folder(arguments.output) as folder:
        sampling.sample_patient(status, arguments.nifti, arguments.normalized, folder, arguments.settings)
        status.write(folder)


if __name__ == "__main__":
    main()

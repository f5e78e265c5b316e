"""Write the DICOM series and the region of interest of one simulated patient, and the truth about her images."""

from pathlib import Path

import numpy as np

from hscore.files import new_file, new_folder, read_json
from hscore.simulation.parameters import load
from hscore.simulation.patient_images import write_patient
from hscore.steps import _program


def work(arguments) -> None:
    parameters = load(arguments.parameters)
    truth = read_json(arguments.truth)
    with new_folder(arguments.output) as folder:
        true = write_patient(
            folder, parameters, truth, arguments.atlas, arguments.patient, arguments.scanner, arguments.seed
        )
    with new_file(arguments.image_truth) as path:
        np.savez_compressed(path, **true)


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("simulate_patient", __doc__)
    parser.add_argument("--truth", required=True, help="planted truth of the patient's centre (JSON)")
    parser.add_argument("--atlas", type=Path, required=True, help="folder of the atlas")
    parser.add_argument("--patient", required=True, help="patient id")
    parser.add_argument("--scanner", required=True, help="scanner profile of the parameters: siemens, ge or philips")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--parameters", required=True, help="planted parameters (YAML)")
    parser.add_argument("--output", required=True, help="output: folder of the patient's images")
    parser.add_argument("--image-truth", required=True, help="output: true masks and diffusion coefficient (npz)")
    _program.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

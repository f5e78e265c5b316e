"""Write the DICOM series and the region of interest of one simulated patient."""

from hscore.files import new_folder, read_json
from hscore.simulation.parameters import load
from hscore.simulation.patient_images import write_patient
from hscore.steps import _program


def work(arguments) -> None:
    parameters = load(arguments.parameters)
    truth = read_json(arguments.truth)
    with new_folder(arguments.output) as folder:
        write_patient(folder, parameters, truth, arguments.patient, arguments.scanner, arguments.seed)


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("simulate_patient", __doc__)
    parser.add_argument("--truth", required=True, help="planted truth of the patient's centre (JSON)")
    parser.add_argument("--patient", required=True, help="patient id")
    parser.add_argument("--scanner", required=True, help="scanner profile of the parameters: siemens, ge or philips")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--parameters", required=True, help="planted parameters (YAML)")
    parser.add_argument("--output", required=True, help="output: folder of the patient's images")
    _program.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

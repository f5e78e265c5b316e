"""Write the DICOM series and the region of interest of simulated patients, and the truth about their images."""

from pathlib import Path

from hscore import batch
from hscore.contracts import batch_record, center_truth, image_truth
from hscore.files import new_folder
from hscore.simulation.parameters import load
from hscore.simulation.patient_images import write_patient
from hscore.steps import _cli


def work(arguments) -> None:
    """Simulate patient by patient, write images and truths."""
    parameters = load(arguments.parameters)
    truth = center_truth.read(arguments.truth)
    images = {patient: arguments.images.parents[1] / "images" / patient for patient in arguments.patients}
    truths = {patient: arguments.image_truth.parents[1] / f"{patient}.npz" for patient in arguments.patients}

    def simulate(patient: str) -> None:
        with new_folder(images[patient]) as folder:
            arrays = write_patient(
                folder, parameters, truth, arguments.atlas, patient, arguments.scanner, arguments.seed
            )
        image_truth.write(truths[patient], arrays)

    batch.work_through(arguments.patients, simulate, arguments.images, arguments.image_truth)
    batch_record.write(arguments.images, images)
    batch_record.write(arguments.image_truth, truths)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("simulate_patient", __doc__)
    parser.add_argument("--truth", required=True, help="planted truth of the patients' centre (JSON)")
    parser.add_argument("--atlas", type=Path, required=True, help="folder of the atlas")
    parser.add_argument("--patients", required=True, nargs="+", help="names of the patients")
    parser.add_argument("--scanner", required=True, help="scanner profile of the parameters: siemens, ge or philips")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--parameters", required=True, help="planted parameters (YAML)")
    parser.add_argument("--images", type=Path, required=True, help="output: record of the patients' folders of images")
    parser.add_argument(
        "--image-truth", type=Path, required=True, help="output: record of true masks and diffusion coefficients (npz)"
    )
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

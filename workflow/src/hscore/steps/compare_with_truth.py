"""Compare the results of a simulated study with what was planted, and write the recovery report."""

import argparse
from pathlib import Path

from hscore.contracts import batch_record, center_truth, manifest, result_parts
from hscore.files import new_file, read_json, write_json
from hscore.recovery import comparison, recovery_page
from hscore.simulation.parameters import load
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read the stages' files and the truth, compare, write numbers and page."""
    centers, converted = read_centers(arguments), batch_record.read(arguments.nifti)
    sampled, true_images = batch_record.read(arguments.samples), batch_record.read(arguments.image_truth)
    images = comparison.images_of_centers(centers, converted, sampled, true_images)
    performance = result_parts.read(arguments.validation, result_parts.Validation)["performance"]
    content = {
        "study": arguments.study,
        "simulated": True,
        "confidence": arguments.confidence,
        **comparison.compare(centers, images, performance, arguments.models, load(arguments.parameters)),
        "hazard_ratios": result_parts.read(arguments.hazard_ratios, result_parts.HazardRatios),
    }
    write_json(arguments.output, content)
    page = recovery_page.write(content, read_json(arguments.monte_carlo), recovery_page.shown(centers, converted))
    with new_file(arguments.page) as path:
        path.write_text(page, encoding="utf-8")


def read_centers(arguments: argparse.Namespace) -> list[comparison.SimulatedCenter]:
    """Return the centres with their planted truth and their included patients."""
    files = zip(arguments.centers, arguments.roles, arguments.truths, arguments.manifests, strict=True)
    return [
        comparison.SimulatedCenter(name, role, center_truth.read(truth), list(manifest.read(path)["patient"]))
        for name, role, truth, path in files
    ]


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("compare_with_truth", __doc__)
    add = parser.add_argument
    add("--study", required=True, help="name of the study")
    add("--parameters", type=Path, required=True, help="planted parameters (YAML)")
    add("--models", type=_cli.settings, required=True, help="config section models, JSON")
    add("--confidence", type=float, required=True, help="confidence level of the study's intervals")
    add("--centers", nargs="+", required=True, help="names of the centres")
    add("--roles", nargs="+", required=True, help="their roles")
    add("--truths", type=Path, nargs="+", required=True, help="their planted truths, JSON")
    add("--manifests", type=Path, nargs="+", required=True, help="their included patients, CSV")
    add("--image-truth", type=Path, nargs="+", required=True, help="records of the truths about images")
    add("--nifti", type=Path, nargs="+", required=True, help="records of the convert step")
    add("--samples", type=Path, nargs="+", required=True, help="records of the sample step")
    add("--validation", type=Path, required=True, help="validation, JSON")
    add("--hazard-ratios", type=Path, required=True, help="hazard ratios next to the planted one, JSON")
    add("--monte-carlo", type=Path, required=True, help="summary of the Monte-Carlo studies, JSON")
    add("--output", type=Path, required=True, help="estimates next to the truth, JSON")
    add("--page", type=Path, required=True, help="the recovery report, HTML")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

"""Compare the results of a simulated study with what was planted, and write the recovery report."""

import argparse
from pathlib import Path

from hscore.contracts import batch_record, manifest
from hscore.files import new_file, read_json, write_json
from hscore.recovery import comparison, recovery_page
from hscore.simulation.parameters import load
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read the stages' files and the truth, compare, write numbers and page."""
    parameters, validation = load(arguments.parameters), read_json(arguments.validation)
    truths = {center: read_json(path) for center, path in zip(arguments.centers, arguments.truths, strict=True)}
    included: dict[str, list] = {"development": [], "external": []}
    converted, sampled, true_images = (
        batch_record.read(records) for records in (arguments.nifti, arguments.samples, arguments.image_truth)
    )
    rows, shown = [], []
    for center, role, path in zip(arguments.centers, arguments.roles, arguments.manifests, strict=True):
        patients = list(manifest.read(path)["patient"])
        included[role] += [(center, patient) for patient in patients]
        for patient in patients:
            recovered = comparison.images(patient, converted[patient], sampled[patient], true_images[patient])
            rows += [{"center": center, **row} for row in recovered]
        if patients:
            shown.append((center, truths[center]["scanner"], patients[0], converted[patients[0]]))
    performance, models = validation["performance"], arguments.models
    content = {
        "study": arguments.study,
        "simulated": True,
        "confidence": arguments.confidence,
        "patients": {role: len(pairs) for role, pairs in included.items()},
        "planted": {center: recovery_page.planted(truth) for center, truth in truths.items()},
        "images": comparison.summarize_images(rows),
        "models": comparison.models(models, performance, truths, included),
        "reading": comparison.reading(performance, models, parameters),
        "hazard_ratios": read_json(arguments.hazard_ratios),
        "patients_images": rows,
    }
    write_json(arguments.output, content)
    with new_file(arguments.page) as path:
        path.write_text(recovery_page.write(content, read_json(arguments.monte_carlo), shown), encoding="utf-8")


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

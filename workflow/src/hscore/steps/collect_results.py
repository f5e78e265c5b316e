"""Merge the stages' files into results.json: every number of the report, with verdicts and versions."""

import argparse
from pathlib import Path

import yaml

from hscore.contracts import (
    center_truth,
    flow,
    model_folder,
    result_parts,
    same_patients,
    shortcuts,
    thresholds,
)
from hscore.contracts import results as results_file
from hscore.environment import CHECKOUT
from hscore.recovery.observers import reported_truth
from hscore.report import results
from hscore.steps import _cli

PUBLISHED = CHECKOUT / "resources/published.yaml"


def work(arguments: argparse.Namespace) -> None:
    """Read, merge, write."""
    content = results.merge(
        study=arguments.study,
        data=arguments.data,
        config=arguments.config,
        flows=[flow.read(path) for path in arguments.flows],
        table1=result_parts.read(arguments.table1, result_parts.Table1),
        thresholds=thresholds.read(arguments.thresholds),
        validation=result_parts.read(arguments.validation, result_parts.Validation),
        survival=result_parts.read(arguments.survival, result_parts.Survival),
        trained=[model_folder.read_description(folder) for folder in arguments.models],
        histories=model_folder.read_histories(arguments.models),
        explanation=result_parts.read(arguments.explanation, result_parts.Explanation)
        if arguments.explanation
        else None,
        same_patients=[group for path in arguments.same_patients for group in same_patients.read(path)],
        shortcuts={center: found for path in arguments.shortcuts for center, found in shortcuts.read(path).items()},
        imaging=result_parts.read(arguments.imaging, result_parts.Imaging) if arguments.imaging else None,
        cases=result_parts.read(arguments.cases, result_parts.Cases),
        truth=read_truth(arguments) if arguments.truth else None,
        published=yaml.safe_load(arguments.published.read_text(encoding="utf-8")),
    )
    results_file.write(arguments.output, content)


def read_truth(arguments: argparse.Namespace) -> dict:
    """Return what the report shows of the planted truth."""
    ratios = result_parts.read(arguments.hazard_ratios, result_parts.HazardRatios)
    return reported_truth(center_truth.read(arguments.truth), arguments.config["models"], ratios)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("collect_results", __doc__)
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument(
        "--data", required=True, choices=["simulated", "own"], help="whether the patients are simulated"
    )
    parser.add_argument("--config", type=_cli.settings, required=True, help="the resolved config, as JSON")
    parser.add_argument("--flows", type=Path, nargs="+", required=True, help="flow.json of every centre")
    parser.add_argument("--table1", type=Path, required=True, help="table1.json")
    parser.add_argument("--thresholds", type=Path, required=True, help="thresholds.json")
    parser.add_argument("--validation", type=Path, required=True, help="validation.json")
    parser.add_argument("--survival", type=Path, required=True, help="survival.json")
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="folders of the trained models")
    parser.add_argument("--published", type=Path, default=PUBLISHED, help="the published values (YAML)")
    parser.add_argument(
        "--same-patients",
        type=Path,
        nargs="*",
        default=[],
        help="groups of patients who share an examination or images (JSON), if images",
    )
    parser.add_argument("--explanation", type=Path, nargs="?", help="saliency maps of a model (JSON), if any")
    parser.add_argument(
        "--shortcuts", type=Path, nargs="*", default=[], help="findings of the shortcut check (JSON), if images"
    )
    parser.add_argument("--imaging", type=Path, nargs="?", help="file of the describe_images step, if images")
    parser.add_argument("--cases", type=Path, required=True, help="file of the show_cases step")
    parser.add_argument("--truth", type=Path, nargs="?", help="planted truth of any centre (JSON), if simulated")
    parser.add_argument("--hazard-ratios", type=Path, nargs="?", help="file of compare_hazard_ratios, if simulated")
    parser.add_argument("--output", type=Path, required=True, help="results.json to write")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

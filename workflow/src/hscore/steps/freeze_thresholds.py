"""Choose each model's cut-off on out-of-fold development scores and freeze it in a file."""

import argparse
from pathlib import Path

from hscore.contracts import calibration, folds, thresholds
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import freeze
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores and outcomes, choose, write; no data of the external centre is read here."""
    if arguments.predictions:
        nodes = scored_cohorts.nodes_of(folds.read(arguments.folds))
        development = scored_cohorts.read_evaluation(arguments.predictions, "out_of_fold", nodes)
        recalibrations = {model: calibration.read(path)["recalibration"] for model, path in arguments.calibrations}
        frozen = freeze.freeze_models(development, recalibrations, arguments.settings)
    else:
        frozen = freeze.without_development(arguments.models, arguments.settings)
    thresholds.write(arguments.output, frozen)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("freeze_thresholds", __doc__)
    add = parser.add_argument
    add("--models", nargs="+", required=True, help="names of the models")
    add(
        "--predictions",
        type=_cli.named_path,
        nargs="*",
        default=[],
        help="MODEL=its development scores, CSV; none without",
    )
    add(
        "--calibrations",
        type=_cli.named_path,
        nargs="*",
        default=[],
        help="MODEL=its calibration, JSON; as --predictions",
    )
    add("--folds", type=Path, nargs="?", help="development patients with lnm, CSV; needed with --predictions")
    add("--settings", type=_cli.settings, required=True, help="config section validate, JSON")
    add("--output", type=Path, required=True, help="what was frozen, JSON")
    arguments = parser.parse_args(argv)
    if arguments.predictions and not arguments.folds:
        parser.error("--predictions needs --folds")
    if [name for name, _ in arguments.predictions] != [name for name, _ in arguments.calibrations]:
        parser.error("--calibrations must name the models of --predictions, in their order")
    _cli.run(work, arguments)


if __name__ == "__main__":
    main()

"""Choose each model's cut-off on out-of-fold development scores and freeze it in a file."""

import argparse
from pathlib import Path

from hscore.contracts import calibration, folds, thresholds
from hscore.contracts.predictions import OUT_OF_FOLD
from hscore.errors import UserError
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import freeze
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores and outcomes, choose, write; no data of the external centre is read here."""
    if arguments.predictions:
        nodes = scored_cohorts.nodes_of(folds.read(arguments.folds))
        development = scored_cohorts.read_evaluation(arguments.predictions, OUT_OF_FOLD, nodes)
        recalibrations = read_recalibrations(arguments.calibrations)
        if missing := [model for model in development.scores if model not in recalibrations]:
            raise UserError(f"--calibrations has no calibration of model '{missing[0]}', which --predictions has")
        frozen = freeze.freeze_models(development, recalibrations, arguments.settings)
    else:
        frozen = freeze.without_development(arguments.models, arguments.settings)
    thresholds.write(arguments.output, frozen)


def read_recalibrations(paths: list[Path]) -> dict[str, dict]:
    """Return the map from score to risk of every model."""
    return {content["model"]: content["recalibration"] for content in map(calibration.read, paths)}


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("freeze_thresholds", __doc__)
    add = parser.add_argument
    add("--models", nargs="+", required=True, help="names of the models")
    add("--predictions", type=Path, nargs="*", default=[], help="development scores, one CSV per model; none without")
    add("--calibrations", type=Path, nargs="*", default=[], help="calibrations of the same models, one JSON per model")
    add("--folds", type=Path, nargs="?", help="development patients with lnm, CSV; needed with --predictions")
    add("--settings", type=_cli.settings, required=True, help="config section validate, JSON")
    add("--output", type=Path, required=True, help="what was frozen, JSON")
    arguments = parser.parse_args(argv)
    if arguments.predictions and not arguments.folds:
        parser.error("--predictions needs --folds")
    _cli.run(work, arguments)


if __name__ == "__main__":
    main()

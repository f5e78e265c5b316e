"""Score patients: development patients out of fold, external ones by all members, both with the same calibration."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.contracts import calibration, predictions
from hscore.learning import ensemble
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("predict", __doc__)
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument("--spec", required=True, type=_cli.settings, help="config.models[NAME] as JSON")
    parser.add_argument(
        "--model-folders", nargs="*", default=[], type=Path, help="one per seed or group of seeds; none for a reading"
    )
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="patients to score")
    parser.add_argument("--folds", type=Path, help="folds.csv; with it the patients are the development patients")
    parser.add_argument("--scores", type=Path, nargs="*", default=[], help="scores of the fused models, one CSV each")
    parser.add_argument("--recalibration", help="with --folds: from scores to risks, platt, isotonic or none")
    parser.add_argument(
        "--calibration",
        type=Path,
        nargs="?",
        help="JSON; written with --folds, read without; left out for a reading that no study calibrated",
    )
    parser.add_argument("--output", required=True, type=Path, help="table of scores of the model (CSV)")
    arguments = parser.parse_args(argv)
    if arguments.folds and not (arguments.recalibration and arguments.calibration):
        parser.error("--folds needs --recalibration and --calibration")
    if not arguments.folds and not arguments.calibration and "reading" not in arguments.spec:
        parser.error("external scores of a trained model need its --calibration")
    _cli.run(work, arguments)


def work(arguments: argparse.Namespace) -> None:
    """Read, score, write."""
    if arguments.folds:
        scores, fitted = development(arguments)
        calibration.write(arguments.calibration, {"model": arguments.model, **fitted})
    else:
        scores = external(arguments)
    predictions.write(arguments.output, arguments.model, scores)


def development(arguments: argparse.Namespace) -> tuple[pd.DataFrame, dict]:
    """Return the development scores and the calibration fitted on them."""
    spec, manifests, folds, method = arguments.spec, arguments.manifests, arguments.folds, arguments.recalibration
    if "reading" in spec:
        return ensemble.predict_reading_development(spec, manifests, folds, method)
    return ensemble.predict_development(arguments.model_folders, manifests, folds, arguments.scores, method)


def external(arguments: argparse.Namespace) -> pd.DataFrame:
    """Return the external scores, with the frozen calibration."""
    frozen = calibration.read(arguments.calibration) if arguments.calibration else None
    if "reading" in arguments.spec:
        return ensemble.predict_reading_external(arguments.spec, arguments.manifests, frozen)
    return ensemble.predict_external(arguments.model_folders, arguments.manifests, arguments.scores, frozen)


if __name__ == "__main__":
    main()

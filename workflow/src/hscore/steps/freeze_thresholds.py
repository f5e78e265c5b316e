"""Choose each model's cut-off on out-of-fold development scores and freeze it in a file."""

import argparse
from pathlib import Path

from hscore.files import write_json
from hscore.statistics import tables, thresholds
from hscore.steps import _program
from hscore.steps._named import named_path


def work(arguments: argparse.Namespace) -> None:
    """Read scores and outcomes, choose, write; nothing of the external centre is read here."""
    lnm = tables.read_binary([arguments.folds], "lnm")
    development = tables.read_evaluation(arguments.predictions, "out_of_fold", lnm)
    rule = arguments.settings["threshold"]
    frozen = {
        model: thresholds.choose(development.positive, scores, rule) for model, scores in development.scores.items()
    }
    write_json(arguments.output, frozen)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = _program.parser("freeze_thresholds", __doc__)
    parser.add_argument(
        "--predictions", type=named_path, nargs="+", required=True, help="MODEL=its development scores, CSV"
    )
    parser.add_argument("--folds", type=Path, required=True, help="development patients with lnm, CSV")
    parser.add_argument("--settings", type=_program.settings, required=True, help="config section validate, JSON")
    parser.add_argument("--output", type=Path, required=True, help="thresholds, JSON")
    _program.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

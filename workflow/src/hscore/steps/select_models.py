"""Choose the best single-sequence and the best combined model on out-of-fold development scores, and compare them."""

import argparse
from pathlib import Path

from hscore.contracts import folds
from hscore.contracts import selection as selection_file
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import selection
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores and outcomes, choose, write; no data of the external centre is read here."""
    development, _ = scored_cohorts.read_development(arguments.predictions, folds.read(arguments.folds))
    confidence = arguments.settings["confidence"]
    families = {name: selection.choose(development, models, confidence) for name, models in arguments.families.items()}
    selection_file.write(arguments.output, families)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("select_models", __doc__)
    add = parser.add_argument
    add("--predictions", type=Path, nargs="+", required=True, help="development scores, one CSV per model")
    add(
        "--families",
        type=_cli.settings,
        required=True,
        help='models to choose between, JSON: {"images": {"single": [...], "combined": [...]}, "with_clinical": ...}',
    )
    add("--folds", type=Path, required=True, help="development patients with lnm and fold, CSV")
    add("--settings", type=_cli.settings, required=True, help='{"confidence": 0.95}, JSON')
    add("--output", type=Path, required=True, help="the choice, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

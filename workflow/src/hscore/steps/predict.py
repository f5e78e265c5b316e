"""Score patients with a trained model: development patients out of fold, external ones by the whole ensemble."""

import argparse
from pathlib import Path

from hscore.files import new_file
from hscore.learning import ensemble
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("predict", __doc__)
    parser.add_argument("--model-folders", required=True, nargs="+", type=Path, help="one a seed")
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="whom to score")
    parser.add_argument("--folds", type=Path, help="folds.csv; with it the patients are the development patients")
    parser.add_argument("--output", required=True, type=Path, help="table of scores (CSV)")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    if arguments.folds:
        table = ensemble.predict_development(arguments.model_folders, arguments.manifests, arguments.folds)
    else:
        table = ensemble.predict_external(arguments.model_folders, arguments.manifests)
    with new_file(arguments.output) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    main()

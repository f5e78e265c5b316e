"""Score patients: development patients out of fold, external ones by the whole ensemble; or by a reading as it is."""

import argparse
from pathlib import Path

from hscore.files import new_file
from hscore.learning import ensemble
from hscore.steps import _program
from hscore.steps._named import named_path


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("predict", __doc__)
    parser.add_argument("--spec", required=True, type=_program.settings, help="config.models[NAME] as JSON")
    parser.add_argument(
        "--model-folders", nargs="*", default=[], type=Path, help="one a seed, or group of seeds; a reading has none"
    )
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="whom to score")
    parser.add_argument("--folds", type=Path, help="folds.csv; with it the patients are the development patients")
    parser.add_argument(
        "--scores", type=named_path, nargs="*", default=[], help="MODEL=scores of a model that is fused, CSV"
    )
    parser.add_argument("--output", required=True, type=Path, help="table of scores (CSV)")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    scores = dict(arguments.scores)
    if "reading" in arguments.spec:
        table = ensemble.predict_reading(arguments.spec, arguments.manifests, arguments.folds)
    elif arguments.folds:
        table = ensemble.predict_development(arguments.model_folders, arguments.manifests, arguments.folds, scores)
    else:
        table = ensemble.predict_external(arguments.model_folders, arguments.manifests, scores)
    with new_file(arguments.output) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    main()

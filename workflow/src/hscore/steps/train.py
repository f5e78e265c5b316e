"""Train one model with one seed: every fold without its held-out patients."""

import argparse
from pathlib import Path

from hscore.learning.samples import image_key
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("train", __doc__)
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument("--spec", required=True, type=_program.settings, help="config.models[NAME] as JSON")
    parser.add_argument("--settings", required=True, type=_program.settings, help="config.train as JSON")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--folds", required=True, type=Path, help="folds.csv of the split")
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="manifests of the development centers")
    parser.add_argument("--state", required=True, type=Path, help="folder for checkpoints; survives a killed job")
    parser.add_argument("--output", required=True, type=Path, help="model folder")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    inputs = {
        "name": arguments.model,
        "spec": arguments.spec,
        "settings": arguments.settings,
        "seed": arguments.seed,
        "folds": arguments.folds,
        "manifests": arguments.manifests,
        "output": arguments.output,
    }
    if image_key(arguments.spec):
        from hscore.learning import training  # here, because torch costs two seconds

        training.train(**inputs, state=arguments.state)
    else:
        from hscore.learning import clinical

        clinical.train(**inputs)


if __name__ == "__main__":
    main()

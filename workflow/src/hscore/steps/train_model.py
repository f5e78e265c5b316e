"""Train one model, a network per seed and fold or a model without networks; held-out patients are never used."""

import argparse
import os
from pathlib import Path

from hscore.learning import linear_training
from hscore.learning.samples import array_keys
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("train_model", __doc__)
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument("--spec", required=True, type=_cli.settings, help="config.models[NAME] as JSON")
    parser.add_argument("--settings", required=True, type=_cli.settings, help="config.train as JSON")
    parser.add_argument("--seeds", required=True, type=int, nargs="+", help="seeds of the networks")
    parser.add_argument("--folds", required=True, type=Path, help="folds.csv of the split")
    parser.add_argument("--manifests", required=True, nargs="+", type=Path, help="manifests of the development centers")
    parser.add_argument(
        "--scores", type=Path, nargs="*", default=[], help="development scores of the models to fuse, one CSV each"
    )
    parser.add_argument("--state", required=True, type=Path, help="folder for checkpoints; survives a killed job")
    parser.add_argument("--output", required=True, type=Path, help="model folder")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Train the model and write its folder."""
    inputs = {
        "name": arguments.model,
        "spec": arguments.spec,
        "settings": arguments.settings,
        "folds": arguments.folds,
        "manifests": arguments.manifests,
        "output": arguments.output,
    }
    if array_keys(arguments.spec):
        from hscore.learning import training  # here: 1.4 s of CPU, which a model without networks does not need

        # For monitoring only. It is not a setting, so it causes no retraining.
        board = os.environ.get("HSCORE_TENSORBOARD")
        training.train(**inputs, seeds=arguments.seeds, state=arguments.state, board=board)
    else:
        linear_training.train(**inputs, scores=arguments.scores)


if __name__ == "__main__":
    main()

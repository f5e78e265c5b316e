"""Choose training settings by cross-validation within the training patients of a fold, and score the held-out ones."""

import argparse
import shutil
from pathlib import Path

import pandas as pd

from hscore.cohort import folds
from hscore.contracts import search_part
from hscore.learning import search
from hscore.learning.samples import read_folds
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("search_settings", __doc__)
    add = parser.add_argument
    add("--model", required=True, help="name of the model")
    add("--spec", required=True, type=_cli.settings, help="config.models[NAME] as JSON")
    add("--settings", required=True, type=_cli.settings, help="config.train as JSON")
    add("--search", required=True, type=_cli.settings, help="config.search as JSON")
    add("--part", required=True, help="fold-K: choose without that fold, and score it; all: choose on all patients")
    add("--seed", required=True, type=int, help="seed of the study, for the inner folds")
    add("--folds", required=True, type=Path, help="folds.csv of the split")
    add("--manifests", required=True, nargs="+", type=Path, help="manifests of the development centers")
    add("--state", required=True, type=Path, help="folder for checkpoints; survives a killed job")
    add("--output", required=True, type=Path, help="what was tried, chosen and scored, JSON")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Search training settings, write what was tried, chosen and scored."""
    held_out = None if arguments.part == "all" else int(arguments.part.removeprefix("fold-"))
    content = search.search(
        arguments.model,
        arguments.spec,
        arguments.settings,
        arguments.search["grid"],
        arguments.folds,
        inner_folds(read_folds(arguments.folds), held_out, arguments.search["folds"], arguments.seed),
        arguments.manifests,
        arguments.state,
        held_out,
    )
    search_part.write(arguments.output, content)
    shutil.rmtree(arguments.state, ignore_errors=True)


def inner_folds(outer: pd.DataFrame, held_out: int | None, number: int, seed: int) -> pd.DataFrame:
    """Return the patients outside ``held_out`` with inner folds, stratified like the outer ones."""
    return folds.stratified_folds(outer[outer["fold"] != held_out].drop(columns="fold"), number, seed)


if __name__ == "__main__":
    main()

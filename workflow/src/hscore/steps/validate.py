"""Performance of every model at its frozen threshold: external, out-of-fold, apparent; and the comparisons."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.errors import UserError
from hscore.files import read_json, write_json
from hscore.statistics import added_value, selection, subgroups, tables, validation
from hscore.steps import _program
from hscore.steps._named import named_path


def work(arguments: argparse.Namespace) -> None:
    """Read scores, outcomes and what was frozen, validate, write."""
    evaluations, characteristics = {}, {}
    if arguments.external:
        positive = tables.read_binary(arguments.lnm, "lnm")
        evaluations["external"] = tables.read_evaluation(arguments.external, "score", positive)
        characteristics["external"] = about(arguments.manifests, positive)
    if arguments.development:
        positive = tables.read_binary([arguments.folds], "lnm")
        for column in ("out_of_fold", "apparent"):
            evaluations[column] = tables.read_evaluation(arguments.development, column, positive)
        characteristics["out_of_fold"] = about(arguments.development_manifests, positive)
    if not evaluations:
        raise UserError("there are neither development nor external scores: give --development, --external or both")
    frozen = read_json(arguments.thresholds)
    content = validation.validate(evaluations, frozen, arguments.settings, characteristics)
    if arguments.selection:
        confidence = arguments.settings["confidence"]
        chosen = read_json(arguments.selection)
        content["selection"] = selection.tested(evaluations.get("external"), chosen, confidence)
    write_json(arguments.output, content)


def about(manifests: list[Path], positive: pd.Series) -> pd.DataFrame | None:
    """What the manifests say of the patients for subgroups and added value."""
    columns = dict.fromkeys((*subgroups.COLUMNS, *added_value.OF_NODES))
    return tables.read_characteristics(manifests, list(columns), positive.index)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = _program.parser("validate", __doc__)
    add = parser.add_argument
    add("--development", type=named_path, nargs="*", default=[], help="MODEL=its development scores, CSV")
    add("--external", type=named_path, nargs="*", default=[], help="MODEL=its external scores, CSV")
    add("--folds", type=Path, nargs="?", help="development patients with lnm, CSV; needed with --development")
    add("--lnm", type=Path, nargs="*", default=[], help="lnm of the external patients, one CSV a centre")
    add("--manifests", type=Path, nargs="*", default=[], help="external patients, for subgroups, one CSV a centre")
    add("--development-manifests", type=Path, nargs="*", default=[], help="the same of the development patients")
    add("--thresholds", type=Path, required=True, help="what was frozen on development, JSON")
    add("--selection", type=Path, nargs="?", help="the models chosen on development, JSON; compared once more, here")
    add("--settings", type=_program.settings, required=True, help="config section validate, JSON")
    add("--output", type=Path, required=True, help="validation, JSON")
    arguments = parser.parse_args(argv)
    if arguments.development and not arguments.folds:
        parser.error("--development needs --folds")
    _program.run(work, arguments)


if __name__ == "__main__":
    main()

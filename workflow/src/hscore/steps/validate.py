"""Performance of every model at its frozen threshold: external, out-of-fold, apparent; and the comparisons."""

import argparse
from pathlib import Path

from hscore.files import read_json, write_json
from hscore.statistics import subgroups, tables, validation
from hscore.steps import _program
from hscore.steps._named import named_path


def work(arguments: argparse.Namespace) -> None:
    """Read scores, outcomes and frozen thresholds, validate, write."""
    development = tables.read_binary([arguments.folds], "lnm")
    external = tables.read_binary(arguments.lnm, "lnm")
    evaluations = {
        "external": tables.read_evaluation(arguments.external, "score", external),
        "out_of_fold": tables.read_evaluation(arguments.development, "out_of_fold", development),
        "apparent": tables.read_evaluation(arguments.development, "apparent", development),
    }
    thresholds = read_json(arguments.thresholds)
    characteristics = tables.read_characteristics(arguments.manifests, subgroups.COLUMNS, external.index)
    content = validation.validate(evaluations, thresholds, arguments.settings, characteristics)
    write_json(arguments.output, content)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = _program.parser("validate", __doc__)
    add = parser.add_argument
    add("--development", type=named_path, nargs="+", required=True, help="MODEL=its development scores, CSV")
    add("--external", type=named_path, nargs="+", required=True, help="MODEL=its external scores, CSV")
    add("--folds", type=Path, required=True, help="development patients with lnm, CSV")
    add("--lnm", type=Path, nargs="+", required=True, help="lnm of the external patients, one CSV a centre")
    add("--manifests", type=Path, nargs="*", default=[], help="external patients, for subgroups, one CSV a centre")
    add("--thresholds", type=Path, required=True, help="frozen thresholds, JSON")
    add("--settings", type=_program.settings, required=True, help="config section validate, JSON")
    add("--output", type=Path, required=True, help="validation, JSON")
    _program.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

"""Summarise what the nested search chose, and compare the whole procedure with the configured settings."""

import argparse
from pathlib import Path

from hscore.contracts import folds, search_part
from hscore.files import write_json
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import nested_search
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read what the searches found and the model's own out-of-fold scores, compare, write."""
    parts = [search_part.read(path) for path in arguments.parts]
    split = folds.read(arguments.folds)
    development, _ = scored_cohorts.read_development([arguments.predictions], split)
    content = nested_search.summarize(parts, split, development, arguments.settings["confidence"])
    write_json(arguments.output, content)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("summarize_search", __doc__)
    add = parser.add_argument
    add("--parts", type=Path, nargs="+", required=True, help="what the searches wrote, JSON")
    add("--predictions", type=Path, required=True, help="development scores of the same model, CSV")
    add("--folds", type=Path, required=True, help="development patients with lnm and fold, CSV")
    add("--settings", type=_cli.settings, required=True, help='{"confidence": 0.95}, JSON')
    add("--output", type=Path, required=True, help="the summary, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

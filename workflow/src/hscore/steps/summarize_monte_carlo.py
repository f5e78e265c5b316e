"""Summarise coverage of every interval, bias of every estimate and size of every test over all Monte-Carlo studies."""

import argparse
from pathlib import Path

import numpy as np

from hscore.files import read_json, write_json
from hscore.recovery import monte_carlo
from hscore.recovery.cohorts import SCENARIOS
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read the truth and the batches of every scenario, summarise, write."""
    content = {}
    batches = np.array_split(arguments.batches, len(SCENARIOS))
    for scenario, truth, paths in zip(SCENARIOS, arguments.truths, batches, strict=True):
        loaded = []
        for path in paths:
            with np.load(path) as arrays:
                loaded.append(monte_carlo.from_arrays(arrays))
        content[scenario] = monte_carlo.summary(loaded, read_json(truth), arguments.confidence)
    write_json(arguments.output, content)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("summarize_monte_carlo", __doc__)
    order = ", ".join(SCENARIOS)
    parser.add_argument("--truths", type=Path, nargs="+", required=True, help=f"true values, JSON: {order}")
    parser.add_argument(
        "--batches", type=Path, nargs="+", required=True, help=f"as many batches (npz) of each: {order}"
    )
    parser.add_argument("--confidence", type=float, required=True, help="confidence level of the intervals")
    parser.add_argument("--output", type=Path, required=True, help="the summary, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

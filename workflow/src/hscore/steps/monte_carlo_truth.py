"""Compute the true values behind the Monte-Carlo studies of one scenario."""

import argparse
from pathlib import Path

from hscore.files import write_json
from hscore.recovery import truth
from hscore.recovery.cohorts import SCENARIOS
from hscore.recovery.monte_carlo import Settings
from hscore.simulation.parameters import load
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read the planted parameters, compute the truth, write."""
    parameters = load(arguments.parameters)
    settings = Settings.from_config(parameters["monte_carlo"], **arguments.settings)
    write_json(arguments.output, truth.reference(parameters, arguments.scenario, settings, arguments.seed))


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("monte_carlo_truth", __doc__)
    parser.add_argument("--parameters", type=Path, required=True, help="planted parameters (YAML)")
    parser.add_argument("--scenario", choices=SCENARIOS, required=True, help="what is planted")
    parser.add_argument("--settings", type=_cli.settings, required=True, help="sections validate and survive, JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="true values by place in the results, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

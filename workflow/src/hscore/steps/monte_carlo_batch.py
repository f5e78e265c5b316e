"""Run some Monte-Carlo studies of one scenario: apply the statistics stages to cohorts of latent scores."""

import argparse
from pathlib import Path

import numpy as np

from hscore.files import new_file, read_json
from hscore.recovery import monte_carlo
from hscore.recovery.cohorts import SCENARIOS
from hscore.simulation.parameters import load
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read planted parameters and truth, draw and analyse the studies, write their numbers."""
    parameters = load(arguments.parameters)
    settings = monte_carlo.Settings.from_config(parameters["monte_carlo"], **arguments.settings)
    seed = [arguments.seed, SCENARIOS.index(arguments.scenario), arguments.batch]
    numbers = monte_carlo.batch(
        parameters, arguments.scenario, settings, read_json(arguments.truth), arguments.studies, seed
    )
    with new_file(arguments.output) as path:
        np.savez_compressed(path, **monte_carlo.to_arrays(numbers))


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("monte_carlo_batch", __doc__)
    parser.add_argument("--parameters", type=Path, required=True, help="planted parameters (YAML)")
    parser.add_argument("--scenario", choices=SCENARIOS, required=True, help="what is planted")
    parser.add_argument("--truth", type=Path, required=True, help="true values of the scenario, JSON")
    parser.add_argument("--settings", type=_cli.settings, required=True, help="sections validate and survive, JSON")
    parser.add_argument("--studies", type=int, required=True, help="number of studies")
    parser.add_argument("--batch", type=int, required=True, help="number of this batch; each has separate studies")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="intervals and p-values of every study (npz)")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

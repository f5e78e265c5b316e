"""Build the atlas of the pelvis from which all simulated patients are deformed."""

from hscore.environment import CHECKOUT
from hscore.files import new_folder
from hscore.simulation import atlas, codes
from hscore.simulation.parameters import load
from hscore.steps import _cli

OUTLINES = CHECKOUT / "resources/pelvis.yaml"


def work(arguments) -> None:
    """Read parameters and outlines, build every variant, write."""
    parameters, outlines = load(arguments.parameters), atlas.load_outlines(arguments.outlines)
    with new_folder(arguments.output) as folder:
        for variant in range(parameters["atlas"]["variants"]):
            codes.save(folder, variant, atlas.build(outlines, arguments.seed, variant))


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("simulate_atlas", __doc__)
    parser.add_argument("--parameters", required=True, help="planted parameters (YAML)")
    parser.add_argument("--outlines", default=OUTLINES, help="outlines of the organs (YAML)")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", required=True, help="output: folder of the atlas, one file per variant")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

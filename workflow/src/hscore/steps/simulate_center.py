"""Draw one simulated centre: its clinical table, and the planted truth behind it."""

from hscore.contracts import center_truth, delimited
from hscore.simulation.parameters import load
from hscore.simulation.patients import TABLE_COLUMNS, simulate_center
from hscore.simulation.planted_faults import CONTROLS
from hscore.steps import _cli


def work(arguments) -> None:
    """Draw the centre, write its table and its truth."""
    parameters = load(arguments.parameters)
    rows, truth = simulate_center(
        parameters,
        arguments.center,
        arguments.scanner,
        arguments.patients,
        arguments.lnm_positive,
        arguments.seed,
        arguments.center_shift,
        arguments.control,
    )
    delimited.write(arguments.table, TABLE_COLUMNS, rows)
    center_truth.write(arguments.truth, truth)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("simulate_center", __doc__)
    parser.add_argument("--center", required=True, help="name of the centre")
    parser.add_argument("--scanner", required=True, help="scanner profile of the parameters: siemens, ge or philips")
    parser.add_argument("--patients", type=int, required=True, help="number of patients")
    parser.add_argument("--lnm-positive", type=int, required=True, help="number of them with LNM")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--center-shift", default="mild", help="how much centres differ: a level of the parameters")
    parser.add_argument("--control", default="none", help=f"negative control: {', '.join(CONTROLS)}")
    parser.add_argument("--parameters", required=True, help="planted parameters (YAML)")
    parser.add_argument("--table", required=True, help="output: clinical table (CSV)")
    parser.add_argument("--truth", required=True, help="output: planted truth (JSON)")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

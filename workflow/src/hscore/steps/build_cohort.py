"""Assign every patient of a centre's table to one place of the flow diagram; list who is included, without outcomes."""

import argparse
from pathlib import Path

from hscore.cohort import flow
from hscore.cohort.table import read_table
from hscore.contracts import batch_record, manifest, sample_folder
from hscore.contracts import flow as flow_file
from hscore.contracts.status import Status
from hscore.errors import UserError
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("build_cohort", __doc__)
    parser.add_argument("--center", required=True, help="name of the centre")
    parser.add_argument("--role", required=True, choices=("development", "external"), help="role of the centre")
    parser.add_argument("--table", required=True, type=Path, help="its clinical table (CSV)")
    parser.add_argument("--samples", required=True, nargs="*", help="records of the sample step; none without images")
    parser.add_argument("--clinical", nargs="*", default=["mri_ln_positive"], help="variables that models use")
    parser.add_argument(
        "--images", nargs="?", type=Path, help="images root, to name folders without a row in the table"
    )
    parser.add_argument("--codes", required=True, type=_cli.settings, help="section codes of the config")
    parser.add_argument("--settings", required=True, type=_cli.settings, help="section cohort of the config")
    parser.add_argument("--manifest", required=True, type=Path, help="table of included patients to write (CSV)")
    parser.add_argument("--excluded", required=True, type=Path, help="table of excluded patients to write (CSV)")
    parser.add_argument("--flow", required=True, type=Path, help="counts of the flow diagram to write (JSON)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read the table and the samples' status, build the flow, write manifest, exclusions and counts."""
    table = read_table(arguments.table, arguments.center, arguments.codes)
    sampled = {}
    for patient, folder in batch_record.read(arguments.samples).items():
        sampled[patient] = flow.Sampled(str(folder), Status.read(folder), sample_folder.read_about(folder))
    if not arguments.samples:  # no model uses images: nothing is known about them, and they exclude no patient
        sampled = {name: flow.Sampled("", Status(name, arguments.center, "none")) for name in table["patient"]}
    if unmatched := set(sampled) ^ set(table["patient"]):
        raise UserError(f"{arguments.table}: patient '{min(unmatched)}' is in only one of the table and --samples")
    required, positive_mm = arguments.settings["required_sequences"], arguments.settings["mri_ln_positive_mm"]
    included, excluded, counts = flow.build(table, sampled, required, positive_mm, arguments.clinical)
    without_row = flow.folders_without_row(arguments.images, table)
    manifest.write(arguments.manifest, included)
    manifest.write_excluded(arguments.excluded, excluded)
    whose = {"center": arguments.center, "role": arguments.role}
    flow_file.write(arguments.flow, flow_file.Flow(**whose, **counts, not_in_table=without_row))


if __name__ == "__main__":
    main()

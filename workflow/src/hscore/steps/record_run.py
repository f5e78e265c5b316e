"""Record a finished run: run_manifest.json, inside a Workflow Run RO-Crate."""

import argparse
from pathlib import Path

from hscore.contracts import results
from hscore.environment import CHECKOUT
from hscore.files import new_folder
from hscore.provenance import crate, run_manifest
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("record_run", __doc__)
    parser.add_argument("--results", type=Path, required=True, help="results.json")
    parser.add_argument("--report", type=Path, required=True, help="the page")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="centres, clinical data, parameters")
    parser.add_argument("--images", type=_cli.settings, required=True, help="centre -> digest of its images, as JSON")
    parser.add_argument("--snakemake", required=True, help="version of Snakemake")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write, in the folder of the study's results"
    )
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, describe, write."""
    content = run_manifest.manifest(
        results=results.read(arguments.results),
        folder=arguments.output.parent,
        checkout=CHECKOUT,
        tables=arguments.tables,
        images=arguments.images,
        snakemake=arguments.snakemake,
    )
    with new_folder(arguments.output) as folder:
        crate.write(folder, content, arguments.report, arguments.results, CHECKOUT)


if __name__ == "__main__":
    main()

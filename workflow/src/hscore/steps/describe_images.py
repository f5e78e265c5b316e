"""Describe the imaging protocol of every centre from its headers, and its image quality in numbers."""

import argparse
from pathlib import Path

from hscore.contracts import batch_record, inventory, quality, result_parts
from hscore.imaging.convert.protocol import protocol
from hscore.imaging.quality.indicators import METRICS
from hscore.report.page.quality_page import overview
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("describe_images", __doc__)
    add = parser.add_argument
    add("--centers", nargs="+", required=True, help="the centres, in the order of the inventories")
    add("--inventories", nargs="+", type=Path, required=True, help="inventory.tsv of every centre")
    add("--quality", nargs="+", type=Path, required=True, help="records of the quality step")
    add("--sequences", nargs="+", required=True, help="all sequences, in the order they are shown")
    add("--output", type=Path, required=True, help="file to write (JSON)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, describe, write."""
    inventories = dict(zip(arguments.centers, map(inventory.read, arguments.inventories), strict=True))
    patients = [quality.read(folder) for folder in batch_record.read(arguments.quality).values()]
    content = {
        "protocol": protocol(inventories, arguments.sequences),
        "quality": {
            center: overview([patient for patient in patients if patient["center"] == center])
            for center in arguments.centers
        },
        "metrics": METRICS,
    }
    result_parts.write(arguments.output, content)


if __name__ == "__main__":
    main()

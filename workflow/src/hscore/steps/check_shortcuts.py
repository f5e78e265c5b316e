"""Test whether headers and image borders, which should be independent of the node status, reveal it."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.contracts import batch_record, outcomes, quality, shortcuts
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import shortcut_auc
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read the included patients' numbers and outcomes centre by centre, test, write."""
    content = {}
    folders = batch_record.read(arguments.quality)
    for center, path in zip(arguments.centers, arguments.lnm, strict=True):
        lnm = scored_cohorts.with_known_nodes(outcomes.read_lnm([path]))
        rows = [quality.read_features(folders[patient]) for patient in lnm.index]
        features = pd.DataFrame(rows, index=lnm.index)
        content[center] = shortcut_auc.report(features, lnm.to_numpy(bool))
    shortcuts.write(arguments.output, content)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("check_shortcuts", __doc__)
    parser.add_argument("--quality", type=Path, nargs="+", required=True, help="records of the quality step")
    parser.add_argument("--centers", nargs="+", required=True, help="names of the centres")
    parser.add_argument("--lnm", type=Path, nargs="+", required=True, help="node status, one CSV per centre")
    parser.add_argument("--output", type=Path, required=True, help="findings, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

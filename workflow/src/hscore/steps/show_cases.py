"""Collect the H scores of patients with known node status for the waterfall, typical calls and the worst errors."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.contracts import batch_record, predictions, quality, result_parts, thresholds
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import cases
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("show_cases", __doc__)
    add = parser.add_argument
    add("--model", required=True, help="the model whose score is the H score")
    add("--most", type=int, required=True, help="wrong calls shown of each kind; 0: no individual patient is shown")
    add("--development", nargs="*", type=Path, default=[], help="development scores, one CSV per model")
    add("--external", nargs="*", type=Path, default=[], help="external scores, one CSV per model")
    add("--manifests", nargs="+", type=Path, required=True, help="manifest.csv of every centre")
    add("--lnm", nargs="+", type=Path, required=True, help="lnm.csv of every centre")
    add("--dfs", nargs="+", type=Path, required=True, help="dfs.csv of every centre")
    add("--thresholds", type=Path, required=True, help="thresholds.json")
    add("--quality", nargs="*", default=[], type=Path, help="records of the quality step; if images")
    add("--output", type=Path, required=True, help="file to write (JSON)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, choose, write."""
    frozen = thresholds.read(arguments.thresholds, [arguments.model])
    patients = scored_cohorts.read_cases(arguments.manifests, arguments.lnm, arguments.dfs)
    scores = {
        evaluation: read_scores(files, evaluation, patients.index)
        for evaluation, files in (
            (predictions.EXTERNAL, arguments.external),
            (predictions.OUT_OF_FOLD, arguments.development),
        )
        if files
    }
    values = {model: entry["value"] for model, entry in frozen.items()}
    montages = {
        patient: quality.read_montage(folder) for patient, folder in batch_record.read(arguments.quality).items()
    }
    content = cases.describe(scores, patients, values, arguments.model, arguments.most, montages)
    result_parts.write(arguments.output, content)


def read_scores(files: list[Path], evaluation: str, shown: pd.Index) -> pd.DataFrame:
    """Return the scores of the patients ``shown``, one column per model, in the order of the first model's patients."""
    scores = predictions.read(files).scores(evaluation)
    return scores[scores.index.isin(shown)]


if __name__ == "__main__":
    main()

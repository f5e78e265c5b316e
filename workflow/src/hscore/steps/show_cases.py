"""Collect the H scores of patients with known node status for the waterfall, typical calls and the worst errors."""

import argparse
import base64
from pathlib import Path

import pandas as pd

from hscore.contracts import batch_record, manifest, outcomes, predictions, tables
from hscore.files import read_json, write_json
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
    frozen = read_json(arguments.thresholds)
    scored_cohorts.threshold_of(arguments.model, frozen, arguments.thresholds)
    thresholds = {model: entry["value"] for model, entry in frozen.items()}
    patients = manifest.read_cells(arguments.manifests, ["center"])
    nodes = outcomes.read_lnm(arguments.lnm)
    tables.same_patients(nodes.index, tables.source(arguments.lnm), patients.index)
    patients = patients.join(scored_cohorts.with_known_nodes(nodes), how="inner")
    patients = patients.join(outcomes.read_dfs(arguments.dfs))
    scores = {
        evaluation: read_scores(files, evaluation, patients.index)
        for evaluation, files in (
            (predictions.EXTERNAL, arguments.external),
            (predictions.OUT_OF_FOLD, arguments.development),
        )
        if files
    }
    main = next(iter(scores))
    shown = cases.shown_patients(scores[main], patients, thresholds, arguments.model, arguments.most)
    pictures = {patient: folder / "montage.webp" for patient, folder in batch_record.read(arguments.quality).items()}
    content = {
        "model": arguments.model,
        "threshold": thresholds[arguments.model],
        "evaluation": main,
        "waterfall": {name: cases.waterfall(frame[arguments.model], patients) for name, frame in scores.items()},
        "shown": [{**case, "montage": picture(pictures.get(case["patient"]))} for case in shown],
    }
    write_json(arguments.output, content)


def read_scores(files: list[Path], evaluation: str, shown: pd.Index) -> pd.DataFrame:
    """Return the scores of the patients ``shown``, one column per model, in the order of the first model's patients."""
    scores = predictions.read(files).scores(evaluation)
    return scores[scores.index.isin(shown)]


def picture(path: Path | None) -> str | None:
    """Return the file in base64; None if it does not exist."""
    return base64.b64encode(path.read_bytes()).decode() if path is not None and path.exists() else None


if __name__ == "__main__":
    main()

"""The reference numbers of the tiny simulated study, `references/tiny_study.csv`.

After a change that is meant to change them, run the study (`CONFIG=config/test.yaml make study`) and then
`python tests/tiny_reference.py results/simulated-tiny > tests/references/tiny_study.csv`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import predictions

COLUMNS = ["kind", "patient", "name", "value"]
# Largest accepted difference, of the value and relative to it. Scores of networks computed with AVX2 instead of AVX-512
# instructions differ by up to 1.4e-6. The metrics have four digits.
TOLERANCE = {"score": (1e-4, 0.0), "sample": (1e-4, 1e-4), "metric": (1e-9, 2e-3)}


def numbers(results: Path) -> pd.DataFrame:
    """Return the numbers of a finished study, with ``COLUMNS``: scores, means of samples, metrics of image quality."""
    return pd.DataFrame([*_scores(results), *_samples(results), *_metrics(results)], columns=COLUMNS)


def _scores(results: Path):
    for cohort, evaluation in (("development", predictions.OUT_OF_FOLD), ("external", predictions.EXTERNAL)):
        scores = predictions.read(sorted(results.glob(f"predictions/*/{cohort}.csv")))
        for model in scores.by_model:
            for patient, score in scores.scores_of(model, evaluation).items():
                yield "score", patient, f"{model} {evaluation}", score


def _samples(results: Path):
    for path in sorted(results.glob("samples/*/sub-*/samples.npz")):
        with np.load(path) as samples:
            for name, values in samples.items():
                yield "sample", path.parent.name.removeprefix("sub-"), name, values.mean(dtype=np.float64)


def _metrics(results: Path):
    for path in sorted(results.glob("qc/*/sub-*/quality.json")):
        quality = json.loads(path.read_text(encoding="utf-8"))
        for sequence, metrics in quality["sequences"].items():
            for name, value in metrics.items():
                if value is not None:
                    yield "metric", quality["patient"], f"{sequence} {name}", value


def differences(found: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in which two tables of ``numbers`` differ by more than accepted, or which only one has."""
    both = found.merge(expected, how="outer", on=COLUMNS[:-1], suffixes=("_found", "_expected"))
    absolute, relative = (both["kind"].map(lambda kind, k=k: TOLERANCE[kind][k]) for k in (0, 1))
    accepted = absolute + relative * both["value_expected"].abs()
    return both[~((both["value_found"] - both["value_expected"]).abs() <= accepted)]


if __name__ == "__main__":
    numbers(Path(sys.argv[1])).to_csv(sys.stdout, index=False, float_format="%.7g")

"""Analyse survival by H score: development (out-of-fold scores) and external."""

import argparse
from pathlib import Path

from hscore.contracts import result_parts, thresholds
from hscore.contracts.manifest import READING
from hscore.contracts.predictions import EXTERNAL, OUT_OF_FOLD
from hscore.errors import UserError
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import added_value, subgroups
from hscore.statistics.survival import survival_by_score
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores, covariates, survival times and frozen thresholds; analyse; write."""
    settings = arguments.settings
    covariates = dict.fromkeys([*settings["adjust_for"], READING])
    characteristics = dict.fromkeys((*subgroups.COLUMNS, *added_value.MEASURED))
    patients = scored_cohorts.read_survival(
        arguments.dfs, arguments.lnm, arguments.manifests, list(covariates), characteristics
    )
    cohorts = {
        name: (evaluation, scored_cohorts.join_scores(path, evaluation, patients))
        for name, evaluation, path in (
            ("external", EXTERNAL, arguments.external),
            ("development", OUT_OF_FOLD, arguments.development),
        )
        if path
    }
    if not cohorts:
        raise UserError("There are neither development nor external scores. Give --development, --external or both.")
    model = settings["model"]
    frozen = thresholds.read(arguments.thresholds, [model])[model]
    predicting = None
    if arguments.frozen_survival:
        predicting = result_parts.read(arguments.frozen_survival, result_parts.Survival)["prediction"]["fitted"]
    result_parts.write(arguments.output, survival_by_score.analyze(cohorts, model, frozen, settings, predicting))


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("analyze_survival", __doc__)
    add = parser.add_argument
    add("--development", type=Path, nargs="?", help="development scores of the H-score model, CSV")
    add("--external", type=Path, nargs="?", help="external scores of the H-score model, CSV")
    add("--manifests", type=Path, nargs="+", required=True, help="included patients, one CSV per centre")
    add("--dfs", type=Path, nargs="+", required=True, help="disease-free survival, one CSV per centre")
    add("--lnm", type=Path, nargs="+", required=True, help="node status at pathology, one CSV per centre")
    add("--thresholds", type=Path, required=True, help="what was frozen on development, JSON")
    add("--frozen-survival", type=Path, nargs="?", help="survival of the study whose models are used, JSON")
    add("--settings", type=_cli.settings, required=True, help="config section survive, JSON")
    add("--output", type=Path, required=True, help="survival, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

"""Evaluate every model at its frozen threshold: external, out-of-fold and apparent, with all comparisons."""

import argparse
from pathlib import Path

from hscore.contracts import folds, outcomes, result_parts, selection, thresholds
from hscore.contracts.predictions import EXTERNAL
from hscore.errors import UserError
from hscore.statistics.common import scored_cohorts
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import evaluated_patients, validation
from hscore.statistics.diagnosis.evaluated_patients import EvaluatedPatients
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores, outcomes and frozen thresholds, validate, write."""
    evaluations, patients = read_evaluations(arguments)
    if not evaluations:
        raise UserError("There are neither development nor external scores. Give --development, --external or both.")
    frozen = thresholds.read(arguments.thresholds)
    selected = selection.read(arguments.selection) if arguments.selection else None
    content = validation.validate_study(
        evaluations, patients, frozen, arguments.settings, arguments.index_tests, selected
    )
    result_parts.write(arguments.output, content)


def read_evaluations(
    arguments: argparse.Namespace,
) -> tuple[dict[str, ScoredCohort], dict[str, EvaluatedPatients]]:
    """Return the scores of every evaluation, and the patients of the evaluations on held-out patients."""
    evaluations, patients = {}, {}
    if arguments.external:
        nodes = outcomes.read_lnm(arguments.lnm)
        evaluations["external"] = scored_cohorts.read_evaluation(arguments.external, EXTERNAL, nodes)
        patients["external"] = evaluated_patients.read(
            nodes, arguments.manifests, arguments.excluded, arguments.excluded_lnm
        )
    if arguments.development:
        split = folds.read(arguments.folds)
        out_of_fold, apparent = scored_cohorts.read_development(arguments.development, split)
        evaluations |= {"out_of_fold": out_of_fold, "apparent": apparent}
        patients["out_of_fold"] = evaluated_patients.read(
            scored_cohorts.nodes_of(split),
            arguments.development_manifests,
            arguments.development_excluded,
            arguments.development_excluded_lnm,
        )
    return evaluations, patients


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("validate_models", __doc__)
    add = parser.add_argument
    add("--development", type=Path, nargs="*", default=[], help="development scores, one CSV per model")
    add("--external", type=Path, nargs="*", default=[], help="external scores, one CSV per model")
    add("--folds", type=Path, nargs="?", help="development patients with lnm and fold, CSV; needed with --development")
    add("--lnm", type=Path, nargs="*", default=[], help="lnm of the external patients, one CSV per centre")
    add("--manifests", type=Path, nargs="*", default=[], help="external patients, for subgroups, one CSV per centre")
    add("--development-manifests", type=Path, nargs="*", default=[], help="the same of the development patients")
    add("--excluded", type=Path, nargs="*", default=[], help="external patients without a score, one CSV per centre")
    add("--excluded-lnm", type=Path, nargs="*", default=[], help="their lnm, one CSV per centre")
    add("--development-excluded", type=Path, nargs="*", default=[], help="the same of the development patients")
    add("--development-excluded-lnm", type=Path, nargs="*", default=[], help="the same of the development patients")
    add(
        "--index-tests",
        type=_cli.settings,
        default={},
        help="models counted by intention to diagnose, JSON: the column of a reading, or null for image models",
    )
    add("--thresholds", type=Path, required=True, help="what was frozen on development, JSON")
    add(
        "--selection",
        type=Path,
        nargs="?",
        help="the models chosen on development, JSON; compared again in external patients",
    )
    add("--settings", type=_cli.settings, required=True, help="config section validate, JSON")
    add("--output", type=Path, required=True, help="validation, JSON")
    arguments = parser.parse_args(argv)
    if arguments.development and not arguments.folds:
        parser.error("--development needs --folds")
    if (arguments.excluded and not arguments.manifests) or (
        arguments.development_excluded and not arguments.development_manifests
    ):
        parser.error("excluded patients need the manifests of the included ones")
    _cli.run(work, arguments)


if __name__ == "__main__":
    main()

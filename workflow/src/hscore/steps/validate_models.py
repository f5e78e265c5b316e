"""Evaluate every model at its frozen threshold: external, out-of-fold and apparent, with all comparisons."""

import argparse
from pathlib import Path

import pandas as pd

from hscore.contracts import folds, manifest, outcomes, tables
from hscore.contracts.predictions import EXTERNAL
from hscore.errors import UserError
from hscore.files import read_json, write_json
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import added_value, intention_to_diagnose, selection, subgroups, validation
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores, outcomes and frozen thresholds, validate, write."""
    evaluations, characteristics, included = {}, {}, {}
    if arguments.external:
        nodes = outcomes.read_lnm(arguments.lnm)
        evaluations["external"] = scored_cohorts.read_evaluation(arguments.external, EXTERNAL, nodes)
        characteristics["external"], included["external"] = about(arguments.manifests, nodes)
    if arguments.development:
        split = folds.read(arguments.folds)
        nodes = scored_cohorts.nodes_of(split)
        out_of_fold, apparent = scored_cohorts.read_development(arguments.development, split)
        evaluations |= {"out_of_fold": out_of_fold, "apparent": apparent}
        characteristics["out_of_fold"], included["out_of_fold"] = about(arguments.development_manifests, nodes)
    if not evaluations:
        raise UserError("There are neither development nor external scores. Give --development, --external or both.")
    frozen = read_json(arguments.thresholds)
    content = validation.validate(evaluations, frozen, arguments.settings, characteristics)
    if arguments.selection:
        confidence = arguments.settings["confidence"]
        chosen = read_json(arguments.selection)
        content["selection"] = selection.compare_externally(evaluations.get("external"), chosen, confidence)
    options = vars(arguments)
    content["intention_to_diagnose"] = []
    for name, role in (("external", ""), ("out_of_fold", "development_")):
        excluded, lnm = (options[role + key] for key in ("excluded", "excluded_lnm"))
        if name in evaluations and excluded:
            content["intention_to_diagnose"] += intention_to_diagnose.report(
                name,
                evaluations[name],
                characteristics[name],
                scored_cohorts.read_excluded(excluded, lnm),
                included[name] - evaluations[name].y_true.size,
                arguments.index_tests,
                frozen,
                arguments.settings,
            )
    write_json(arguments.output, content)


def about(manifests: list[Path], nodes: pd.Series) -> tuple[pd.DataFrame | None, int]:
    """Return the characteristics of patients with known node status, and the number of all patients of the manifests.

    The characteristics are those for subgroups, added value and readings, as text; None without manifests.
    """
    if not manifests:
        return None, 0
    table = manifest.read_cells(manifests)
    patients = scored_cohorts.with_known_nodes(nodes).index
    tables.some_patients(table.index, tables.source(manifests), patients)
    columns = dict.fromkeys((*subgroups.COLUMNS, *added_value.OF_NODES, manifest.READING))
    return table.loc[patients, [name for name in columns if name in table]], len(table)


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

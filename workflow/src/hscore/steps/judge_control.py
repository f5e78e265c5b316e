"""Check that the study of a negative control found nothing, and that the shortcut check found what was planted."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import folds, outcomes, shortcuts
from hscore.contracts.predictions import EXTERNAL
from hscore.files import write_json
from hscore.recovery import control_checks
from hscore.statistics.common import scored_cohorts
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read scores, labels and the findings of the shortcut check; judge; write."""
    split = folds.read(arguments.folds)
    development, _ = scored_cohorts.read_development(arguments.development, split)
    parts = [outcomes.read_lnm([path]) for path in arguments.lnm]
    external = pd.concat(parts)
    centers_of_patients = np.repeat(arguments.external_centers, [part.count() for part in parts])
    cohorts = {
        "out_of_fold": control_checks.Cohort(development, split["center"].to_numpy(str)),
        "external": control_checks.Cohort(
            scored_cohorts.read_evaluation(arguments.external, EXTERNAL, external), centers_of_patients
        ),
    }
    leaking = list(arguments.external_centers) if arguments.control == "corner_leak" else []
    verdict = control_checks.judge(
        arguments.control, arguments.models, cohorts, shortcuts.read(arguments.shortcuts), leaking
    )
    write_json(arguments.output, verdict)


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("judge_control", __doc__)
    add = parser.add_argument
    add("--control", required=True, help="name of the control")
    add("--models", type=_cli.settings, required=True, help="config section models, JSON")
    add("--development", type=Path, nargs="+", required=True, help="development scores, one CSV per model")
    add("--external", type=Path, nargs="+", required=True, help="external scores, one CSV per model")
    add("--folds", type=Path, required=True, help="development patients with lnm and centre, CSV")
    add("--external-centers", nargs="+", required=True, help="names of the external centres")
    add("--lnm", type=Path, nargs="+", required=True, help="lnm of the external patients, one CSV per centre")
    add("--shortcuts", type=Path, required=True, help="findings of the shortcut check, JSON")
    add("--output", type=Path, required=True, help="the verdict, JSON")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()

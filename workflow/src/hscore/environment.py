"""Check that a step runs in the environment its rule declares.

With one environment per stage (``snakemake --sdm conda`` or ``env-modules``), exactly the packages that
``envs/<stage>.yaml`` pins must be installed, and nothing else. Otherwise a missing or wrong module would run the job
unnoticed in some other Python, which may well have the packages. The common environment of `make env` is not checked
again by each step: pip has installed the lock in it.
"""

import os
import re
import sys
from pathlib import Path

from hscore.errors import UserError

CHECKOUT = Path(__file__).parents[3]  # root of the workflow
FOLDER = CHECKOUT / "envs"
# Variable that the Snakefile sets in every job if each stage has its own environment.
OWN = "HSCORE_OWN_ENVIRONMENT"

# stage -> its steps; one environment for all of them
STAGES = {
    "simulate": ["simulate_atlas", "simulate_center", "simulate_patient"],
    "convert": ["convert_patient", "write_inventory", "compare_patients"],
    "normalize": ["normalize_patient"],
    "sample": ["sample_patient"],
    "quality": ["check_quality", "overview_quality"],
    "cohort": ["build_cohort", "write_outcome", "describe_cohorts"],
    "split": ["split"],
    "train": ["train_model", "search_settings"],
    "predict": ["predict", "explain_model"],
    "validate": [
        *("freeze_thresholds", "select_models", "validate_models", "check_shortcuts"),
        *("describe_held_out_centers", "summarize_search", "show_cases"),
    ],
    "survive": ["analyze_survival"],
    "report": ["describe_images", "collect_results", "report"],
    "provenance": ["record_run"],
    "recovery": [
        *("compare_hazard_ratios", "monte_carlo_truth", "monte_carlo_batch", "summarize_monte_carlo"),
        *("compare_with_truth", "judge_control"),
    ],
}
# Packages that create an environment, and those that torch installs with itself in a CUDA build.
ALLOWED_EXTRAS = re.compile(r"pip|setuptools|wheel|triton|nvidia-.+|cuda-.+")
SHOWN = 5


def check(step: str) -> None:
    """Check that this Python has exactly the packages that the step's environment file pins.

    Raises:
        UserError: a package is missing, has another version or is not pinned.
    """
    stage = stage_of(step)
    if stage is None:  # no such step: Python reports it
        return
    wrong = differences(pins(stage), installed(sys.path))
    if python(stage) != running():
        wrong.append(f"it has Python {running()}, not {python(stage)}")
    if wrong:
        raise UserError(
            f"{sys.prefix} is not the environment of envs/{stage}.yaml: {'; '.join(wrong)} "
            f"(has the module or conda environment of '{stage}' been loaded?)"
        )


def stage_of(step: str) -> str | None:
    """Return the stage whose environment a step runs in, or None for an unknown step."""
    return next((stage for stage, steps in STAGES.items() if step in steps), None)


def pins(stage: str) -> dict[str, str]:
    """Return the version of each package in the pip section of an environment file."""
    return dict(re.findall(r"(?m)^      - ([\w.-]+)==(\S+)$", _text(stage)))


def python(stage: str) -> str:
    """Return the Python version of an environment file, such as ``3.11``."""
    return re.search(r"(?m)^  - python =(\d+\.\d+)", _text(stage))[1]


def _text(stage: str) -> str:
    """Return the text of an environment file."""
    return (FOLDER / f"{stage}.yaml").read_text(encoding="utf-8")


def running() -> str:
    """Return the version of this Python, such as ``3.11``."""
    return "{}.{}".format(*sys.version_info)


def installed(folders: list[str]) -> dict[str, str]:
    """Return the version of each package installed in the folders, without the build (``+cpu``).

    The versions come from the names of the folders that installers create (``<name>-<version>.dist-info``, PEP 427).
    Importing ``importlib.metadata`` would double the start-up time of every job.
    """
    versions = {}
    for folder in map(Path, reversed(folders)):  # the first folder wins, as in an import
        for name in os.listdir(folder) if folder.is_dir() else ():
            if match := re.fullmatch(r"(.+?)-([^-+]+)(\+[^-]+)?\.dist-info", name):
                versions[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return versions


def differences(wanted: dict[str, str], have: dict[str, str]) -> list[str]:
    """Return the differences between the versions of the installed packages (``have``) and of the pinned ones."""
    absent = sorted(wanted.keys() - have.keys())
    changed = [
        f"{name} {have[name]} for {wanted[name]}"
        for name in sorted(wanted)
        if have.get(name, wanted[name]) != wanted[name]
    ]
    extra = sorted(name for name in have.keys() - wanted.keys() if not ALLOWED_EXTRAS.fullmatch(name))
    kinds = (("it lacks", absent), ("it has", changed), ("it also has", extra))
    return [f"{what} {_few(names)}" for what, names in kinds if names]


def _few(names: list[str]) -> str:
    """Return the first ``SHOWN`` names and the number of the rest."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

"""Which environment each step was promised, and whether it runs in it.

The promise is kept when the packages that ``envs/<stage>.yaml`` pins are there in exactly these versions. Where every
stage has an environment of its own (``snakemake --sdm conda`` or ``env-modules``), nothing else may be there: a
missing or wrong module leaves a job in some other Python, which may well have the packages, and nobody would notice.
In the common environment that `make env` sets up there is more.
"""

import os
import re
import sys
from pathlib import Path

from hscore.errors import UserError

CHECKOUT = Path(__file__).parents[3]  # root of the workflow
FOLDER = CHECKOUT / "envs"
# Variable that the Snakefile sets in every job where each stage has an environment of its own.
OWN = "HSCORE_OWN_ENVIRONMENT"

# stage -> its steps; one environment for all of them
STAGES = {
    "simulate": ["simulate_atlas", "simulate_center", "simulate_patient"],
    "convert": ["convert", "inventory", "compare_patients"],
    "normalize": ["normalize"],
    "sample": ["sample"],
    "quality": ["quality", "quality_overview"],
    "cohort": ["cohort", "outcomes", "table1"],
    "split": ["split"],
    "train": ["train", "search"],
    "predict": ["predict", "explain"],
    "validate": [
        *("freeze_thresholds", "select_models", "validate", "shortcuts"),
        *("describe_held_out_centers", "summarize_search", "show_cases"),
    ],
    "survive": ["survive"],
    "report": ["describe_images", "results", "report"],
    "provenance": ["provenance"],
    "recovery": [
        *("compare_hazard_ratios", "monte_carlo_truth", "monte_carlo_batch", "monte_carlo"),
        *("recovery", "judge_control"),
    ],
}
# What makes an environment, and what torch brings along where it is built for CUDA.
MAY_BE_THERE = re.compile(r"pip|setuptools|wheel|triton|nvidia-.+|cuda-.+")
SHOWN = 5


def check(step: str) -> None:
    """Raise UserError unless this Python has the packages that the step was promised."""
    stage = stage_of(step)
    if stage is None:  # no such step: Python will say so
        return
    exact = OWN in os.environ
    needless = set() if exact or python(stage) == running() else for_some_pythons()
    wrong = differences(pins(stage), installed(sys.path), needless, exact=exact)
    if exact and python(stage) != running():
        wrong.append(f"it has Python {running()}, not {python(stage)}")
    if wrong:
        remedy = (
            f"has the module or conda environment of '{stage}' been loaded?" if exact else "make env sets it up anew"
        )
        raise UserError(f"{sys.prefix} is not the environment of envs/{stage}.yaml: {'; '.join(wrong)} ({remedy})")


def stage_of(step: str) -> str | None:
    """The stage whose environment a step runs in."""
    return next((stage for stage, steps in STAGES.items() if step in steps), None)


def pins(stage: str) -> dict[str, str]:
    """Package -> version of an environment file (its pip section)."""
    return dict(re.findall(r"(?m)^      - ([\w.-]+)==(\S+)$", _text(stage)))


def python(stage: str) -> str:
    """The Python version of an environment file, such as ``3.11``."""
    return re.search(r"(?m)^  - python =(\d+\.\d+)", _text(stage))[1]


def _text(stage: str) -> str:
    return (FOLDER / f"{stage}.yaml").read_text(encoding="utf-8")


def running() -> str:
    """The version of this Python, such as ``3.11``."""
    return "{}.{}".format(*sys.version_info)


def installed(folders: list[str]) -> dict[str, str]:
    """Package -> version of everything installed there, without the build (``+cpu``).

    Read from the names of the folders that installers leave behind (``<name>-<version>.dist-info``, PEP 427): importing
    ``importlib.metadata`` would cost every job twice its start.
    """
    found = {}
    for folder in map(Path, reversed(folders)):  # the first folder wins, as in an import
        for name in os.listdir(folder) if folder.is_dir() else ():
            if match := re.fullmatch(r"(.+?)-([^-+]+)(\+[^-]+)?\.dist-info", name):
                found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return found


def for_some_pythons() -> set[str]:
    """Packages that the lock wants for some versions of Python alone, so that another one does without them."""
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^([\w.-]+)==\S+ ; .*\bpython_", lock))


def differences(wanted: dict[str, str], have: dict[str, str], needless: set[str], *, exact: bool) -> list[str]:
    """What is wrong with the packages ``have`` where ``wanted`` were promised (both name -> version).

    ``needless`` packages may be absent; ``exact``: nothing else may be there.
    """
    absent = sorted(wanted.keys() - have.keys() - needless)
    other = [
        f"{name} {have[name]} for {wanted[name]}"
        for name in sorted(wanted)
        if have.get(name, wanted[name]) != wanted[name]
    ]
    more = sorted(name for name in have.keys() - wanted.keys() if exact and not MAY_BE_THERE.fullmatch(name))
    kinds = (("it lacks", absent), ("it has", other), ("it also has", more))
    return [f"{what} {_few(names)}" for what, names in kinds if names]


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

"""Write envs/<stage>.yaml, one exact environment a stage, from the lock and from what the stage's code imports.

`make envs` writes them; with `--check` (part of `make test`) it fails when one is stale. An environment holds the
packages that the modules of the stage's steps import, and what those packages bring along, with the lock's versions.
Torch's CUDA companions are not listed: torch itself names their exact versions, on the platforms that have them.
envs/workflow.yaml is the thin environment that runs Snakemake itself where every stage has its own.
"""

import argparse
import re
import sys
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))
from hscore import (
    code_digest,  # noqa: E402
    environment,  # noqa: E402
)

# name in an import statement -> name of the package, where they differ
PACKAGES = {"PIL": "pillow", "SimpleITK": "simpleitk", "sklearn": "scikit-learn"}
PACKAGES |= {"tensorboardX": "tensorboardx", "yaml": "pyyaml"}
# used without being imported
PROGRAMS = {"convert": {"dcm2niix"}}
# what Snakemake is run with: itself, what the Snakefile's own modules import, `--report`, `--executor slurm`
WORKFLOW = {"snakemake", "packaging", "pyyaml", "jsonschema", "pygments", "snakemake-executor-plugin-slurm"}
# the platform for which the pins are chosen
PLATFORM = {"python_version": "3.11", "python_full_version": "3.11.11", "sys_platform": "linux"}
PLATFORM |= {"platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}

TEMPLATE = """\
# Exact environment of {purpose}. Written by `make envs` from requirements.lock; do not edit.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11.11
  - pip =25.0.1
  - pip:
{pins}
"""


def main() -> None:
    """Write the environments, or check that they are as they would be written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args().check
    stale = []
    for stage in ("workflow", *environment.STAGES):
        path, text = ROOT / "envs" / f"{stage}.yaml", text_of(stage)
        if not path.exists() or path.read_text() != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if not check:
                path.write_text(text)
    if check and stale:
        sys.exit(f"error: {', '.join(stale)} do not follow from requirements.lock and the code; run `make envs`")


def text_of(stage: str) -> str:
    """Text of the environment file of one stage."""
    versions, requires = read_lock()
    purpose = "Snakemake itself" if stage == "workflow" else f"the stage `{stage}`"
    pins = [f"      - {name}=={versions[name]}" for name in sorted(with_requirements(direct(stage), requires))]
    return TEMPLATE.format(purpose=purpose, pins="\n".join(pins))


def direct(stage: str) -> set[str]:
    """Packages that the modules of a stage import or call."""
    if stage == "workflow":
        return WORKFLOW
    imported = set().union(*(code_digest.third_party(step) for step in environment.STAGES[stage]))
    return {PACKAGES.get(name, name) for name in imported} | PROGRAMS.get(stage, set())


def with_requirements(names: set[str], requires: dict[str, set[str]]) -> set[str]:
    """The packages and everything they need."""
    found, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= requires.get(name, set()) - found
    return found


def read_lock() -> tuple[dict[str, str], dict[str, set[str]]]:
    """Versions on ``PLATFORM``, and which package needs which, from requirements.lock and requirements.torch.txt.

    The lock names after ``# via`` who asked for a package.
    """
    versions = dict(re.findall(r"(?m)^(torch)==(\S+)", (ROOT / "requirements.torch.txt").read_text()))
    requires: dict[str, set[str]] = {}
    for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text()):
        head = re.match(r"([\w.-]+)==(\S+)(?: ; (.+?))? \\\n", entry)
        if head is None or (head[3] and not Marker(head[3]).evaluate(PLATFORM)):
            continue
        versions[head[1]] = head[2]
        for parent in re.findall(r"(?m)^    #(?: via)? +([a-z0-9][\w.-]*)$", entry):
            requires.setdefault(parent, set()).add(head[1])
    return versions, requires


if __name__ == "__main__":
    main()

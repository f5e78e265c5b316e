"""Write envs/<stage>.yaml, one exact environment per stage, from the lock and the imports of the stage's code.

`make envs` runs it. With `--check` (part of `make test`) it fails if a file is out of date. An environment contains the
packages that the modules of the stage's steps import, and their dependencies, in the versions of the lock. The CUDA
dependencies of torch are not listed; torch pins them itself on the platforms that have them. envs/workflow.yaml is the
small environment that runs Snakemake itself if every stage has its own.
"""

import argparse
import re
import sys
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))
from hscore import code_digest, environment  # noqa: E402

# name in an import statement -> name of the package, if they differ
PACKAGES = {"PIL": "pillow", "SimpleITK": "simpleitk", "sklearn": "scikit-learn"}
PACKAGES |= {"tensorboardX": "tensorboardx", "yaml": "pyyaml"}
# used without being imported
PROGRAMS = {"convert": {"dcm2niix"}}
# Snakemake, imports of the Snakefile's modules, and the requirements of `--report` and `--executor slurm`
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
    """Write the environments, or check that they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    check = parser.parse_args().check
    stale = []
    for stage in ("workflow", *environment.STAGES):
        path, text = ROOT / "envs" / f"{stage}.yaml", text_of(stage)
        if not path.exists() or path.read_text() != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if not check:
                path.write_text(text)
    if check and stale:
        sys.exit(f"error: {', '.join(stale)} are out of date; run `make envs`")


def text_of(stage: str) -> str:
    """Return the text of the environment file of one stage."""
    versions, requires = read_lock()
    purpose = "Snakemake itself" if stage == "workflow" else f"the stage `{stage}`"
    pins = [f"      - {name}=={versions[name]}" for name in sorted(with_requirements(direct(stage), requires))]
    return TEMPLATE.format(purpose=purpose, pins="\n".join(pins))


def direct(stage: str) -> set[str]:
    """Return the packages that the modules of a stage import or call."""
    if stage == "workflow":
        return WORKFLOW
    imported = set().union(*(code_digest.third_party(step) for step in environment.STAGES[stage]))
    return {PACKAGES.get(name, name) for name in imported} | PROGRAMS.get(stage, set())


def with_requirements(names: set[str], requires: dict[str, set[str]]) -> set[str]:
    """Return the packages and all their dependencies."""
    resolved, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        resolved.add(name)
        waiting |= requires.get(name, set()) - resolved
    return resolved


def read_lock() -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return versions on ``PLATFORM`` and the dependencies of each package, from both files of requirements.

    In requirements.lock, ``# via`` names the packages that require a package. torch is in requirements.torch.txt.
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

"""Write envs/<stage>.yaml, one exact environment per stage, from the lock and the imports of the stage's code.

`make envs` runs it. With `--check` (part of `make test`) it fails if a file is out of date. An environment contains the
packages that the modules of the stage's steps import, and their dependencies, in the versions of the lock. The CUDA
dependencies of torch are not listed; torch pins them itself on the platforms that have them. envs/workflow.yaml is the
small environment that runs Snakemake itself if every stage has its own.
"""

import argparse
import re
import sys
import tomllib
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

# the dependencies of torch's CUDA build
CUDA = re.compile(r"triton|nvidia-.+|cuda-.+")

TEMPLATE = """\
# Exact environment of {purpose}. Written by `make envs` from uv.lock; do not edit.
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
    """Return from uv.lock the version of each package on ``PLATFORM``, and the packages that each one requires."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    packages = [package for package in packages if any(map(applies, package.get("resolution-markers", [None])))]
    optional = {package["name"]: package.get("optional-dependencies", {}) for package in packages}

    def names(dependencies: list[dict]) -> set[str]:
        needed = [each for each in dependencies if applies(each.get("marker")) and not CUDA.fullmatch(each["name"])]
        extras = [optional[each["name"]].get(extra, []) for each in needed for extra in each.get("extra", [])]
        return {each["name"] for each in needed}.union(*map(names, extras))

    requires = {package["name"]: names(package.get("dependencies", [])) for package in packages}
    return {package["name"]: package["version"] for package in packages}, requires


def applies(marker: str | None) -> bool:
    """Return whether an environment marker holds on ``PLATFORM``."""
    return marker is None or Marker(marker).evaluate(PLATFORM)


if __name__ == "__main__":
    main()

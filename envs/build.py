"""Build every environment of envs/*.yaml as a separate virtual environment, with a module for each.

`make environments` runs it, for machines without conda and to verify that each YAML file is complete. An environment
gets exactly the pins in its file, and must then satisfy the requirements of its packages. The result is

    <folder>/<stage>/                     the environments; on the same disk they share files (hard links)
    <folder>/modulefiles/hscore/<stage>   modules that add them to the path, for `snakemake --sdm env-modules`
    <folder>/sizes.tsv                    size and build time of each

An existing environment with the same pins is kept. Requires uv in the environment that runs this program.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))
from hscore import environment  # noqa: E402

STAGES = ["workflow", *environment.STAGES]
# uv does not read pip's settings, so the package sources of pip are passed on
FROM_PIP = {
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_INDEX_URL": "UV_INDEX_URL",
    "PIP_EXTRA_INDEX_URL": "UV_EXTRA_INDEX_URL",
}
FROM_PIP |= {"PIP_CERT": "SSL_CERT_FILE"}

MODULE = """\
#%Module
module-whatis "hscore: environment of {stage}"
conflict hscore
prepend-path PATH {bin}
"""


def main() -> None:
    """Build environments that are missing or out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the environments go")
    parser.add_argument("stages", nargs="*", default=STAGES, metavar="stage", help="build only these")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    lines = ["environment\tpackages\tMB\tunshared MB\tseconds"]
    for stage in arguments.stages:
        seconds = build(stage, folder / stage)
        write_module(stage, folder)
        count = len(environment.pins(stage))
        print(
            f"{stage}: {count} packages, " + ("up to date" if seconds is None else f"built in {seconds:.1f} s"),
            flush=True,
        )
        whole, own = size(folder / stage)
        lines.append(
            f"{stage}\t{count}\t{whole / 1e6:.0f}\t{own / 1e6:.0f}\t{'' if seconds is None else f'{seconds:.1f}'}"
        )
    (folder / "sizes.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def build(stage: str, folder: Path) -> float | None:
    """Build one environment; return the seconds it took, or None if it is up to date.

    The list of pins is written last, inside the environment. An interrupted build has none.
    """
    pins = "".join(f"{name}=={version}\n" for name, version in environment.pins(stage).items())
    stamp = folder / "pins.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pins:
        return None
    start = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    uv("venv", "--python", sys.executable, str(folder))
    # only torch may install further packages: its CUDA dependencies, if it is built for CUDA
    alone = [] if "torch" in environment.pins(stage) else ["--no-deps"]
    uv("pip", "install", "--python", str(folder / "bin" / "python"), *alone, "--requirements", "-", text=pins)
    uv("pip", "check", "--python", str(folder / "bin" / "python"))
    stamp.write_text(pins, encoding="utf-8")
    return time.monotonic() - start


def uv(*arguments: str, text: str | None = None) -> None:
    """Run uv quietly; on failure print its messages and end the program."""
    variables = {theirs: os.environ[ours] for ours, theirs in FROM_PIP.items() if ours in os.environ}
    installed = Path(sys.executable).with_name("uv")
    program = str(installed) if installed.exists() else "uv"
    done = subprocess.run(
        [program, *arguments, "--quiet"], input=text, capture_output=True, text=True, env={**variables, **os.environ}
    )
    if done.returncode:
        sys.exit(f"error: uv {' '.join(arguments)}:\n{done.stderr}{done.stdout}")


def write_module(stage: str, folder: Path) -> None:
    """Write a module ``hscore/<stage>`` that adds the environment to the path."""
    path = folder / "modulefiles" / "hscore" / stage
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MODULE.format(stage=stage, bin=folder / stage / "bin"), encoding="utf-8")


def size(folder: Path) -> tuple[int, int]:
    """Return the bytes of all files below the folder, and of those without a second hard link."""
    states = [os.lstat(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names]
    return sum(state.st_size for state in states), sum(state.st_size for state in states if state.st_nlink == 1)


if __name__ == "__main__":
    main()

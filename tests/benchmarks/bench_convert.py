"""Print what the whole convert step costs beside dcm2niix alone on the same series, patient by patient.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_convert.py [patients per scanner] [folder]

Patients of all three scanners are simulated into the folder (a temporary one by default, kept and used again when one
is named). The step runs as a process of its own, as in a study; dcm2niix gets the series that the step chose and
compresses as it does by default. Times are CPU seconds of the processes and their children, so that other
work on the machine matters less. To hold: at most twice dcm2niix plus 0.5 s.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import dcm2niix
import yaml
from standard_parts import link_chosen

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
PARAMETERS = str(ROOT / "resources" / "simulation.yaml")
SCANNERS = ("siemens", "ge", "philips")


def cpu_seconds(*command: str) -> float:
    """CPU seconds of a program and of what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def step(name: str, *arguments: str) -> float:
    """CPU seconds of one step of the study."""
    return cpu_seconds(sys.executable, "-m", f"hscore.steps.{name}", *arguments)


def simulate(folder: Path, scanner: str, count: int) -> list[Path]:
    """The image folders of ``count`` patients, simulated unless they are there."""
    truth, atlas = folder / f"{scanner}.json", str(folder / "atlas")
    if not Path(atlas).exists():
        step("simulate_atlas", "--parameters", PARAMETERS, "--seed", "2020", "--output", atlas)
    drawn = ["--center", scanner, "--scanner", scanner, "--patients", str(max(count, 5)), "--lnm-positive", "1"]
    table = str(folder / f"{scanner}.csv")
    step(
        "simulate_center", *drawn, "--seed", "2020", "--parameters", PARAMETERS, "--table", table, "--truth", str(truth)
    )
    images = []
    for number in range(1, count + 1):
        patient = f"{scanner}-{number:04d}"
        images.append(folder / scanner / patient)
        if not images[-1].exists():
            whose = ["--truth", str(truth), "--patient", patient, "--scanner", scanner, "--seed", "2020"]
            files = ["--atlas", atlas, "--output", str(images[-1]), "--image-truth", f"{images[-1]}.npz"]
            step("simulate_patient", *whose, "--parameters", PARAMETERS, *files)
    return images


def compare(images: Path, scratch: Path) -> tuple[float, float]:
    """CPU seconds of the step and of dcm2niix alone for one patient."""
    output = scratch / "step" / images.name
    whole = step(
        *("convert", "--patient", images.name, "--center", "benchmark", "--images", str(images)),
        *("--settings", json.dumps(CONFIG["convert"]), "--output", str(output)),
    )
    source = link_chosen(images, output, scratch / "dicom" / images.name)
    target = scratch / "alone" / images.name
    target.mkdir(parents=True)
    return whole, cpu_seconds(dcm2niix.bin, "-z", "y", "-f", "%s", "-o", str(target), str(source))


def main() -> None:
    """Simulate, measure, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory(prefix="hscore-bench-") as scratch:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch, "simulated")
        folder.mkdir(parents=True, exist_ok=True)
        every = []
        for scanner in SCANNERS:
            times = [compare(images, Path(scratch)) for images in simulate(folder, scanner, count)]
            every += times
            report(scanner, times)
        report("all", every)


def report(name: str, times: list[tuple[float, float]]) -> None:
    """One line: medians, their ratio, and how many patients stay within the bound."""
    whole, alone = (statistics.median(column) for column in zip(*times, strict=True))
    within = sum(step <= 2 * bare + 0.5 for step, bare in times)
    print(
        f"{name:8} n {len(times):3}  step {whole:.2f} s  dcm2niix {alone:.2f} s  ratio {whole / alone:.2f}  "
        f"within 2 x dcm2niix + 0.5 s: {within} of {len(times)}",
        flush=True,
    )


if __name__ == "__main__":
    main()

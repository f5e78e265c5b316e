"""Print the cost of a convert job per patient next to that of dcm2niix alone on the same series.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_convert.py [patients per scanner] [folder]

Patients of all three scanners are simulated into the folder, by default as many as one job processes. The default
folder is temporary; a named one is kept and reused. One job converts the patients of one scanner, as in a study.
dcm2niix gets the series that the step chose and compresses with its defaults. Times are CPU seconds of the processes
and their children, so other work on the machine matters less. Target: at most twice dcm2niix plus 0.1 s per patient.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import dcm2niix
import yaml
from standard_parts import link_chosen

from hscore.contracts import batch_record

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
PARAMETERS = str(ROOT / "resources" / "simulation.yaml")
SCANNERS = ("siemens", "ge", "philips")


def cpu_seconds(*command: str) -> float:
    """Return the CPU seconds of a program and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def step(name: str, *arguments: str) -> float:
    """Return the CPU seconds of one step of the study."""
    return cpu_seconds(sys.executable, "-m", f"hscore.steps.{name}", *arguments)


def simulate(folder: Path, scanner: str, count: int) -> list[Path]:
    """Return the image folders of ``count`` patients; simulate those that do not exist."""
    truth, atlas = folder / f"{scanner}.json", str(folder / "atlas")
    if not Path(atlas).exists():
        step("simulate_atlas", "--parameters", PARAMETERS, "--seed", "2020", "--output", atlas)
    drawn = ["--center", scanner, "--scanner", scanner, "--patients", str(max(count, 5)), "--lnm-positive", "1"]
    table = str(folder / f"{scanner}.csv")
    step(
        "simulate_center", *drawn, "--seed", "2020", "--parameters", PARAMETERS, "--table", table, "--truth", str(truth)
    )
    images = [folder / scanner / "images" / f"{scanner}-{number:04d}" for number in range(1, count + 1)]
    if to_do := [patient.name for patient in images if not patient.exists()]:
        whose = ["--truth", str(truth), "--patients", *to_do, "--scanner", scanner, "--seed", "2020"]
        records = {name: str(folder / scanner / name / "1-of-1.json") for name in ("batches", "truth")}
        files = ["--atlas", atlas, "--images", records["batches"], "--image-truth", records["truth"]]
        step("simulate_patient", *whose, "--parameters", PARAMETERS, *files)
    return images


def compare(images: list[Path], scratch: Path) -> tuple[float, float]:
    """Return the CPU seconds of one job on these patients, and the sum of those of dcm2niix alone on each."""
    record = scratch / "step/batches" / f"{images[0].name}.json"
    whole = step(
        *("convert_patient", "--patients", *(folder.name for folder in images), "--center", "benchmark"),
        *("--images", str(images[0].parent), "--settings", json.dumps(CONFIG["convert"]), "--output", str(record)),
    )
    alone, made = 0.0, batch_record.read([record])
    for folder in images:
        source = link_chosen(folder, made[folder.name], scratch / "dicom" / folder.name)
        target = scratch / "alone" / folder.name
        target.mkdir(parents=True)
        alone += cpu_seconds(dcm2niix.bin, "-z", "y", "-f", "%s", "-o", str(target), str(source))
    return whole, alone


def main() -> None:
    """Simulate, measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CONFIG["patients_per_job"]
    with tempfile.TemporaryDirectory(prefix="hscore-bench-") as scratch:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch, "simulated")
        folder.mkdir(parents=True, exist_ok=True)
        start = cpu_seconds(sys.executable, "-c", "import hscore.steps.convert_patient")
        print(f"to start a job: {start:.2f} s", flush=True)
        for scanner in SCANNERS:
            whole, alone = (seconds / count for seconds in compare(simulate(folder, scanner, count), Path(scratch)))
            print(
                f"{scanner:8} n {count:3}  per patient: step {whole:.2f} s  dcm2niix {alone:.2f} s  ratio "
                f"{whole / alone:.2f}  {'within' if whole <= 2 * alone + 0.1 else 'over'} 2 x dcm2niix + 0.1 s",
                flush=True,
            )


if __name__ == "__main__":
    main()

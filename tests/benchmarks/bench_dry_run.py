"""How long a dry-run takes, and how that grows: `python tests/benchmarks/bench_dry_run.py [patients ...]`.

The simulated study with so many patients, nothing done yet, through `--logger hscore` as `make dry-run` runs it. CPU
seconds stand beside the wall time, since the machine may be at work on something else; ``ms per patient`` is the growth
from one size to the next.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = (479, 2_000, 10_000)


def main() -> None:
    """Print a line a size."""
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    print(f"{'patients':>8} {'jobs':>7} {'wall s':>7} {'CPU s':>7} {'ms per patient':>15}")
    before = (0, 0.0)
    for patients in sizes:
        jobs, wall, cpu = dry_run(patients)
        growth = 1000 * (cpu - before[1]) / (patients - before[0])
        print(f"{patients:8} {jobs:7} {wall:7.2f} {cpu:7.2f} {growth:15.2f}", flush=True)
        before = (patients, cpu)


def dry_run(patients: int) -> tuple[int, float, float]:
    """Number of jobs, wall time and CPU time of one dry-run."""
    with tempfile.TemporaryDirectory() as folder:
        counts = [patients * 218 // 479, patients * 120 // 479]
        counts.append(patients - sum(counts))
        header, *rows = (ROOT / "config/centers.full.tsv").read_text().splitlines()
        place = header.split("\t").index("patients")
        lines = [header]
        for row, count in zip(rows, counts, strict=True):
            cells = row.split("\t")
            cells[place] = str(count)
            lines.append("\t".join(cells))
        (Path(folder) / "centers.tsv").write_text("\n".join(lines) + "\n")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--dry-run"]
        command += ["--workflow-profile", str(ROOT / "workflow/profiles/local"), "--logger", "hscore"]
        command += ["--configfile", str(ROOT / "config/full.yaml"), "--config", "centers=centers.tsv"]
        command += [f"simulation={{parameters: {ROOT}/resources/simulation.yaml}}"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/src")}
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = (done.stdout + done.stderr).splitlines()
    total = next(int(line.split()[1]) for line in said if line.startswith("total "))
    return total, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()

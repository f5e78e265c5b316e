"""Print the cost of a dry-run and its growth: `python tests/benchmarks/bench_dry_run.py [patients ...]`.

The studies have the given numbers of patients and no results yet. One is simulated; the other has its own clinical
tables. Both run through `--logger hscore`, as with `make dry-run`. There are tables only, no image folders. CPU seconds
are printed next to the wall time, because the machine may be busy. ``ms per patient`` is the growth from one size to
the next.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SIZES = (479, 10_000, 100_000)
SHARES = {"sysucc": 218, "henan": 120, "yunnan": 141}  # of 479
COLUMNS = "patient,center,age,figo_stage,histology,grade,scc_ag_ng_ml,mri_ln_short_axis_mm,lnm,dfs_months,dfs_event"


def main() -> None:
    """Print one line per kind of data and size."""
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    print(f"{'data':9} {'patients':>8} {'jobs':>7} {'wall s':>7} {'CPU s':>7} {'MB':>6} {'ms per patient':>15}")
    for data, write in (("simulated", simulated), ("own", own)):
        before = (0, 0.0)
        for patients in sizes:
            jobs, wall, cpu, memory = dry_run(patients, write)
            growth = 1000 * (cpu - before[1]) / (patients - before[0])
            print(f"{data:9} {patients:8} {jobs:7} {wall:7.2f} {cpu:7.2f} {memory:6.0f} {growth:15.2f}", flush=True)
            before = (patients, cpu)


def shares(patients: int) -> dict[str, int]:
    """Return the number of patients of each centre, in the proportions of the published study."""
    counts = {center: patients * share // 479 for center, share in SHARES.items()}
    return counts | {"yunnan": patients - counts["sysucc"] - counts["henan"]}


def simulated(folder: Path, patients: int) -> dict:
    """Write the table of the simulated centres and return the config."""
    header, *rows = ((ROOT / "config/centers.tsv").read_text()).splitlines()
    place = header.split("\t").index("patients")
    lines = [header]
    for row, count in zip(rows, shares(patients).values(), strict=True):
        cells = row.split("\t")
        cells[place] = str(count)
        lines.append("\t".join(cells))
    (folder / "centers.tsv").write_text("\n".join(lines) + "\n")
    return {"simulation": {"parameters": str(ROOT / "resources/simulation.yaml")}}


def own(folder: Path, patients: int) -> dict:
    """Write clinical tables and the table of their centres, and return the config."""
    dice = random.Random(2020)
    lines = ["center\tname\trole\timages\tclinical_table"]
    for center, count in shares(patients).items():
        role = "external" if center == "yunnan" else "development"
        (folder / center).mkdir()
        lines.append(f"{center}\t{center}\t{role}\t{center}\t{center}.csv")
        with (folder / f"{center}.csv").open("w") as file:
            print(COLUMNS, file=file)
            for number in range(count):
                age, scc, axis, months = (f"{dice.uniform(1, 60):.2f}" for _ in range(4))
                coded = f"{dice.choice(['IB1', 'IIA2', 'IIB'])},{dice.choice(['SCC', 'AC'])},G2"
                print(
                    f"{center}-{number},{center},{age},{coded},{scc},{axis},{number % 2},{months},{number % 3 == 0:d}",
                    file=file,
                )
    (folder / "centers.tsv").write_text("\n".join(lines) + "\n")
    return {"study": "own", "data": "own"}


def dry_run(patients: int, write) -> tuple[int, float, float, float]:
    """Return the number of jobs, wall time (s), CPU time (s) and peak memory (MB) of one dry-run."""
    with tempfile.TemporaryDirectory() as folder:
        config = {**write(Path(folder), patients), "centers": "centers.tsv"}
        (Path(folder) / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--dry-run"]
        command += ["--workflow-profile", str(ROOT / "workflow/profiles/local"), "--logger", "hscore"]
        command += ["--configfile", "config.yaml"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/src")}
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    if status:
        sys.exit(said)
    total = next(int(line.split()[1]) for line in said.splitlines() if line.startswith("total "))
    return total, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()

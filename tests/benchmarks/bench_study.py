"""Print the cost of each stage of a finished study, next to its floor and to the same work with standard components.

    make -C tests bench                           (runs the study first if it is not finished)
    PYTHONPATH=workflow/src python tests/benchmarks/bench_study.py config/config.yaml [patients to sample]

The last line of a job's log states the resources that it used; its benchmark file is written when it ends. From both
come the CPU seconds, the share spent on starting Python and importing, the peak memory, and the orchestration, which is
the wall time in which no job ran. Bytes written are the size of the results.

Floors and standard components are measured on patients spread over the centres, in CPU seconds of processes that run
alone, and extrapolated to the study.
"""

import json
import re
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

import standard_parts

from hscore.files import read_json
from hscore.report.summary import results_file

USED = re.compile(r"INFO used ([\d.]+) s of CPU time \(([\d.]+) s to start\), (\d+) MB of memory")
# rule -> folder of the study that it writes
WRITTEN = {
    "simulate_patient": "simulated",
    "convert_patient": "nifti",
    "normalize_patient": "normalized",
    "sample_patient": "samples",
    "check_quality": "qc",
    "train_model": "models",
    "report": "report",
}


@dataclass
class Stage:
    """Hold all jobs of one rule: wall, CPU and starting seconds, peak memory (MB), start and end times."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    intervals: list[tuple[float, float]] = field(default_factory=list)


def read_stages(study: Path) -> dict[str, Stage]:
    """Return the jobs of every rule, in the order in which the first job of each ended."""
    stages: dict[str, Stage] = {}
    for path in sorted((study / "benchmarks").rglob("*.tsv"), key=lambda path: path.stat().st_mtime):
        place = path.relative_to(study / "benchmarks").with_suffix(".log")
        stage = stages.setdefault(place.parts[0].removesuffix(".log"), Stage())
        seconds = float(path.read_text().splitlines()[1].split("\t")[0])
        ended = path.stat().st_mtime
        stage.wall.append(seconds)
        stage.intervals.append((ended - seconds, ended))
        if used := USED.search((study / "logs" / place).read_text()):
            stage.cpu.append(float(used[1]))
            stage.start.append(float(used[2]))
            stage.memory.append(int(used[3]))
    return stages


def uncovered(intervals: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the seconds from the first start to the last end, and those in which no job ran."""
    intervals = sorted(intervals)
    idle, reached = 0.0, intervals[0][0]
    for start, end in intervals:
        idle += max(0.0, start - reached)
        reached = max(reached, end)
    return reached - intervals[0][0], idle


def megabytes(folder: Path) -> float:
    """Return the size of the files below a folder (MB)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def print_stages(study: Path, stages: dict[str, Stage]) -> None:
    """Print the cost of the study as a table."""
    print(
        f"{'stage':22} {'jobs':>5} {'CPU s':>8} {'per job':>7} {'start':>6} {'wall s':>8} {'MB peak':>8} {'MB out':>8}"
    )
    for rule, stage in stages.items():
        cpu, jobs = sum(stage.cpu), len(stage.wall)
        share = f"{100 * sum(stage.start) / cpu:.0f} %" if cpu else ""
        written = f"{megabytes(study / WRITTEN[rule]):.0f}" if rule in WRITTEN else ""
        print(
            f"{rule:22} {jobs:5} {cpu:8.1f} {cpu / jobs:7.2f} {share:>6} {sum(stage.wall):8.1f} "
            f"{max(stage.memory, default=0):8} {written:>8}"
        )
    own = [interval for stage in stages.values() for interval in stage.intervals]
    after = [i for rule, stage in stages.items() if not rule.startswith("simulate") for i in stage.intervals]
    for name, intervals in (("whole study", own), ("from DICOM to report", after)):
        wall, idle = uncovered(intervals)
        print(f"{name}: {wall / 60:.1f} min of wall time, {100 * idle / wall:.1f} % in which no job ran")
    dicom = megabytes(study / "simulated")
    everything = megabytes(study)
    print(f"disk: {everything:.0f} MB, of which DICOM {dicom:.0f}; without it {everything / dicom - 1:.2f} x the DICOM")


def patients(study: Path, count: int) -> list[Path]:
    """Return converted patients with all sequences, spread evenly over the study."""
    complete = [
        folder
        for folder in sorted((study / "nifti").glob("*/sub-*"))
        if len(json.loads((folder / "status.json").read_text())["usable"]) == 3
    ]
    return complete[:: max(1, len(complete) // count)][:count]


def main() -> None:
    """Read, measure and print."""
    study = results_file(Path(sys.argv[1])).parents[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    stages = read_stages(study)
    print_stages(study, stages)
    config = read_json(study / "report" / "results.json")["config"]
    chosen = patients(study, count)
    print(f"\nfloors and standard components, CPU seconds, on {len(chosen)} patients and extrapolated:", flush=True)
    parts = standard_parts.measure(study, chosen, config)
    ours, theirs = 0.0, 0.0
    print(f"{'stage':12} {'ours':>9} {'floor':>9} {'ratio':>6} {'standard':>10} {'ratio':>6}  what")
    for rule, name in (
        ("convert_patient", "convert"),
        ("normalize_patient", "normalize"),
        ("sample_patient", "sample"),
        ("train_model", "train"),
        ("validate_models", "validate"),
    ):
        own = statistics.fmean(stages[rule].cpu) * len(stages[rule].wall)
        part = parts[name]
        ours, theirs = ours + own, theirs + part.standard
        floor = f"{part.floor:9.0f} {own / part.floor:6.2f}" if part.floor else f"{'':16}"
        what = (
            f"floor: {part.floor_is}; standard: {part.standard_is}" if part.floor else f"standard: {part.standard_is}"
        )
        print(f"{name:12} {own:9.0f} {floor} {part.standard:10.0f} {part.standard / own:6.1f}  {what}")
    print(f"standard parts over ours, all of these stages: {theirs / ours:.1f} x")


if __name__ == "__main__":
    main()

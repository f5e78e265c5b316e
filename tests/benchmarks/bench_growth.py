"""Print the growth of the stages that process all patients: CPU seconds and memory at 120, 479 and 2,000 patients.

    PYTHONPATH=workflow/src:tests python tests/benchmarks/bench_growth.py [patients ...]

For each number of patients, Snakemake runs a study without images on simulated clinical tables, and a dry-run of the
whole image study of that size. Imaging stages process one patient at a time, so their cost is proportional to the
number of patients (`make -C tests bench`). Growth is the ratio of costs over the ratio of patients, relative to the
smallest study: 1 is linear.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from bench_study import read_stages

from hscore.model_spec import sequences_seen
from workflow_runs import ROOT, snakemake

SIZES = (120, 479, 2000)
CENTERS = {"a": ("development", 218), "b": ("development", 120), "c": ("external", 141)}  # shares as published
SCANNERS = {"a": "siemens", "b": "ge", "c": "philips"}


def shares(patients: int) -> dict[str, int]:
    """Return the number of patients of each centre."""
    total = sum(weight for _, weight in CENTERS.values())
    return {center: round(patients * weight / total) for center, (_, weight) in CENTERS.items()}


def tables_only(folder: Path, patients: int) -> Path:
    """Write the config of a study on clinical tables alone and return its path."""
    lines = ["center\tname\trole\tclinical_table"]
    for center, count in shares(patients).items():
        table = folder / f"{center}.csv"
        command = ["--center", center, "--scanner", SCANNERS[center], "--patients", str(count), "--seed", "1"]
        command += ["--lnm-positive", str(count // 5), "--parameters", str(ROOT / "resources" / "simulation.yaml")]
        command += ["--table", str(table), "--truth", str(folder / f"{center}.json")]
        subprocess.run(
            [sys.executable, "-m", "hscore.steps.simulate_center", *command], check=True, stderr=subprocess.DEVNULL
        )
        lines.append(f"{center}\tSimulated {center}\t{CENTERS[center][0]}\t{table}")
    (folder / "centers.tsv").write_text("\n".join(lines) + "\n")
    default = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    config = {
        "study": f"tables-{patients}",
        "data": "own",
        "centers": str(folder / "centers.tsv"),
        "models": {name: None for name in default["models"] if sequences_seen(name, default["models"])},
        "validate": {"reference": "clinical"},
        "survive": {"model": "clinical", "adjust_for": ["age"]},
    }
    config["models"]["nodes"] = {"label": "Node reading", "reading": "mri_ln_positive"}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def image_study(folder: Path, patients: int) -> Path:
    """Write the config of the simulated study with images at that size and return its path."""
    lines = ["center\tname\trole\tscanner\tpatients\tlnm_positive"]
    lines += [
        f"{center}\tSimulated {center}\t{CENTERS[center][0]}\t{SCANNERS[center]}\t{count}\t{count // 5}"
        for center, count in shares(patients).items()
    ]
    (folder / "images.tsv").write_text("\n".join(lines) + "\n")
    path = folder / "images.yaml"
    path.write_text(yaml.safe_dump({"study": f"images-{patients}", "centers": str(folder / "images.tsv")}))
    return path


def dry_run(folder: Path, config: Path) -> tuple[float, float]:
    """Return the CPU seconds and memory (MB) of a dry-run of a whole study."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    snakemake(folder, "--configfile", str(config), "--dry-run", "--quiet", "all")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # the largest child so far; sizes are run from small to large
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024


def main() -> None:
    """Run, measure and print."""
    sizes = sorted(map(int, sys.argv[1:])) or SIZES
    costs: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="hscore-bench-") as scratch:
        for patients in sizes:
            folder = Path(scratch, str(patients))
            folder.mkdir()
            (folder / "resources").symlink_to(ROOT / "resources")
            costs.setdefault("dry-run with images", []).append(dry_run(folder, image_study(folder, patients)))
            config = tables_only(folder, patients)
            snakemake(folder, "--configfile", str(config), "--cores", "1", "--scheduler", "greedy")
            for rule, stage in read_stages(folder / "results" / f"tables-{patients}").items():
                costs.setdefault(rule, []).append((sum(stage.cpu), max(stage.memory, default=0)))
            print(f"{patients} patients done", flush=True)
    print(f"{'stage':22}" + "".join(f"{n:>8} CPU s {'MB':>6}" for n in sizes) + f"{'growth':>9}")
    for rule, measured in costs.items():
        growth = measured[-1][0] / measured[0][0] / (sizes[-1] / sizes[0]) if measured[0][0] else 0.0
        print(f"{rule:22}" + "".join(f"{cpu:14.1f} {memory:6.0f}" for cpu, memory in measured) + f"{growth:9.2f}")


if __name__ == "__main__":
    main()

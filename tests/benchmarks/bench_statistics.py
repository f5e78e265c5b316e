"""Print the cost of the statistics stages at the published size: 479 patients, 10 models, 2,000 resamples.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_statistics.py [runs]

Each stage runs as a separate process with one thread, as in a study. Printed are its CPU seconds (the minimum of the
runs, 3 by default) and those of its imports alone. Target: 20 s for all stages.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from standard_parts import cpu_seconds

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "steps"), str(ROOT / "tests")]

import statistics_inputs  # noqa: E402  (the path must be set first)

SIZES = {"a": (218, 46), "b": (120, 25), "c": (141, 32)}
MODELS = ("hybrid", "clinical", *(f"image_{number}" for number in range(8)))
LIMIT = 20.0


def cost_of(folder: Path, *command: str) -> float:
    """Return the CPU seconds of a program with one thread."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow" / "src"), "OMP_NUM_THREADS": "1"}
    started = [sys.executable, *command]
    return cpu_seconds(
        lambda: subprocess.run(started, cwd=folder, check=True, env=environment, stderr=subprocess.DEVNULL)
    )


def stages() -> dict[str, list[str]]:
    """Return the arguments of the step of each stage, in order."""
    config = statistics_inputs.CONFIG | {"validate": {**statistics_inputs.CONFIG["validate"]}}
    config["validate"]["bootstrap"] = {"resamples": 2000, "seed": 2020}
    settings = {name: json.dumps(config[name]) for name in ("validate", "survive")}
    development = [f"{model}_development.csv" for model in MODELS]
    external = [f"{model}_external.csv" for model in MODELS]
    frozen, split = ["--thresholds", "thresholds.json"], ["--folds", "folds.csv"]
    return {
        "freeze_thresholds": [
            *("--models", *MODELS, "--predictions", *development, *split),
            *("--calibrations", *(f"{model}_calibration.json" for model in MODELS)),
            *("--settings", settings["validate"], "--output", "thresholds.json"),
        ],
        "validate_models": [
            *("--development", *development, "--external", *external, *split, *frozen, "--lnm", "c_lnm.csv"),
            *("--manifests", "c_manifest.csv", "--development-manifests", "a_manifest.csv", "b_manifest.csv"),
            *("--settings", settings["validate"], "--output", "validation.json"),
        ],
        "analyze_survival": [
            *("--development", "hybrid_development.csv", "--external", "hybrid_external.csv", *frozen),
            *("--manifests", *(f"{center}_manifest.csv" for center in SIZES)),
            *("--dfs", *(f"{center}_dfs.csv" for center in SIZES), "--lnm", *(f"{center}_lnm.csv" for center in SIZES)),
            *("--settings", settings["survive"], "--output", "survival.json"),
        ],
    }


def main() -> None:
    """Write the inputs, run the stages and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    imports = {"survive": "; import lifelines"}
    total = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        statistics_inputs.write(folder, SIZES, MODELS)
        print(f"{'stage':20} {'CPU s':>8} {'imports':>8}")
        for step, arguments in stages().items():
            cost = min(cost_of(folder, "-m", f"hscore.steps.{step}", *arguments) for _ in range(runs))
            nothing = f"import hscore.steps.{step}{imports.get(step, '')}"
            print(f"{step:20} {cost:8.2f} {min(cost_of(folder, '-c', nothing) for _ in range(runs)):8.2f}")
            total += cost
    print(f"{'all':20} {total:8.2f}, {total / LIMIT:.2f} of the target of {LIMIT:g} s")


if __name__ == "__main__":
    main()

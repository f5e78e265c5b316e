"""Print the cost of a simulated patient (rendering, writing, whole job) and of the table of a large centre.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_simulation.py [patients per scanner]

Times are CPU seconds, the median over the patients. Rendering is everything up to the stored pixels. Writing is that of
the DICOM files and the region of interest. The whole job is a separate process, as in a study; its peak memory is
printed too.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench_convert import PARAMETERS, SCANNERS, step

from hscore.simulation import dicom_series, patient_images, scanners
from hscore.simulation.parameters import load
from hscore.simulation.patients import simulate_center

SEED = "2020"
LARGE = 5000


class Clock:
    """Measure the CPU seconds spent in functions of a module while this context is open."""

    def __init__(self, *places: tuple) -> None:
        self.places, self.spent, self.before = places, 0.0, []

    def __enter__(self) -> "Clock":
        for module, name in self.places:
            original = getattr(module, name)
            self.before.append((module, name, original))
            setattr(module, name, self._timed(original))
        return self

    def _timed(self, function):
        def timed(*arguments, **named):
            start = time.process_time()
            result = function(*arguments, **named)
            self.spent += time.process_time() - start
            return result

        return timed

    def __exit__(self, *_) -> None:
        for module, name, original in self.before:
            setattr(module, name, original)


def measure(
    folder: Path, scanner: str, patient: str, parameters: dict, truth: dict
) -> tuple[float, float, float, float]:
    """Return the cost of rendering, writing and the whole job (CPU s), and the size (MB), of one patient."""
    target = folder / "in process" / patient
    target.mkdir(parents=True)
    rendering = Clock((scanners, "acquire"), (scanners, "localizers"))
    writing = Clock((dicom_series, "write_series"), (patient_images, "_write_roi"))
    with rendering, writing:
        patient_images.write_patient(target, parameters, truth, folder / "atlas", patient, scanner, int(SEED))
    place = folder / "job" / patient
    records = ("--images", str(place / "batches/1-of-1.json"), "--image-truth", str(place / "truth/1-of-1.json"))
    whole = step(
        *("simulate_patient", "--truth", str(folder / f"{scanner}.json"), "--atlas", str(folder / "atlas")),
        *("--patients", patient, "--scanner", scanner, "--seed", SEED, "--parameters", PARAMETERS, *records),
    )
    size = sum(path.stat().st_size for path in (place / "images").rglob("*") if path.is_file())
    return rendering.spent, writing.spent, whole, size / 1e6


def main() -> None:
    """Simulate, measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    parameters = load(PARAMETERS)
    with tempfile.TemporaryDirectory(prefix="hscore-bench-") as scratch:
        folder = Path(scratch)
        atlas = ["--parameters", PARAMETERS, "--seed", SEED, "--output", str(folder / "atlas")]
        print(f"atlas, once per study: {step('simulate_atlas', *atlas):.1f} s", flush=True)
        everything = []
        for scanner in SCANNERS:
            _, truth = simulate_center(parameters, scanner, scanner, count, count // 4, int(SEED))
            (folder / f"{scanner}.json").write_text(json.dumps(truth))
            rows = [measure(folder, scanner, patient, parameters, truth) for patient in truth["patients"]]
            everything += rows
            report(scanner, rows)
        report("all", everything)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of a job: {peak:.0f} MB")
    start = time.process_time()
    simulate_center(parameters, "large", "ge", LARGE, LARGE // 5, int(SEED))
    print(f"table and truth of a centre of {LARGE} patients: {time.process_time() - start:.1f} s")


def report(name: str, rows: list[tuple[float, float, float, float]]) -> None:
    """Print one line: the medians, and the ratio of writing to rendering."""
    rendering, writing, whole, size = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"{name:8} n {len(rows):3}  rendering {rendering:.2f} s  writing {writing:.2f} s ({writing / rendering:.2f} x "
        f"rendering)  whole job {whole:.2f} s  {size:.1f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()

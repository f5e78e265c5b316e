"""Check that a disturbed study recovers: `make -C tests faults`, as root on Linux; about twenty minutes.

It mounts disks in memory. The tiny simulated study runs once undisturbed. Each fault disturbs a copy of it, which is
then started again as a user would. The results must be byte-identical to the undisturbed ones. Prints a line per fault.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from hscore.contracts import batch_record
from hscore.files import sha256

ROOT = Path(__file__).parents[1]
NAME = "simulated-tiny"
# Whatever of the results says when or how fast it was made is left out of the comparison.
TELL_TIME = {"logs", "benchmarks", "provenance", "report.html", "history.csv", ".snakemake_timestamp"}


class Study:
    """The tiny study in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results" / NAME
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "study": NAME,
            "centers": str(ROOT / "config/centers.test.tsv"),
            "simulation": {"parameters": str(ROOT / "resources/simulation.yaml")},
            "patients_per_job": 2,  # several batches in a centre
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))

    def start(self, *arguments: str, startup: str = "") -> subprocess.Popen:
        """Start Snakemake in a process group of its own; ``startup`` is bash that every job begins with."""
        profile = ["--workflow-profile", str(ROOT / "workflow/profiles/local"), "--cores", "2", "--logger", "hscore"]
        config = ["--configfile", str(ROOT / "config/test.yaml"), str(self.folder / "config.yaml")]
        (self.folder / "startup.bash").write_text(startup)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = {
            "PATH": path,
            "PYTHONPATH": str(ROOT / "workflow/src"),
            "BASH_ENV": str(self.folder / "startup.bash"),
        }
        with (self.folder / "run.log").open("w") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "snakemake",
                    "--snakefile",
                    str(ROOT / "Snakefile"),
                    *arguments,
                    *profile,
                    *config,
                ],
                cwd=self.folder,
                env={**os.environ, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *arguments: str, startup: str = "") -> tuple[int, str]:
        """Run to the end; returns the exit status and what was said."""
        status = self.start(*arguments, startup=startup).wait()
        return status, (self.folder / "run.log").read_text()

    def finish(self, *targets: str) -> None:
        """Run to the end (of the targets); it must succeed."""
        status, said = self.run(*targets)
        assert status == 0, said

    def kill(self, process: subprocess.Popen) -> None:
        """kill -9 of Snakemake and of all its jobs, then what the message tells a user to do."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert self.run("--unlock")[0] == 0

    def contents(self) -> dict[str, str]:
        """File -> digest of everything that does not tell the time."""
        found = {}
        for path in sorted(self.results.rglob("*")):
            if path.is_file() and not TELL_TIME & set(path.relative_to(self.results).parts):
                found[str(path.relative_to(self.results))] = digest(path)
        return found

    def copy(self, folder: Path, *without: str) -> "Study":
        """A copy of a finished study in which parts of the results are missing."""
        shutil.copytree(self.folder, folder, symlinks=True, copy_function=shutil.copy2)
        copy = Study(folder)
        for name in without:
            path = copy.results / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return copy


def digest(path: Path) -> str:
    """SHA-256; of results.json without the time at which it was made."""
    if path.name != "results.json":
        return sha256(path)
    content = json.loads(path.read_text())
    del content["study"]["created"]
    return json.dumps(content, sort_keys=True)


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Callable[[str], None]]:
    """A disk of this size at ``folder``; yields a function that remounts it with other options."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def flip(path: Path, place: int) -> None:
    """Change one bit of a file, at this byte (from the end, if negative)."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


# The faults. Each takes the finished study and an empty folder and returns the study that was disturbed, and a remark.


def killed_again_and_again(reference: Study, folder: Path, kills: int) -> tuple[Study, str]:
    """kill -9 of the whole run at random moments, spread over the whole study by the number of jobs begun."""
    study, dice = Study(folder), random.Random(2020)
    total = study_jobs(reference)
    for left in range(kills, 0, -1):
        process = study.start()
        begun = study_jobs(study)
        # spread over what is left, and never so late that the run may have ended
        until = min(begun + dice.randint(1, 1 + 2 * (total - begun) // (left + 1)), total - 1)
        while process.poll() is None and study_jobs(study) < until:
            time.sleep(0.1)
        time.sleep(dice.uniform(0, 2))
        assert process.poll() is None, (folder / "run.log").read_text()
        study.kill(process)
    begun = study_jobs(study)
    study.finish()
    return study, f"{kills} kills, the last after {begun} of {total} jobs had begun"


def study_jobs(study: Study) -> int:
    """How many jobs have begun: each has a log."""
    return len(list((study.results / "logs").rglob("*.log")))


def disk_full(reference: Study, folder: Path) -> tuple[Study, str]:
    """The disk fills up in the middle of writing; there is room later."""
    needed = sum(path.stat().st_size for path in reference.results.rglob("*") if path.is_file()) // 2**20
    study = Study(folder)
    with disk(folder / "results", needed // 3) as remount:
        status, said = study.run()
        assert status != 0 and "No space left on device" in said, said
        remount(f"size={3 * needed}m")
        study.finish()
        shutil.copytree(study.results, folder / "kept")
    shutil.copytree(folder / "kept", study.results)
    return study, f"{needed // 3} MB where {needed} MB are needed"


def read_only(reference: Study, folder: Path) -> tuple[Study, str]:
    """The results cannot be written."""
    study = reference.copy(folder, "survival", "report", "provenance")
    shutil.move(study.results, folder / "kept")
    with disk(folder / "results", 2000) as remount:
        shutil.copytree(folder / "kept", study.results, copy_function=shutil.copy2)
        remount("ro")
        status, said = study.run()
        refused = "error: Read-only file system: " in said or "is write-protected" in said  # new, or made before
        assert status != 0 and refused and "Traceback" not in said, said
        remount("rw")
        study.finish()
        shutil.rmtree(folder / "kept")
        shutil.copytree(study.results, folder / "kept", copy_function=shutil.copy2)
    shutil.copytree(folder / "kept", study.results, copy_function=shutil.copy2)
    return study, "one sentence"


def two_at_once(reference: Study, folder: Path) -> tuple[Study, str]:
    """A second run is started in the same folder."""
    study = reference.copy(folder, "samples")
    first = study.start("sample")
    log = (folder / "run.log").rename(folder / "first.log")
    while "jobs to do" not in log.read_text():
        assert first.poll() is None, log.read_text()
        time.sleep(0.2)
    status, said = study.run("sample")
    assert status != 0 and "make unlock" in said, said
    assert first.wait() == 0, log.read_text()
    return study, said.strip().splitlines()[-1]


def clock_skew(reference: Study, folder: Path) -> tuple[Study, str]:
    """Half of the batches were normalised on a machine whose clock is a day fast."""
    study = reference.copy(folder, "samples")
    tomorrow = time.time() + 86_400
    for record in study.results.glob("normalized/*/batches/[13]-of-4.json"):
        os.utime(record, (tomorrow, tomorrow))
    status, said = study.run("sample")
    assert status != 0 and "clock skew" in said and "Traceback" not in said, said
    for path in [*study.results.rglob("*"), *study.results.rglob(".snakemake_timestamp")]:
        os.utime(path)
    study.finish("sample")
    return study, "reported; resumes when the clocks are right"


def corrupted(reference: Study, folder: Path) -> tuple[Study, str]:
    """Flip one bit of a patient's samples and one of a network's weights; the steps that read them report it."""
    # Also delete everything after the models: Snakemake does not remake a file whose dependants are current.
    after = ("predictions", "validation", "survival", "explanation", "report", "provenance")
    study = reference.copy(folder, "models/cet1wi_tumour", *after)
    manifest = (study.results / "cohort/henan/manifest.csv").read_text().splitlines()
    patient = study.results / "samples/henan" / f"sub-{manifest[1].split(',')[0]}"
    model = study.results / "models/hybrid/seed-1"
    with zipfile.ZipFile(patient / "samples.npz") as arrays:
        start = arrays.getinfo("CET1WI_tumour.npy").header_offset
    flip(patient / "samples.npz", start + 1000)  # among the pixels that the model to be trained reads
    flip(model / "seed-1-fold-1.safetensors", -1)
    training, scores = ("models/cet1wi_tumour/seed-1", "predictions/hybrid/external.csv")
    record, folder_of_model = (str(path.relative_to(study.folder)) for path in (batch_record.record_of(patient), model))
    scores, training = (str((study.results / target).relative_to(study.folder)) for target in (scores, training))
    status, said = study.run(scores)
    assert status != 0 and "seed-1-fold-1.safetensors is not what training wrote" in said, said
    assert f"delete the folder {folder_of_model} and run again" in said, said
    status, said = study.run(training)
    assert status != 0 and "samples.npz is damaged" in said and f"snakemake --force {record} " in said, said
    shutil.rmtree(model)
    study.finish(record, "--force")
    study.finish()
    return study, "both named, with what to do"


def out_of_memory(reference: Study, folder: Path) -> tuple[Study, str]:
    """The job of one batch runs out of memory; its patients wait, all other batches go on."""
    study = reference.copy(folder, "normalized", "samples")
    record = batch_record.record_of(reference.results / "samples/henan/sub-henan-0003")
    waiting = len(batch_record.read([record]))
    limit = f'case "$BASH_EXECUTION_STRING" in *steps.normalize*henan/batches/{record.name}*) ulimit -v 150000;; esac\n'
    status, said = study.run("sample", startup=limit)
    assert status != 0 and f"FAILED: normalize_patient henan {record.stem}" in said, said
    others = len(list((study.results / "samples").glob("*/sub-*")))
    assert others == len(list((reference.results / "samples").glob("*/sub-*"))) - waiting
    study.finish("sample")
    return study, f"{others} patients of other batches were finished at once, {waiting} had to wait"


def main() -> None:
    """Disturb, repeat, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="how often the run is killed")
    faults = {
        "kill -9 of the whole run": lambda *where: killed_again_and_again(*where, arguments.kills),
        "disk full": disk_full,
        "read-only results": read_only,
        "two runs at once": two_at_once,
        "clock skew": clock_skew,
        "corrupted files": corrupted,
        "out of memory in one batch": out_of_memory,
    }
    parser.add_argument("--only", nargs="+", choices=faults, default=list(faults), help="names of faults")
    arguments = parser.parse_args()
    survived = 0
    chosen = {name: faults[name] for name in arguments.only}
    with tempfile.TemporaryDirectory(prefix="hscore-faults-") as place:
        reference = Study(Path(place) / "undisturbed")
        reference.finish()
        expected = reference.contents()
        print(f"undisturbed: {len(expected)} files", flush=True)
        for number, (name, fault) in enumerate(chosen.items()):
            start = time.monotonic()
            try:
                study, remark = fault(reference, Path(place) / str(number))
                found = study.contents()
                other = sorted(file for file in expected.keys() | found.keys() if expected.get(file) != found.get(file))
                assert not other, f"not as undisturbed: {', '.join(other[:5])}"
                survived += 1
                print(f"survived  {name}: {remark} ({time.monotonic() - start:.0f} s)", flush=True)
            except AssertionError as error:
                print(f"FAILED    {name}: {str(error)[-2000:]}", flush=True)
    print(f"{survived} of {len(chosen)} faults survived, each with the results of the undisturbed run")
    sys.exit(survived != len(chosen))


if __name__ == "__main__":
    main()

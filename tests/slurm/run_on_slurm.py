"""The SLURM profile against a real SLURM on this machine: `make -C tests slurm`, as root on Debian.

The cluster has four nodes of 4 CPUs, one of them with a GPU made of /dev/null, and enforces accounts.
"""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from workflow_runs import ROOT, planned

CLUSTER = str(ROOT / "tests/slurm/cluster.sh")
PROFILE = ["--workflow-profile", str(ROOT / "workflow/profiles/slurm")]
# looked at more often than a cluster would like
IMPATIENT = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10", "--verbose"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A running SLURM; its folder, which the database's own user must be able to enter."""
    if os.geteuid() != 0 or not Path("/etc/debian_version").is_file():
        pytest.skip("the test cluster needs root on Debian")
    folder = Path(tempfile.mkdtemp(prefix="hscore-slurm-"))
    folder.chmod(0o755)
    if subprocess.run([CLUSTER, "install"]).returncode:
        pytest.skip("SLURM packages are not available")
    try:
        subprocess.run([CLUSTER, "up", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run([CLUSTER, "down", str(folder)], check=True)
        shutil.rmtree(folder)


def slurm(*command: str) -> str:
    """Output of a SLURM command."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Run:
    """A Snakemake run in the background that submits to SLURM."""

    def __init__(self, folder: Path, *arguments: str, snakefile: Path = ROOT / "Snakefile") -> None:
        self.log = folder / f"run-{len(list(folder.glob('run-*')))}.log"
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), *arguments, *PROFILE, *IMPATIENT]
        variables = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/src")}
        variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=variables)

    @property
    def text(self) -> str:
        return self.log.read_text()

    @property
    def submitted(self) -> list[str]:
        """The resource part of every sbatch line."""
        return re.findall(r"sbatch call: sbatch (.*?) --wrap=", self.text)

    @property
    def job_ids(self) -> list[str]:
        return re.findall(r"SLURM jobid (\d+)", self.text)

    def wait_for(self, condition, seconds: float = 120) -> None:
        """Wait until ``condition()`` is true; fail when it is not in time or the run has ended before."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not in {seconds} s:\n{self.text[-3000:]}"
            assert self.process.poll() is None, f"the run ended:\n{self.text[-3000:]}"
            time.sleep(0.2)

    def finish(self, seconds: float = 1200) -> int:
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()

    def succeeded(self) -> None:
        assert self.finish() == 0, self.text[-5000:]


def states() -> dict[str, str]:
    """State of every job SLURM knows of, by number."""
    lines = slurm("sacct", "-X", "-n", "-P", "-o", "jobid,state").splitlines()
    return dict(line.split("|")[:2] for line in lines)


def running() -> list[str]:
    return [job for job, state in states().items() if state == "RUNNING"]


def study(folder: Path, patients: int | None = None, **changes) -> list[str]:
    """Write the config of a tiny simulated study, with so many patients a centre; returns Snakemake's arguments."""
    centers = list(csv.reader((ROOT / "config/centers.test.tsv").open(), delimiter="\t"))
    for row in centers[1:] if patients else []:
        row[centers[0].index("patients")], row[centers[0].index("lnm_positive")] = str(patients), "1"
    (folder / "centers.tsv").write_text("".join("\t".join(row) + "\n" for row in centers))
    config = {
        "study": "simulated-tiny",
        "centers": "centers.tsv",
        "simulation": {"parameters": str(ROOT / "resources/simulation.yaml")},
        **changes,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return ["--configfile", str(ROOT / "config/test.yaml"), "config.yaml"]


SMALL = """
from hscore.dag.resources import growing

rule all:
    input: expand("out/{patient}", patient=config["patients"].split())

rule work:
    output: "out/{patient}"
    resources: mem_mb=growing(500), runtime=growing(1)
    shell: config["command"]
"""


def small(folder: Path, command: str, patients: str = "a") -> Run:
    """A run of a workflow whose jobs do one thing."""
    (folder / "Snakefile").write_text(SMALL)
    (folder / "config.yaml").write_text(yaml.safe_dump({"patients": patients, "command": command}))
    return Run(folder, "--configfile", "config.yaml", snakefile=folder / "Snakefile")


def asked(run: Run, option: str) -> list[str]:
    """What every submission asked for by an option, such as ``--mem``."""
    return [re.search(rf"{option} (\S+)", line)[1] for line in run.submitted]


def test_the_tiny_study_runs_through_sbatch(cluster, tmp_path):
    arguments = study(tmp_path)
    run = Run(tmp_path, *arguments)
    run.succeeded()
    print("\n".join(run.submitted))
    results = tmp_path / "results/simulated-tiny"
    assert (results / "report/report.html").stat().st_size > 10_000
    assert planned(tmp_path, *arguments, "--rerun-triggers", "mtime", "params", "input", "code") == []
    # 76 jobs: each batch of patients, each training and its scores by itself; the short jobs of a stage as one
    comments = [re.search(r"--comment (?:rule_)?(\w+)", line)[1] for line in run.submitted]
    assert len(comments) == len(set(run.job_ids)) <= 45, comments
    assert all(states()[job] == "COMPLETED" for job in run.job_ids)
    assert sum("train_model" in comment for comment in comments) == 9
    assert sum("convert_patient" in comment for comment in comments) == 3
    assert all("-p gpu" in line for line in run.submitted if "train_model" in line)
    assert all("-A lab" in line for line in run.submitted)
    assert list(tmp_path.glob("efficiency_report_*.csv"))


def test_a_gpu_is_asked_for_and_a_job_that_sees_none_stops_at_once(cluster, tmp_path):
    """The fake GPU is handed out, and is none to torch: training must not go on on the CPU."""
    arguments = study(tmp_path, train={"device": "gpu"})
    models = "results/simulated-tiny/models/hybrid/seed-1"
    for name in ("splits/folds.csv", "cohort/sysucc/manifest.csv", "cohort/henan/manifest.csv"):
        file = tmp_path / "results/simulated-tiny" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("patient\n")
    run = Run(tmp_path, models, *arguments, "--retries", "0", "--allowed-rules", "train_model")
    assert run.finish() == 1
    (line,) = run.submitted
    assert "-p gpu" in line and re.search(r"--gpus[ =]1|--gres[ =]gpu:1", line), line
    assert "gres/gpu=1" in slurm("sacct", "-X", "-n", "-P", "-j", run.job_ids[0], "-o", "alloctres")
    (log,) = (tmp_path / "results/simulated-tiny/logs/train_model").rglob("*.log")
    assert "error: train.device is 'gpu' but no CUDA device is visible" in log.read_text()
    assert not (tmp_path / models).exists()


def test_a_job_out_of_memory_is_retried_with_more(cluster, tmp_path):
    """900 MB fit into the second attempt's 1,000 MB, if Snakemake's own part is not counted: the third is safe."""
    fill = f"{sys.executable} -c 'import time; x = bytearray(900_000_000); time.sleep(5)' && touch {{output}}"
    run = small(tmp_path, fill)
    run.succeeded()
    assert asked(run, "--mem")[:2] == ["500", "1000"]
    assert [states()[job] for job in run.job_ids][-1] == "COMPLETED"
    assert all(states()[job] != "COMPLETED" for job in run.job_ids[:-1])


def test_a_job_out_of_time_is_retried_with_more(cluster, tmp_path):
    run = small(tmp_path, "sleep 75 && touch {output}")
    run.succeeded()
    assert asked(run, "-t") == ["1", "2"]
    assert [states()[job] for job in run.job_ids] == ["TIMEOUT", "COMPLETED"]


def test_a_node_that_goes_down_loses_nothing(cluster, tmp_path):
    run = small(tmp_path, "sleep 8 && touch {output}", patients="a b c d e f")
    run.wait_for(running)
    node = slurm("squeue", "-h", "-t", "running", "-o", "%N").split()[0]
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    run.succeeded()  # the node's own daemon lives and reports back: SLURM takes it into service again
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == list("abcdef")
    assert len(run.job_ids) == 6  # SLURM itself queued them again, under their numbers


def test_a_killed_controller_loses_nothing(cluster, tmp_path):
    """SLURM saves its queue every few seconds; what was submitted in the last of them before a kill it may forget."""
    run = small(tmp_path, "sleep 20 && touch {output}", patients="a b c d e f")
    run.wait_for(running)
    time.sleep(10)
    os.kill(int((cluster / "slurmctld.pid").read_text()), signal.SIGKILL)
    time.sleep(5)
    subprocess.run(["slurmctld"], check=True)
    run.succeeded()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == list("abcdef")
    assert len(run.job_ids) == 6  # nothing was submitted twice


def simulated(folder: Path) -> list[Path]:
    """The finished folders of simulated images; what begins with a dot is being written."""
    return sorted((folder / "results/simulated-tiny/simulated").glob("*/images/[!.]*"))


def records(folder: Path) -> list[Path]:
    """The records of finished batches of simulated images."""
    return sorted((folder / "results/simulated-tiny/simulated").glob("*/batches/*.json"))


def test_cancelling_leaves_no_job_behind_and_the_next_run_goes_on(cluster, tmp_path):
    arguments = study(tmp_path, patients=8, patients_per_job=1)  # so many jobs that some are still in the queue
    options = ["simulate", *arguments]
    run = Run(tmp_path, *options)
    # a job that has ended counts once Snakemake has asked SLURM about it, half a minute later
    run.wait_for(lambda: re.search(r"Finished jobid: \d+ \(Rule: simulate_patient\)", run.text), seconds=600)
    run.process.send_signal(signal.SIGINT)
    assert run.finish(60) == 1
    for _ in range(100):
        if not slurm("squeue", "-h"):
            break
        time.sleep(0.3)
    assert slurm("squeue", "-h") == ""
    before = {path: path.stat().st_mtime_ns for path in records(tmp_path)}
    plan = planned(tmp_path, "simulate", *arguments, "--rerun-incomplete")
    to_do = {(job.wildcards["center"], job.wildcards["batch"]) for job in plan if job.rule == "simulate_patient"}
    again = Run(tmp_path, *options)
    again.succeeded()
    assert len(simulated(tmp_path)) == 24
    kept = {path for path in before if (path.parts[-3], path.stem) not in to_do}
    assert kept and all(path.stat().st_mtime_ns == before[path] for path in kept)
    print(f"{len(before)} were there, {len(kept)} were kept")


def test_after_kill_9_of_snakemake_the_next_run_goes_on(cluster, tmp_path):
    """Its jobs stay in the queue; they are cancelled by the name that the run gave them, then the run is repeated."""
    arguments = study(tmp_path, patients=2)
    options = ["simulate", *arguments]
    run = Run(tmp_path, *options)
    run.wait_for(running)
    run.process.kill()
    run.finish()
    name = re.search(r"--job-name (\S+)", run.submitted[0])[1]
    assert slurm("squeue", "-h", "--name", name)
    slurm("scancel", "--name", name)
    Run(tmp_path, "--unlock", *arguments).succeeded()
    again = Run(tmp_path, *options)
    again.succeeded()
    assert len(simulated(tmp_path)) == 6

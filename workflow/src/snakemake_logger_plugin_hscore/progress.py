"""Estimate how far a run is and how long it will still take, without input, output or a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Seconds that a job of the rule, or one of its patients, took on one core in the default study: the first estimate,
# before anything has finished.
TYPICAL_SECONDS = {
    "simulate_center": 0.5,
    "simulate_patient": 2.3,
    "convert_patient": 1.8,
    "normalize_patient": 3.2,
    "sample_patient": 0.6,
    "check_quality": 0.6,
    "train_model": 60.0,
    "predict_development": 5.0,
    "predict_external": 5.0,
}
OTHER_SECONDS = 2.0


@dataclass
class Stage:
    """The jobs of one rule; times are seconds on the caller's clock.

    Where jobs process batches of patients, ``patients`` is the number of all patients, and patients are counted.
    """

    rule: str
    total: int
    patients: int = 0
    patients_done: int = 0
    running: dict[int, float] = field(default_factory=dict)  # job -> start
    durations: list[float] = field(default_factory=list)
    failed: int = 0
    first_start: float | None = None

    @property
    def done(self) -> int:
        """Return the number of finished jobs."""
        return len(self.durations)

    @property
    def complete(self) -> bool:
        """Return whether all jobs have finished."""
        return self.done == self.total

    @property
    def typical(self) -> float:
        """Return the typical duration of a job in seconds."""
        patients = self.patients / self.total if self.patients else 1
        return TYPICAL_SECONDS.get(self.rule, OTHER_SECONDS) * patients

    @property
    def size(self) -> str:
        """Return the size as text, such as ``120 patients`` or ``9 jobs``."""
        return number(self.patients, "patient") if self.patients else number(self.total, "job")

    def text(self) -> str:
        """Return the progress as text, such as ``convert_patient 37/120 patients``."""
        return f"{self.rule} {self.patients_done if self.patients else self.done}/{self.size}"

    def seconds_left(self, now: float, pace: float, cores: int) -> float:
        """Return the time for this stage's remaining jobs.

        The estimate uses their mean duration so far or, before any has finished, their typical duration times ``pace``.

        Args:
            now: the caller's clock in seconds.
            pace: duration of the run's jobs relative to the typical one.
            cores: number of cores.
        """
        mean = sum(self.durations) / self.done if self.done else self.typical * pace
        waiting = self.total - self.done - self.failed - len(self.running)
        # a job that has exceeded the mean is assumed to need a tenth of it more
        work = max(waiting, 0) * mean + sum(max(mean - (now - start), 0.1 * mean) for start in self.running.values())
        parallel = min(cores, max(waiting + len(self.running), 1))
        return work / parallel


class Run:
    """The state of one run, updated by events."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self.cores = 1
        self.rules: dict[int, str] = {}  # job -> rule
        self.patients: dict[int, int] = {}  # job -> patients of its batch

    def plan(self, counts: dict[str, int]) -> None:
        """Set the number of jobs of every rule, in the order of the workflow."""
        self.stages = {rule: Stage(rule, count) for rule, count in counts.items() if rule != "total"}

    def expect(self, patients: Mapping[str, int]) -> None:
        """Set the number of patients that all jobs of a rule process; 0 where there are none."""
        for rule, stage in self.stages.items():
            stage.patients = patients.get(rule, 0)

    def start(self, job: int, rule: str, patients: int | None, now: float) -> None:
        """Record that a job starts, or starts again after a failure, with the number of its patients or None."""
        stage = self.stages.setdefault(rule, Stage(rule, 1))
        self.rules[job] = rule
        stage.running[job] = now
        stage.first_start = now if stage.first_start is None else stage.first_start
        self.patients[job] = patients or 0

    def finish(self, job: int, now: float) -> Stage:
        """Record that a job has finished and return its stage."""
        stage = self.stages[self.rules[job]]
        stage.durations.append(now - stage.running.pop(job, now))
        stage.patients_done += self.patients[job]
        return stage

    def fail(self, job: int) -> None:
        """Record that a job has failed."""
        stage = self.stages[self.rules[job]]
        stage.running.pop(job, None)
        stage.failed += 1

    def retry(self, job: int) -> None:
        """Record that a failed job will be retried."""
        self.stages[self.rules[job]].failed -= 1

    def running(self) -> list[int]:
        """Return the running jobs."""
        return [job for stage in self.stages.values() for job in stage.running]

    @property
    def done(self) -> int:
        """Return the number of finished jobs."""
        return sum(stage.done for stage in self.stages.values())

    @property
    def total(self) -> int:
        """Return the number of all jobs."""
        return sum(stage.total for stage in self.stages.values())

    @property
    def failed(self) -> int:
        """Return the number of failed jobs."""
        return sum(stage.failed for stage in self.stages.values())

    def seconds_left(self, now: float) -> float:
        """Return the estimated time to the end: stage after stage, each on all cores."""
        begun = [stage for stage in self.stages.values() if stage.done]
        typical = sum(stage.typical * stage.done for stage in begun)
        pace = sum(sum(stage.durations) for stage in begun) / typical if begun else 1.0
        return sum(stage.seconds_left(now, pace, self.cores) for stage in self.stages.values())

    def line(self, now: float) -> str:
        """Return one line: jobs done, running stages, time left."""
        begun = [stage for stage in self.stages.values() if stage.first_start is not None]
        running = [stage.text() for stage in begun if stage.done + stage.failed < stage.total]
        parts = [f"{self.done}/{number(self.total, 'job')}", ", ".join(running)]
        if self.failed:
            parts.append(f"{self.failed} failed")
        else:
            parts.append(f"about {duration(self.seconds_left(now))} left")
        return " · ".join(part for part in parts if part)


def number(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 job``, ``3 jobs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """Return a duration in common units: ``45 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float) -> str:
    """Return the time since the start, as on a stop watch: ``12:04``, ``1:02:07``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:2d}:{rest:02d}"

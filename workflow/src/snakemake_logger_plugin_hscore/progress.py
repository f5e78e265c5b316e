"""How far a run is and how long it will still take; no input, no output, no clock of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Seconds a job of the rule, or a patient of it, took on one core in the default study: the first guess, before anything
# has finished.
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

    Where jobs work through batches of patients, ``patients`` is the number of all patients, and patients are counted.
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
        return len(self.durations)

    @property
    def complete(self) -> bool:
        return self.done == self.total

    @property
    def typical(self) -> float:
        patients = self.patients / self.total if self.patients else 1
        return TYPICAL_SECONDS.get(self.rule, OTHER_SECONDS) * patients

    @property
    def size(self) -> str:
        """Such as ``120 patients``, ``9 jobs``."""
        return number(self.patients, "patient") if self.patients else number(self.total, "job")

    def text(self) -> str:
        """Such as ``convert_patient 37/120 patients``."""
        return f"{self.rule} {self.patients_done if self.patients else self.done}/{self.size}"

    def seconds_left(self, now: float, pace: float, cores: int) -> float:
        """Time for this stage's remaining jobs on ``cores``, at their mean duration so far or, before any has finished,
        their typical one times ``pace``."""
        mean = sum(self.durations) / self.done if self.done else self.typical * pace
        waiting = self.total - self.done - self.failed - len(self.running)
        # a job that has outrun the mean is taken to need a tenth of it more
        work = max(waiting, 0) * mean + sum(max(mean - (now - start), 0.1 * mean) for start in self.running.values())
        at_once = min(cores, max(waiting + len(self.running), 1))
        return work / at_once


class Run:
    """The state of one run, fed with events."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self.cores = 1
        self.rules: dict[int, str] = {}  # job -> rule
        self.patients: dict[int, int] = {}  # job -> patients of its batch

    def plan(self, counts: dict[str, int]) -> None:
        """Number of jobs of every rule, in the order of the workflow."""
        self.stages = {rule: Stage(rule, count) for rule, count in counts.items() if rule != "total"}

    def expect(self, patients: Mapping[str, int]) -> None:
        """Number of patients that the jobs of a rule work through, all together; 0 where there are none."""
        for rule, stage in self.stages.items():
            stage.patients = patients.get(rule, 0)

    def start(self, job: int, rule: str, patients: int | None, now: float) -> None:
        """A job starts, or starts again after a failure; it works through a batch of so many patients, or none."""
        stage = self.stages.setdefault(rule, Stage(rule, 1))
        self.rules[job] = rule
        stage.running[job] = now
        stage.first_start = now if stage.first_start is None else stage.first_start
        self.patients[job] = patients or 0

    def finish(self, job: int, now: float) -> Stage:
        """A job has finished; returns its stage."""
        stage = self.stages[self.rules[job]]
        stage.durations.append(now - stage.running.pop(job, now))
        stage.patients_done += self.patients[job]
        return stage

    def fail(self, job: int) -> None:
        """A job has failed."""
        stage = self.stages[self.rules[job]]
        stage.running.pop(job, None)
        stage.failed += 1

    def retry(self, job: int) -> None:
        """A failed job will be tried again."""
        self.stages[self.rules[job]].failed -= 1

    def running(self) -> list[int]:
        """The jobs that run."""
        return [job for stage in self.stages.values() for job in stage.running]

    @property
    def done(self) -> int:
        return sum(stage.done for stage in self.stages.values())

    @property
    def total(self) -> int:
        return sum(stage.total for stage in self.stages.values())

    @property
    def failed(self) -> int:
        return sum(stage.failed for stage in self.stages.values())

    def seconds_left(self, now: float) -> float:
        """Estimated time to the end: stage after stage, each on all cores."""
        known = [stage for stage in self.stages.values() if stage.done]
        typical = sum(stage.typical * stage.done for stage in known)
        pace = sum(sum(stage.durations) for stage in known) / typical if known else 1.0
        return sum(stage.seconds_left(now, pace, self.cores) for stage in self.stages.values())

    def line(self, now: float) -> str:
        """One line: jobs done, what runs, time left."""
        begun = [stage for stage in self.stages.values() if stage.first_start is not None]
        running = [stage.text() for stage in begun if stage.done + stage.failed < stage.total]
        parts = [f"{self.done}/{number(self.total, 'job')}", ", ".join(running)]
        if self.failed:
            parts.append(f"{self.failed} failed")
        else:
            parts.append(f"about {duration(self.seconds_left(now))} left")
        return " · ".join(part for part in parts if part)


def number(count: int, what: str) -> str:
    """A count with its noun: ``1 job``, ``3 jobs``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def duration(seconds: float) -> str:
    """A time as people say it: ``45 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float) -> str:
    """Time since the start, as on a stop watch: ``12:04``, ``1:02:07``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:2d}:{rest:02d}"

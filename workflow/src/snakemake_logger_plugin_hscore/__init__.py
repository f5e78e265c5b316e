"""Show readable progress of a run: Snakemake logger plugin ``hscore`` (``snakemake --logger hscore``).

Snakemake finds it by its name in the folders of PYTHONPATH. On a terminal the last line is updated. A log file receives
a line from time to time and one for each finished stage. A failed job shows the end of its log at once.
"""

import logging
import re
import shutil
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from hscore.dag.batches import TO_DO, patients_of

from . import messages
from .dry_run import Plan
from .progress import Run, clock, duration, number

SECONDS_BETWEEN_LINES = 15  # in a log file
SHOWN_IN_FULL = 5  # failures; further ones have one line each

# messages of Snakemake without an event that a user needs
SHOWN = re.compile(r"Nothing to be done|Will exit after finishing|Terminating processes|Unlocked|Trying to restart job")
# errors that the report of the failed job has already shown
REPORTED = re.compile(r"CalledProcessError|At least one job did not complete|Exiting because a job execution failed")


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the command line, as ``--logger-hscore-<name>``."""

    plan: Path | None = field(
        default=None,
        metadata={"help": "In a dry-run, write the number of jobs of each rule to this file (JSON)", "type": Path},
    )


class LogHandler(LogHandlerBase):
    """Handler that turns Snakemake's events into a few lines; one thread calls it, another one runs the ticker."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Prepare the state of the run."""
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.live = self.stream.isatty()
        self.run = Run()
        self.begin = self.last_line = time.monotonic()
        self.plan = Plan()
        self.jobs: dict[int, logging.LogRecord] = {}
        self.failures: dict[int, str] = {}  # job -> name
        self.raised: list[str] = []
        self.interrupted = False
        self.closed = threading.Event()
        self.ticker: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Handle one record; unknown ones are ignored, but never warnings and errors."""
        event = getattr(record, "event", None)
        handle = {
            LogEvent.RUN_INFO: self._plan,
            LogEvent.RESOURCES_INFO: self._resources,
            LogEvent.JOB_INFO: self._job,
            LogEvent.JOB_FINISHED: self._finished,
            LogEvent.JOB_ERROR: self._failed,
            LogEvent.GROUP_ERROR: self._group_failed,
            LogEvent.ERROR: self._error,
        }.get(event, self._other)
        try:
            with self.lock:
                handle(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write the last lines; Snakemake calls this at the end, and Python again."""
        if not self.closed.is_set():
            self.closed.set()
            if self.ticker:
                self.ticker.join(timeout=2)
            with self.lock:
                self._last_lines()
        super().close()

    # events

    def _plan(self, record: logging.LogRecord) -> None:
        self.run.plan(record.stats)

    def _begin(self) -> None:
        """Write the first line when the first job starts, because the number of patients is not known earlier."""
        self.run.expect(TO_DO)
        left = duration(self.run.seconds_left(time.monotonic()))
        jobs, cores = number(self.run.total, "job"), number(self.run.cores, "core")
        self._say(f"{jobs} to do on {cores}, about {left}")
        self.begin = self.last_line = time.monotonic()
        self.ticker = threading.Thread(target=self._tick, daemon=True)
        self.ticker.start()

    def _resources(self, record: logging.LogRecord) -> None:
        self.run.cores = getattr(record, "cores", None) or getattr(record, "nodes", None) or self.run.cores

    def _job(self, record: logging.LogRecord) -> None:
        if self.common_settings.dryrun:
            self.plan.add(record.rule_name, record.wildcards, record.reason, record.shellcmd)
            return
        if self.ticker is None:
            self._begin()
        self.jobs[record.jobid] = record
        self.failures.pop(record.jobid, None)
        self.run.start(record.jobid, record.rule_name, patients_of(record.wildcards), time.monotonic())

    def _finished(self, record: logging.LogRecord) -> None:
        if self.common_settings.dryrun or record.job_id not in self.run.rules:
            return
        now = time.monotonic()
        stage = self.run.finish(record.job_id, now)
        if stage.complete and self.jobs[record.job_id].shellcmd:
            took = duration(now - stage.first_start)
            self._say(f"{stage.rule}: {stage.size} done in {took}", now)
        elif self.live or now - self.last_line >= SECONDS_BETWEEN_LINES:
            self._progress(now)

    def _failed(self, record: logging.LogRecord) -> None:
        job = self.jobs.get(record.jobid)
        name = f"{record.rule_name} {messages.about(job.wildcards if job else {})}".strip()
        if job:
            self.run.fail(record.jobid)
        if self.interrupted:  # the job was ended with the run
            return
        self.failures[record.jobid] = name
        lines = [f"FAILED: {name}"]
        if len(self.failures) <= SHOWN_IN_FULL:
            lines += [f"    {line}" for line in messages.last_words(record.log) or ["(its log is empty)"]]
            if any(messages.KILLED.search(text) and str(record.shellcmd) in text for text in self.raised):
                lines.append("    The job was killed, most often because memory ran out.")
        lines += [f"    log: {log}" for log in record.log[:1]]
        self._say("\n".join(lines), time.monotonic())

    def _group_failed(self, record: logging.LogRecord) -> None:
        for job in record.job_error_info:
            self._failed(logging.makeLogRecord({"shellcmd": None, **job, "log": [*job["log"], *record.aux_logs]}))

    def _error(self, record: logging.LogRecord) -> None:
        self.raised.append(record.getMessage())
        if not REPORTED.search(record.getMessage()):
            self._say(f"error: {messages.plain_error(record.getMessage(), getattr(record, 'exception', None))}")

    def _other(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if restarted := re.match(r"Trying to restart job (\d+)", text):
            self.run.retry(int(restarted[1]))
            self._say(f"    retrying: {self.failures.pop(int(restarted[1]), 'the job')}")
        elif record.levelno >= logging.ERROR and not REPORTED.search(text):
            self._say(f"error: {text}")
        elif record.levelno == logging.WARNING:
            self._say(f"warning: {text}")
        elif SHOWN.match(text) or (self.common_settings.verbose and not hasattr(record, "event")):
            self.interrupted |= text.startswith("Terminating")
            self._say(text)

    # output

    def _last_lines(self) -> None:
        if self.common_settings.dryrun:
            if self.run.stages:
                counts = {stage.rule: stage.total for stage in self.run.stages.values()}
                self._say(self.plan.table({**counts, "total": self.run.total}))
            if self.settings.plan:
                self.plan.write(self.settings.plan)
        elif self.ticker:
            self._clear()
            self._say(self._verdict(time.monotonic() - self.begin))

    def _verdict(self, seconds: float) -> str:
        """Return how the run ended and what to do next."""
        resume = "Run the same command again to resume; finished work is kept."
        done, total = self.run.done, self.run.total
        if self.failures and not self.interrupted:
            failed = len(self.failures)
            names = self.failures.values()
            if failed > SHOWN_IN_FULL:
                names = [f"{count} {rule}" for rule, count in Counter(name.split()[0] for name in names).items()]
            remaining = f"{done} are done, {total - done - failed} did not run"
            return (
                f"{failed} of {total} jobs failed ({', '.join(names)}); {remaining}.\n"
                f"Fix the errors listed under FAILED. {resume}"
            )
        if done < total:
            return f"Stopped after {duration(seconds)} with {done} of {total} jobs done. {resume}"
        return f"{number(total, 'job')} done in {duration(seconds)}"

    def _tick(self) -> None:
        """Update the elapsed time while no job ends."""
        while not self.closed.wait(1):
            now = time.monotonic()
            if self.live or now - self.last_line >= SECONDS_BETWEEN_LINES:
                with self.lock:
                    self._progress(now)

    def _progress(self, now: float) -> None:
        line = f"[{clock(now - self.begin)}] {self.run.line(now)}"
        trainings = [words for job in self.run.running() if (words := messages.epoch(self.jobs[job].log))]
        if self.live:
            self._clear()
            line = " · ".join([line, *trainings])
            self.stream.write(line[: shutil.get_terminal_size().columns - 1])
        else:
            self.stream.write("\n        ".join([line, *trainings]) + "\n")
        self.stream.flush()
        self.last_line = now

    def _say(self, text: str, now: float | None = None) -> None:
        """Write a permanent line; with ``now``, preceded by the time since the start."""
        self._clear()
        self.stream.write((f"[{clock(now - self.begin)}] " if now is not None else "") + text + "\n")
        self.stream.flush()

    def _clear(self) -> None:
        if self.live:
            self.stream.write("\r\x1b[K")

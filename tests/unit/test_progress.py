"""Progress of a run: counts, the estimate of the time left, and what a person gets to read."""

import io
import logging
from types import SimpleNamespace

import pytest

from snakemake_logger_plugin_hscore import LogHandler, messages
from snakemake_logger_plugin_hscore.progress import OTHER_SECONDS, TYPICAL_SECONDS, Run, clock, duration


@pytest.fixture
def run() -> Run:
    run = Run()
    run.cores = 2
    run.plan({"convert_patient": 10, "split": 1, "total": 11})
    run.expect({"convert_patient": 40})
    return run


def start(run: Run, job: int, now: float) -> None:
    """Start a job about four of the forty patients to convert."""
    run.start(job, "convert_patient", 4, now)


def test_before_anything_has_finished_the_typical_times_count(run):
    assert run.seconds_left(0) == pytest.approx(TYPICAL_SECONDS["convert_patient"] * 40 / 2 + OTHER_SECONDS)


def test_mean_duration_of_finished_jobs_counts_and_sets_the_pace_of_the_others(run):
    for job in (1, 2):
        start(run, job, now=0)
        run.finish(job, now=4 * 4 * TYPICAL_SECONDS["convert_patient"])
    # 8 batches of 4 patients at four times the typical duration on 2 cores; split is taken to be four times slower too
    expected = 8 * 4 * 4 * TYPICAL_SECONDS["convert_patient"] / 2 + 4 * OTHER_SECONDS
    assert run.seconds_left(100) == pytest.approx(expected)


def test_time_already_spent_on_running_jobs_is_taken_off():
    run = Run()
    run.cores = 4
    run.plan({"train_model": 1})
    run.start(1, "train_model", None, now=0)
    mean = TYPICAL_SECONDS["train_model"]
    assert run.seconds_left(mean / 3) == pytest.approx(mean * 2 / 3)  # one job cannot use four cores
    assert run.seconds_left(mean * 5) == pytest.approx(mean * 0.1)  # longer than thought, but not done


def test_counts_through_failure_and_retry(run):
    start(run, 1, now=0)
    run.fail(1)
    assert (run.done, run.failed, run.total) == (0, 1, 11)
    assert run.line(1) == "0/11 jobs · convert_patient 0/40 patients · 1 failed"
    run.retry(1)
    start(run, 1, now=5)
    stage = run.finish(1, now=7)
    assert (run.done, run.failed, stage.durations) == (1, 0, [2])
    assert run.line(8).startswith("1/11 jobs · convert_patient 4/40 patients · about ")


def test_a_finished_run_has_no_time_left():
    run = Run()
    run.plan({"split": 1, "total": 1})
    run.start(0, "split", None, 0)
    run.finish(0, 1)
    assert run.seconds_left(1) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (45.4, "45 s"), (61, "1 min"), (150, "2 min"), (4800, "1 h 20 min")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(4, " 0:04"), (724, "12:04"), (3727, "1:02:07")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_last_words_start_at_the_sentence(tmp_path):
    log = tmp_path / "log"
    log.write_text("INFO one\n\nerror: config.yaml: no.\nINFO two\n")
    assert messages.last_words([str(tmp_path / "absent"), str(log)]) == ["error: config.yaml: no.", "INFO two"]


def test_last_words_of_a_traceback_are_its_last_lines(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {n}" for n in range(100)) + "\nKeyError: 'x'\n")
    words = messages.last_words([str(log)])
    assert len(words) == messages.LAST_LINES and words[-1] == "KeyError: 'x'"


def test_last_words_survive_what_is_not_text(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe broken\n" * 20_000)
    assert messages.last_words([str(log)])[-1].endswith("broken")
    assert messages.last_words([str(tmp_path / "absent")]) == []


def test_a_training_that_runs_tells_its_epoch(tmp_path, monkeypatch):
    said = "hybrid seed 1 fold 2/5 epoch 3/20: loss 0.412, AUC 0.871 in training, 700 samples/s, 40 s left"
    training, other = tmp_path / "train.log", tmp_path / "convert.log"
    training.write_text(f"INFO starting\nINFO {said.replace('epoch 3', 'epoch 2')}\nINFO {said}\nINFO other\n")
    other.write_text("INFO converting\n")
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    handler = LogHandler(SimpleNamespace(dryrun=False, stdout=False), None)
    handler.run.plan({"train_model": 1, "convert_patient": 2, "all": 1})
    for job, (rule, log) in enumerate([("train_model", training), ("convert_patient", other)]):
        record = logging.makeLogRecord({"jobid": job, "rule_name": rule, "log": [str(log)], "wildcards": {}})
        handler._job(record)
    handler._progress(handler.begin)
    handler.closed.set()
    first, line, epoch = stream.getvalue().splitlines()
    assert first.startswith("4 jobs to do on 1 core, about ")
    assert "train_model" in line and epoch == f"        {said}"


def test_what_a_job_is_about():
    assert messages.about({"center": "A", "batch": "03-of-32"}) == "A 03-of-32"
    assert messages.about({"center": "A"}) == "A"
    assert messages.about({"model": "hybrid", "seed": "1"}) == "hybrid 1"


def test_an_error_of_the_study_is_a_sentence_and_a_bug_keeps_its_traceback():
    place = '  File "/x/Snakefile", line 3, in <module>'
    error = 'WorkflowError in file "/x/Snakefile", line 3:\nconfig.yaml: first.\ncenters.tsv: second.\n' + place
    assert messages.plain_error(error, "WorkflowError") == "config.yaml: first.\ncenters.tsv: second."
    bug = f'KeyError in file "/x/Snakefile", line 3:\nx\n{place}'
    assert messages.plain_error(bug, "KeyError") == bug
    assert "make unlock" in messages.plain_error("LockException:\nlong story", "LockException")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Missing output files: a; Input files updated by another job: b", "output missing"),
        ("Params have changed since last execution: before: 1 now: 2", "its settings, rows or code changed"),
        ("Input files updated by another job: b", "follows from the above"),
        ("Rules with neither input nor output files are always executed.", "always runs"),
    ],
)
def test_reasons(text, meaning):
    assert messages.reason(text) == meaning


def test_what_the_operating_system_refuses_is_a_sentence():
    trace = '  File "/x/io.py", line 3, in remove\n    os.remove(file)\n'
    error = f"Traceback (most recent call last):\n{trace}OSError: [Errno 30] Read-only file system: 'results/a.log'\n"
    assert messages.plain_error(error, "OSError") == "Read-only file system: 'results/a.log'"


def test_results_that_were_made_read_only_are_one_sentence():
    said = 'ProtectedOutputException in rule x in file "y.smk", line 98:\nWrite-protected output files for rule x:\n'
    said += "    output: results/a.json\n    affected files:\n        results/a.json\n"
    expected = "Results cannot be written: results/a.json is write-protected"
    assert messages.plain_error(said, "ProtectedOutputException") == expected

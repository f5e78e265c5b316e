"""Translate Snakemake's messages into sentences that need no knowledge of Snakemake."""

import re
from pathlib import Path

LAST_LINES = 8
EPOCH = re.compile(r" epoch \d+/\d+: ")
KILLED = re.compile(r"SIGKILL|exit status 137")

# (phrase in Snakemake's reason, meaning for a user); the first match counts
REASONS = [
    ("Forced execution", "forced"),
    ("Incomplete output files", "was interrupted"),
    ("Missing output files", "output missing"),
    ("Updated input files", "an input file changed"),
    ("Set of input files has changed", "the list of inputs changed"),
    ("Params have changed", "its settings, rows or code changed"),
    ("Code has changed", "its rule changed"),
    ("Software environment definition has changed", "its environment changed"),
    ("Input files updated by another job", "follows from the above"),
]

WHAT_NEXT = {
    "LockException": "Another run is active in this folder, or was killed. If none is running: make unlock",
    "IncompleteFilesException": "A run was killed. To repeat its unfinished files, add --rerun-incomplete",
}


def last_lines(log: str) -> list[str]:
    """Return the lines at the end of a log; none while it does not exist."""
    path = Path(log)
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 65536, 0))
        return [line.rstrip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def epoch(logs: list[str]) -> str | None:
    """Return the progress of a training from the last epoch in its log; None for other jobs."""
    lines = [line for log in logs for line in last_lines(log) if EPOCH.search(line)]
    return lines[-1].removeprefix("INFO ") if lines else None


def last_words(logs: list[str]) -> list[str]:
    """Return the end of the first non-empty log, from its last ``error:`` line on if it has one."""
    for log in logs:
        if lines := last_lines(log):
            errors = [place for place, line in enumerate(lines) if line.startswith("error: ")]
            return lines[errors[-1] :][:LAST_LINES] if errors else lines[-LAST_LINES:]
    return []


def about(wildcards: dict[str, str]) -> str:
    """Return what identifies a job: the values of its wildcards."""
    return " ".join(wildcards.values())


def plain_error(text: str, exception: str | None) -> str:
    """Return the sentence of an error without its place in the workflow; an unexpected error is kept in full."""
    if exception in WHAT_NEXT:
        return WHAT_NEXT[exception]
    if exception == "ProtectedOutputException":
        return f"Results cannot be written: {text.split()[-1]} is write-protected"
    if refused := re.search(r"(?m)^(?:OS|Permission|FileNotFound|NotADirectory)Error: \[Errno \d+\] (.+)$", text):
        return refused[1]  # message of the operating system, such as "Read-only file system: 'results/x'"
    if exception not in {"WorkflowError", "UserError"}:
        return text
    lines = text.splitlines()
    if re.match(rf"{exception}( in file .*)?:$", lines[0]) and len(lines) > 1:
        lines = lines[1:]
    return "\n".join(line for line in lines if not re.match(r'  File ".*", line \d+', line)).strip()


def reason(text: str) -> str:
    """Return why a job would run, for the table of a dry-run."""
    return next((meaning for phrase, meaning in REASONS if phrase in text), "always runs")

"""What Snakemake says, in sentences that need no knowledge of Snakemake."""

import re
from pathlib import Path

LAST_LINES = 8
EPOCH = re.compile(r" epoch \d+/\d+: ")
KILLED = re.compile(r"SIGKILL|exit status 137")

# (what Snakemake's reason says, what it means to a user); the first that occurs counts
REASONS = [
    ("Forced execution", "asked for by force"),
    ("Incomplete output files", "was interrupted"),
    ("Missing output files", "not there yet"),
    ("Updated input files", "an input file changed"),
    ("Set of input files has changed", "the list of inputs changed"),
    ("Params have changed", "its settings, rows or code changed"),
    ("Code has changed", "its rule changed"),
    ("Software environment definition has changed", "its environment changed"),
    ("Input files updated by another job", "follows from the above"),
]

WHAT_NEXT = {
    "LockException": "Another run is at work in this folder, or was killed. If none is running: make unlock",
    "IncompleteFilesException": "A run was killed. To make the files it left behind again: add --rerun-incomplete",
}


def last_lines(log: str) -> list[str]:
    """The lines at the end of a log; none where it is not there (yet)."""
    path = Path(log)
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 65536, 0))
        return [line.rstrip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def epoch(logs: list[str]) -> str | None:
    """Where a training stands, from the last line of its log that tells an epoch; None for a job of another kind."""
    said = [line for log in logs for line in last_lines(log) if EPOCH.search(line)]
    return said[-1].removeprefix("INFO ") if said else None


def last_words(logs: list[str]) -> list[str]:
    """The end of the first log with something in it; from the last ``error:`` line on, if there is one."""
    for log in logs:
        if lines := last_lines(log):
            sentences = [place for place, line in enumerate(lines) if line.startswith("error: ")]
            return lines[sentences[-1] :][:LAST_LINES] if sentences else lines[-LAST_LINES:]
    return []


def about(wildcards: dict[str, str]) -> str:
    """What a job is about: the values of its wildcards."""
    return " ".join(wildcards.values())


def plain_error(text: str, exception: str | None) -> str:
    """The sentence of an error, without the place in the workflow where it was raised; a bug keeps all it says."""
    if exception in WHAT_NEXT:
        return WHAT_NEXT[exception]
    if exception == "ProtectedOutputException":
        return f"Results cannot be written: {text.split()[-1]} is write-protected"
    if refused := re.search(r"(?m)^(?:OS|Permission|FileNotFound|NotADirectory)Error: \[Errno \d+\] (.+)$", text):
        return refused[1]  # what the operating system says, such as "Read-only file system: 'results/x'"
    if exception not in {"WorkflowError", "UserError"}:
        return text
    lines = text.splitlines()
    if re.match(rf"{exception}( in file .*)?:$", lines[0]) and len(lines) > 1:
        lines = lines[1:]
    return "\n".join(line for line in lines if not re.match(r'  File ".*", line \d+', line)).strip()


def reason(text: str) -> str:
    """Why a job would run, for the table of a dry-run."""
    return next((meaning for phrase, meaning in REASONS if phrase in text), "always runs")

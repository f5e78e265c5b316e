"""Share what every step program needs: argument parser, logging, exit code and resource use."""

import argparse
import json
import logging
import resource
import sys
from collections.abc import Callable

from hscore.errors import UserError

log = logging.getLogger(__name__)


class Parser(argparse.ArgumentParser):
    """Argument parser in which ``@FILE`` stands for the lines of a file, for command lines with very many paths."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """Return a line of the file as one argument; empty lines are skipped."""
        return [arg_line] if arg_line else []


def parser(step: str, description: str) -> argparse.ArgumentParser:
    """Return an argument parser with the name of the step."""
    return Parser(
        prog=f"python -m hscore.steps.{step}",
        description=description,
        epilog="An argument @FILE stands for the lines of the file.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        fromfile_prefix_chars="@",
    )


def settings(text: str) -> dict:
    """Return a section of the study config from the JSON text of ``--settings`` (argument type)."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return value


def run(work: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> None:
    """Do a step's work; a UserError ends as one sentence and exit code 1, a bug as a full traceback.

    The last line of the log reports the resources that the job used.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    start = _cpu_seconds()
    logging.info("environment %s, Python %s", sys.prefix, sys.version.split()[0])
    try:
        work(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")
    log.info("used %.2f s of CPU time (%.2f s to start), %d MB of memory", _cpu_seconds(), start, _peak_memory_mb())


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of the programs it has run."""
    usages = [resource.getrusage(processes) for processes in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_memory_mb() -> int:
    """Return the largest resident memory of this process or one of its programs, in MB."""
    processes = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(process).ru_maxrss for process in processes) // 1024

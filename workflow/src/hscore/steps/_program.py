"""What every step program shares: its arguments, its exit code, and who gets to see a traceback."""

import argparse
import json
import logging
import resource
import sys
from collections.abc import Callable

from hscore.errors import UserError

log = logging.getLogger(__name__)


class Parser(argparse.ArgumentParser):
    """An argument ``@FILE`` stands for the lines of the file: no command line holds all paths of 50,000 patients."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        return [arg_line] if arg_line else []


def parser(step: str, description: str) -> argparse.ArgumentParser:
    """An argument parser named as the step is called."""
    return Parser(
        prog=f"python -m hscore.steps.{step}",
        description=description,
        epilog="An argument @FILE stands for the lines of the file.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        fromfile_prefix_chars="@",
    )


def settings(text: str) -> dict:
    """Argument type of ``--settings``: the step's section of the study config, as JSON."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return value


def run(work: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> None:
    """Do a step's work; a UserError ends as one sentence and exit code 1, a bug as a full traceback.

    The last line of the log says what the job used.
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
    """CPU time of this process and of the programs it has run."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_memory_mb() -> int:
    """Most memory that this process or one of its programs held."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss for one in who) // 1024

"""What every step program shares: its arguments, its exit code, and who gets to see a traceback."""

import argparse
import json
import logging
import sys
from collections.abc import Callable

from hscore.errors import UserError


def parser(step: str, description: str) -> argparse.ArgumentParser:
    """An argument parser named as the step is called."""
    return argparse.ArgumentParser(
        prog=f"python -m hscore.steps.{step}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
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
    """Do a step's work; a UserError ends as one sentence and exit code 1, a bug as a full traceback."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        work(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")

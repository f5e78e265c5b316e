"""Read the JSON files of the contracts; a damaged one is an error that names the command to make it again.

Standard library only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hscore import files
from hscore.errors import UserError

Content = TypeVar("Content")


def read_json(
    path: str | Path, parse: Callable[[Any], Content], output: Callable[[], str | Path] | None = None
) -> Content:
    """Return the content of a JSON file.

    Args:
        path: the file.
        parse: function that returns the content from the decoded JSON; any error of it means a damaged file.
        output: function that returns the output of a rule to which the file belongs, for the message; None if the
            file itself is the output.

    Raises:
        UserError: the file does not exist, is not JSON, or cannot be parsed.
    """
    try:
        return parse(files.read_json(path))
    except FileNotFoundError:
        fault = "does not exist"
    except (UserError, ValueError, LookupError, TypeError, AttributeError):
        fault = "is damaged"
    raise UserError(f"{path} {fault}; {rerun_hint(output() if output else path)}")


def object_of(kind: type[Content]) -> Callable[[Any], Content]:
    """Return a function that parses an object with the required keys of a TypedDict; further keys are allowed."""

    def parse(content: Any) -> Content:
        if missing := kind.__required_keys__ - content.keys():
            raise LookupError(min(missing))
        return content

    return parse


def by_name(parse: Callable[[Any], Content]) -> Callable[[Any], dict[str, Content]]:
    """Return a function that parses an object whose values all have one form."""
    return lambda content: {name: parse(value) for name, value in content.items()}


def rerun_hint(output: str | Path) -> str:
    """Return the instruction for making an output of a rule again."""
    return f"make it again: snakemake --force {output} --configfile ..., and start the study again"

"""The models chosen on development, one entry per family of models. Standard library only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import by_name, object_of, read_json
from hscore.files import write_json


class Choice(TypedDict):
    """The best single-sequence and the best combined model of a family.

    Attributes:
        chosen_on: the scores behind the choice, in words.
        single: ``model`` (None if there is none) and ``candidates``, each with its ``auc``.
        combined: the same of the models of several sequences.
        development: comparison of the two on development; None if there are not two.
    """

    chosen_on: str
    single: dict[str, Any]
    combined: dict[str, Any]
    development: dict[str, Any] | None


def write(path: str | Path, families: Mapping[str, Choice]) -> None:
    """Write the choices by family."""
    write_json(path, families)


def read(path: str | Path) -> dict[str, Choice]:
    """Return the choices by family.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(path, by_name(object_of(Choice)))

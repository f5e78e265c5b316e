"""The thresholds frozen on development, one entry per model. Standard library only."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import by_name, object_of, read_json
from hscore.errors import UserError
from hscore.files import write_json


class Threshold(TypedDict):
    """What was frozen for one model.

    ``chosen_on``, ``n``, ``positives``, ``sensitivity`` and ``specificity`` describe the choice.

    Attributes:
        rule: the rule of the choice in words.
        value: the threshold, 0..1; a score of at least this is positive. None if none was frozen, with the reason in
            ``why``.
        median: median of the development scores, 0..1; None without development.
        recalibration: the map from score to risk: ``method`` and its parameters, or ``why`` there is none.
    """

    rule: str
    value: float | None
    median: float | None
    recalibration: dict[str, Any]


def write(path: str | Path, thresholds: Mapping[str, Threshold]) -> None:
    """Write the thresholds by model."""
    write_json(path, thresholds)


def read(path: str | Path, models: Iterable[str] = ()) -> dict[str, Threshold]:
    """Return the frozen thresholds by model.

    Args:
        path: the file.
        models: models that it must contain.

    Raises:
        UserError: the file is missing or damaged, or lacks one of the ``models``.
    """
    thresholds = read_json(path, by_name(object_of(Threshold)))
    for model in models:
        if model not in thresholds:
            raise UserError(
                f"{path} contains no threshold for model '{model}'; it contains {', '.join(thresholds) or 'none'}"
            )
    return thresholds

"""The folder of a trained model: what ``model.json`` says about it, and the course of its training, ``history.csv``.

Standard library only. The weights themselves are read and written in ``hscore.learning``.
"""

from collections.abc import Iterable, Mapping
from math import isnan
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts import delimited
from hscore.contracts.json_file import object_of, read_json
from hscore.errors import UserError
from hscore.files import write_json

DESCRIPTION_FILE = "model.json"
HISTORY_FILE = "history.csv"
HISTORY_COLUMNS = (
    *("seed", "fold", "epoch", "loss", "auc", "learning_rate", "seconds"),
    *("inner_loss", "inner_auc", "held_out_loss", "held_out_auc", "held_out_gain"),
)


class Description(TypedDict):
    """Content of ``model.json`` that all kinds of models have; each kind adds its own keys.

    Attributes:
        model: name of the model.
        kind: such as ``network``.
        spec: the model's entry under ``models`` in the config.
        folds: number of folds of the split.
        learned: whether the loss on held-out patients was ever below that of the prevalence.
    """

    model: str
    kind: str
    spec: dict[str, Any]
    folds: int
    learned: bool


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``model.json``."""
    write_json(folder / DESCRIPTION_FILE, description)


def read_description(folder: str | Path) -> Description:
    """Return the content of ``model.json``.

    Raises:
        UserError: the folder has none, or the file is damaged or does not describe a model.
    """
    path = Path(folder) / DESCRIPTION_FILE
    if not path.is_file():
        raise UserError(f"{folder} is not a model folder: it has no {DESCRIPTION_FILE}")
    return read_json(path, object_of(Description), lambda: path.parent)


def write_history(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write ``history.csv``, for people and figures: numbers with six digits."""
    delimited.write(folder / HISTORY_FILE, HISTORY_COLUMNS, map(_rounded, rows))


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its numbers as text; not a number becomes an empty cell."""
    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
    return {**row, **{name: "" if isnan(value) else f"{value:.6g}" for name, value in numbers.items()}}


def read_histories(folders: Iterable[Path]) -> dict[str, list[dict[str, str | None]]]:
    """Return the rows of ``history.csv`` by network model, those of all its folders together; other kinds have none."""
    rows_by_model: dict[str, list[dict[str, str | None]]] = {}
    for folder in folders:
        description = read_description(folder)
        if description["kind"] == "network":
            rows_by_model.setdefault(description["model"], []).extend(read_history(folder))
    return rows_by_model


def read_history(folder: Path) -> list[dict[str, str | None]]:
    """Return the rows of ``history.csv`` as text, None where there is nothing.

    Raises:
        UserError: as ``delimited.read``.
    """
    return [{key: value or None for key, value in row.items()} for row in delimited.records(folder / HISTORY_FILE)]

"""``results.json``: every number of the report. Standard library only."""

from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json


class Results(TypedDict):
    """Content of the file; ``report.results.merge`` documents all sections.

    Attributes:
        study: name, data, centres, date, seed.
        config: the resolved config.
        versions: of the packages that the numbers depend on.
        models: the configured models, in config order.
        flow: flow diagram by centre.
        performance: rows of the validation, one per model and evaluation.
        survival: survival by score.
        verdicts: comparison with the published values.
    """

    study: dict[str, Any]
    config: dict[str, Any]
    versions: dict[str, str]
    models: list[dict[str, Any]]
    flow: dict[str, dict[str, Any]]
    performance: list[dict[str, Any]]
    survival: dict[str, Any]
    verdicts: list[dict[str, Any]]


def write(path: str | Path, results: Results) -> None:
    """Write the results of a study."""
    write_json(path, results)


def read(path: str | Path) -> Results:
    """Return the results of a study.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    return read_json(path, object_of(Results))

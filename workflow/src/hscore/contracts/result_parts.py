"""The files of the statistics and description steps that become sections of ``results.json``.

Standard library only. Each file is one object. The keys listed here are those by which it is recognised and which
other steps read; the functions that compute a part document all its content.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json

Part = TypeVar("Part")


class Table1(TypedDict):
    """Description of the cohorts (``cohort.description``)."""

    groups: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    centers: dict[str, Any]


class Validation(TypedDict):
    """Diagnostic performance and comparisons (``statistics.diagnosis.validation``)."""

    performance: list[dict[str, Any]]
    comparisons: list[dict[str, Any]]
    calibration: list[dict[str, Any]]
    decision_curves: list[dict[str, Any]]
    intention_to_diagnose: list[dict[str, Any]]


class Survival(TypedDict):
    """Survival by score (``statistics.survival.survival_by_score``)."""

    model: str
    grouping: dict[str, Any]
    cohorts: dict[str, Any]
    prediction: dict[str, Any] | None


class Explanation(TypedDict):
    """Saliency maps of the most certain calls (``learning.explanation``)."""

    model: str
    threshold: float | None
    checks: dict[str, Any]
    shown: list[dict[str, Any]]


class Imaging(TypedDict):
    """Imaging protocol and quality of the centres (step ``describe_images``)."""

    protocol: list[dict[str, Any]]
    quality: dict[str, Any]
    metrics: dict[str, Any]


class Cases(TypedDict):
    """Every score in order, and the patients to show (``statistics.diagnosis.cases``)."""

    model: str
    threshold: float | None
    evaluation: str
    waterfall: dict[str, list[dict[str, Any]]]
    shown: list[dict[str, Any]]


class HazardRatios(TypedDict):
    """Hazard ratios of a simulated study next to the planted one (``recovery.hazard_ratios``)."""

    planted: dict[str, Any]
    threshold: float | None
    confidence: float
    cohorts: dict[str, Any]


def write(path: str | Path, part: Mapping[str, Any]) -> None:
    """Write a part."""
    write_json(path, part)


def read(path: str | Path, kind: type[Part]) -> Part:
    """Return a part.

    Args:
        path: the file.
        kind: which part, one of the classes of this module.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    return read_json(path, object_of(kind))

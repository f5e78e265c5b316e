"""Write the recovery report, a self-contained page: planted truth, the study's results, Monte-Carlo studies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from hscore.recovery.comparison import SimulatedCenter
from hscore.recovery.pictures import tumor_section
from hscore.simulation.parameters import SEQUENCES

HERE = Path(__file__).parent
FAR = 3.0  # a row is marked if it is more than this many Monte-Carlo standard errors from the nominal value
WORTH = 0.02  # and at least this far


def marked(value: float, nominal: float, error: float) -> bool:
    """Return whether a share differs from its nominal value by more than chance explains and by a relevant amount."""
    return abs(value - nominal) > max(FAR * error, WORTH)


def overview(summary: dict) -> dict[str, Any]:
    """Return a scenario of the Monte-Carlo summary with marked rows counted and first."""
    nominal = summary["confidence"]
    intervals = [
        {**row, "marked": marked(row["coverage"], nominal, row["coverage_error"])} for row in summary["intervals"]
    ]
    tests = [
        {**row, "marked": marked(row["rejected"], 0.05, row["rejected_error"])}
        for row in summary["tests"]
        if row["null_is_true"]
    ]
    bands = [{**row, "marked": row["covered"] < nominal - WORTH} for row in summary["bands"]]
    rows_by_kind = {"intervals": intervals, "tests": tests, "bands": bands}
    return {
        "scenario": summary["scenario"],
        "studies": summary["studies"],
        "nominal": nominal,
        "chosen_threshold": summary["chosen_threshold"],
        **{name: sorted(rows, key=lambda row: not row["marked"]) for name, rows in rows_by_kind.items()},
        "marked": {name: sum(row["marked"] for row in rows) for name, rows in rows_by_kind.items()},
    }


def shown(centers: Sequence[SimulatedCenter], converted: Mapping[str, Path]) -> list[tuple[str, str, str, Path]]:
    """Return (centre, scanner, patient, folder of the convert step) of each centre's first included patient."""
    return [
        (center.name, center.truth["scanner"], center.patients[0], converted[center.patients[0]])
        for center in centers
        if center.patients
    ]


def write(content: dict, monte_carlo: dict, shown: Sequence[tuple[str, str, str, Path]]) -> str:
    """Return the page as HTML.

    Args:
        content: content of recovery.json.
        monte_carlo: summary of the Monte-Carlo studies by scenario.
        shown: the patients whose pictures are shown, as the function ``shown`` returns them.
    """
    pictures = [
        {
            "center": center,
            "scanner": scanner,
            "patient": patient,
            "pictures": [(sequence, tumor_section(folder, patient, sequence)) for sequence in SEQUENCES],
        }
        for center, scanner, patient, folder in shown
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "interval": interval, "percent": percent}
    return environment.get_template("recovery_page.html").render(
        **content,
        level=f"{100 * content['confidence']:g}",
        survival_level=f"{100 * content['hazard_ratios']['confidence']:g}",
        pictures=pictures,
        scenarios=[overview(summary) for summary in monte_carlo.values()],
    )


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with fixed decimals, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(row: dict, digits: int = 3) -> str:
    """Return such as ``0.81 (0.70-0.92)``; only the estimate where the interval is unknown."""
    if row["low"] is None or row["high"] is None:
        return number(row.get("estimate", row.get("auc")), digits)
    value = row["estimate"] if "estimate" in row else row["auc"]
    return f"{number(value, digits)} ({number(row['low'], digits)}-{number(row['high'], digits)})"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as a percentage, or a dash."""
    return "-" if value is None else f"{100 * value:.{digits}f}"

"""Draw the forest plot of external centres: each centre, the pooled value and the prediction for a new centre."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import confidence_text, label_of

MEASURES = {  # key in results.json: title and format
    "auc": ("AUC", formatting.auc),
    "sensitivity": ("Sensitivity", formatting.percent),
    "specificity": ("Specificity", formatting.percent),
    "observed_expected": ("O:E", formatting.ratio),
    "slope": ("Calibration slope", formatting.ratio),
}
IDEAL = {"observed_expected": 1.0, "slope": 1.0}
ENDS = {"observed_expected": (0.1, 10.0), "slope": (-1.0, 4.0)}  # limits of a panel's axis
RATIOS = {
    4: (0.25, 0.5, 1, 1.5, 2, 3),
    16: (0.25, 0.5, 1, 2, 4),
    np.inf: (0.1, 0.3, 1, 3, 10),
}  # ticks by ratio of the axis ends
ROW, WIDTH, LEFT, PANEL, GAP = 0.3, 7.6, 2.25, 0.84, 0.24  # inches


def center_names(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the full name of every centre."""
    return {center["center"]: center["name"] for center in results["study"]["centers"]}


def centers(results: Mapping[str, Any]) -> Figure | None:
    """Return a figure with one panel per measure; None with only one external centre."""
    content = results.get("centers")
    if not content or not content["pooled"]:
        return None
    lines = len(content["centers"]) + 2
    height = ROW * lines
    figure = figure_canvas.new_figure(WIDTH, height + 1.75, results["study"]["simulated"])
    label = label_of(results, content["model"])
    level = confidence_text(results)
    notes = [
        f"Squares: centres, with LNM+ / n; diamond: pooled (random effects, REML); bars: {level} interval",
        f"Last line: {level} prediction interval, expected range of the true value in a new centre",
    ]
    figure_canvas.heading(figure, f"{label} in each external centre", notes)
    for column, (measure, (title, _)) in enumerate(MEASURES.items()):
        axes = figure_canvas.panel(figure, LEFT + column * (PANEL + GAP), 0.85, PANEL, height)
        _panel(axes, measure, [row[measure] for row in content["centers"]], content["pooled"][measure])
        axes.set_xlabel(title, fontsize=8.5)
        names = _names(results, content) if column == 0 else []
        axes.set_yticks(range(lines)[::-1] if column == 0 else [], names)
    return figure


def _names(results: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    names, room = center_names(results), 72 * (LEFT - 0.2)
    labels = []
    for row in content["centers"]:
        size = f" {row['positives']}/{row['n']}"
        labels.append(f"{_cut(names[row['center']], room - figure_canvas.text_width(size, 8.5))}{size}")
    return [*labels, "Pooled", "New centre"]


def _cut(name: str, room: float) -> str:
    """Return the name, shortened to the available width in points."""
    while figure_canvas.text_width(name, 8.5) > room:
        name = f"{name[:-2].rstrip()}\u2026"
    return name


def _panel(axes: Axes, measure: str, rows: list[Mapping[str, Any]], pooled: Mapping[str, Any]) -> None:
    count = len(rows)
    for index, row in enumerate(rows):
        _bar(axes, count + 1 - index, row, "s", style.INK)
    _bar(axes, 1, pooled, "D", style.VERMILLION)
    if pooled["prediction_low"] is not None:
        ends = [pooled["prediction_low"], pooled["prediction_high"]]
        axes.plot(ends, [0, 0], color=style.BLUE, linewidth=3, solid_capstyle="butt")
    low, high = _ends(measure, [*rows, pooled], pooled)
    if measure in IDEAL:
        axes.axvline(IDEAL[measure], color=style.RULE, linewidth=0.9, zorder=0)
    if measure == "observed_expected":
        axes.set_xscale("log")
        spaced = next(ticks for reach, ticks in RATIOS.items() if high / low <= reach)
        axes.set_xticks([tick for tick in spaced if low <= tick <= high])
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.locator_params(axis="x", nbins=3)
        shown = 100 if measure in ("sensitivity", "specificity") else 1
        axes.xaxis.set_major_formatter(lambda value, _: f"{shown * value:g}".replace("-", formatting.MINUS))
    axes.set(xlim=(low, high), ylim=(-0.6, count + 1.6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)


def _bar(axes: Axes, y: float, entry: Mapping[str, Any], marker: str, color: str) -> None:
    if entry["estimate"] is None:
        return
    if entry["low"] is not None:
        axes.plot([entry["low"], entry["high"]], [y, y], color=color, linewidth=1.3)
    axes.plot([entry["estimate"]], [y], marker, color=color, markersize=5)


def _ends(measure: str, rows: list[Mapping[str, Any]], pooled: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of the axis: all known values, within ``ENDS`` or 0 to 1."""
    keys = ("estimate", "low", "high")
    known = [row[key] for row in rows for key in keys if row[key] is not None]
    known += [pooled[key] for key in ("prediction_low", "prediction_high") if pooled[key] is not None]
    lowest, highest = ENDS.get(measure, (0.0, 1.0))
    if not known:
        return lowest, highest
    margin = 0.0 if measure == "observed_expected" else 0.04 * float(np.ptp(known))
    factor = 1.15 if measure == "observed_expected" else 1.0
    start = max(lowest, min(known) / factor - margin)
    end = min(highest, max(known) * factor + margin)
    room = 0.02 if measure not in ENDS else 0.0  # a marker at 0 or 1 is drawn in full
    return start - room, end + room

"""Draw the instability plot: each ensemble member's risk for every external patient (Riley and Collins 2023)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import WIDTH, confidence_text, label_of, legend_below
from hscore.report.verdict import EVALUATIONS


def instability(results: Mapping[str, Any]) -> Figure | None:
    """Return risk by the ensemble against risk by each member, with the frozen threshold and its bootstrap range."""
    content = results.get("instability") or {}
    points = content.get("points")
    if not points:
        return None
    side, legend = 3.6, 0.95
    figure = figure_canvas.new_figure(WIDTH, side + legend + 1.45, results["study"]["simulated"])
    label = label_of(results, points["model"])
    score, members = 100 * np.array(points["score"]), 100 * np.array(points["members"])
    size = f"{label}; n = {formatting.count(score.size, 'patient')}, {len(members)} members (folds)"
    figure_canvas.heading(figure, f"Instability, {EVALUATIONS['external']}", [size])
    axes = figure_canvas.panel(figure, 0.72, legend + 0.86, side, side)
    axes.plot([0, 100], [0, 100], color=style.RULE, linewidth=0.9, zorder=0)
    axes.vlines(score, members.min(axis=0), members.max(axis=0), color=style.BLUE, linewidth=0.5, alpha=0.35)
    for row in members:
        axes.plot(score, row, "o", color=style.BLUE, markersize=2.2, alpha=0.55, markeredgewidth=0)
    handles = [
        Line2D([], [], color=style.BLUE, marker="o", markersize=3, linewidth=0.6, label="members of one patient")
    ]
    if points["threshold"] is not None:
        threshold = 100 * points["threshold"]
        for draw in (axes.axvline, axes.axhline):
            draw(threshold, color=style.VERMILLION, linewidth=1.1)
        handles.append(Line2D([], [], color=style.VERMILLION, linewidth=1.1, label="frozen threshold"))
    spread = next((row["cut_off"] for row in content["thresholds"] if row["model"] == points["model"]), None)
    if spread and spread["from"] is not None:
        axes.axvspan(100 * spread["from"], 100 * spread["to"], color=style.VERMILLION, alpha=0.13, linewidth=0)
        name = f"{confidence_text(results)} range of resampled thresholds"
        handles.append(Patch(color=style.VERMILLION, alpha=0.13, linewidth=0, label=name))
    axes.set(xlim=(-2, 102), ylim=(-2, 102), xlabel="Risk by the ensemble (%)", ylabel="Risk by each member (%)")
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(0, 101, 20))
    axes.grid(color=style.RULE, linewidth=0.4, alpha=0.7)
    axes.set_axisbelow(True)
    axes.set_aspect("equal")
    legend_below(figure, handles, "Grey line: the members agree", figure_canvas.STRIP + 0.04)
    return figure

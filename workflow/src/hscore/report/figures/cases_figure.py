"""Draw the waterfall: every patient's H score from the frozen threshold up or down, by node status at pathology."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import label_of
from hscore.report.verdict import EVALUATIONS

Results = Mapping[str, Any]

WIDTH, HEIGHT = 7.6, 3.9  # inches
LOOKS = {True: (style.VERMILLION, "LNM at pathology"), False: (style.SKY, "no LNM at pathology")}  # differ in grey


def waterfall(results: Results, evaluation: str) -> Figure | None:
    """Return bars from the frozen threshold to the score, highest first; a bar on the wrong side is an error."""
    cases = results.get("cases")
    rows = cases["waterfall"].get(evaluation) if cases else None
    if not rows or cases["threshold"] is None:
        return None
    threshold = cases["threshold"]
    score = np.array([row["score"] for row in rows])
    y_true = np.array([row["lnm"] for row in rows])
    figure = figure_canvas.new_figure(WIDTH, HEIGHT, results["study"]["simulated"])
    label = label_of(results, cases["model"])
    size = f"n = {formatting.count(len(rows), 'patient')}, {int(y_true.sum())} LNM-positive"
    line = f"{label}; {size}; one bar per patient, from the frozen threshold {formatting.decimal(threshold, 3)}"
    figure_canvas.heading(figure, f"H scores, {EVALUATIONS[evaluation]}", [line])
    axes = figure_canvas.panel(figure, 0.72, 0.86, WIDTH - 0.95, HEIGHT - 1.62)
    positions = np.arange(len(rows))
    for lnm, (color, _) in LOOKS.items():
        mask = y_true == lnm
        axes.bar(positions[mask], score[mask] - threshold, bottom=threshold, width=0.82, color=color, linewidth=0)
    axes.axhline(threshold, color=style.INK, linewidth=0.9)
    axes.set(xlim=(-0.8, len(rows) - 0.2), ylim=(0, 1), ylabel="H score")
    axes.set_xticks([])
    axes.set_xlabel("Patients, highest score first", labelpad=3)
    axes.grid(axis="y", color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)
    handles = [
        Patch(color=color, label=f"{words} (n = {int((y_true == lnm).sum())})") for lnm, (color, words) in LOOKS.items()
    ]
    figure.legend(handles=handles, loc="lower right", bbox_to_anchor=(0.985, 0.03), ncols=2, borderaxespad=0)
    return figure

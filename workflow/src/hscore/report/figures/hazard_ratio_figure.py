"""Draw the hazard ratio of a simulated study in four steps: planted, true groups, expected, achieved."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import survival_confidence_text
from hscore.report.figures.survival_figures import ratio_axis

STEPS = {
    "planted": "planted: true groups, population",
    "true_groups": "true groups of these patients",
    "expected": "expected of our groups",
    "achieved": "achieved by our groups",
}
ROW = 0.27  # inches


def hazard_ratios(results: Mapping[str, Any]) -> Figure | None:
    """Draw one block per cohort, one line per step; None for real patients."""
    if not results.get("truth"):
        return None
    ratios = results["truth"]["hazard_ratios"]
    blocks = {
        name: [(step, ratios["planted"] if step == "planted" else content[step]) for step in STEPS]
        for name, content in ratios["cohorts"].items()
    }
    lines = sum(len(block) + 1.4 for block in blocks.values())
    figure = figure_canvas.new_figure(7.6, ROW * lines + 1.6, simulated=True)
    figure_canvas.heading(
        figure,
        f"Hazard ratio, high vs low H score, with {survival_confidence_text(results)} interval",
        ["Our interval should contain the expected ratio. Misclassified patients make it smaller than the planted one"],
    )
    axes = figure_canvas.panel(figure, 2.75, 0.9, 2.9, ROW * lines)
    label = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8, "annotation_clip": False}
    ends, y = [1.0], 0.0
    for name, block in blocks.items():
        y -= 0.9
        axes.annotate(name.capitalize(), (-0.03, y), ha="right", fontweight="bold", **label)
        for step, entry in block:
            y -= 1
            color = style.VERMILLION if step == "achieved" else style.INK
            axes.annotate(STEPS[step], (-0.03, y), ha="right", **label)
            if entry["estimate"] is None:
                axes.annotate(formatting.NOT_ESTIMABLE, (1.04, y), **label)
                continue
            known = [value for value in (entry.get("low"), entry.get("high")) if value is not None]
            if len(known) == 2:
                axes.plot(known, [y, y], color=color, linewidth=1.3)
            ends += [entry["estimate"], *known]
            axes.plot([entry["estimate"]], [y], "s" if known else "D", color=color, markersize=5.5)
            text = formatting.estimate(entry, formatting.ratio) if known else formatting.ratio(entry["estimate"])
            axes.annotate(text, (1.04, y), **label)
        y -= 0.5
    ratio_axis(axes, min(ends), max(ends))
    axes.set(ylim=(-lines, 0))
    axes.set_yticks([])
    return figure

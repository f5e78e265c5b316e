"""Draw the hazard ratio along the score as a restricted cubic spline, to show whether the effect is log-linear."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import WIDTH, survival_confidence_text
from hscore.report.verdict import EVALUATIONS

TICKS = (0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 100)


def spline(results: Mapping[str, Any], cohort: str) -> Figure | None:
    """Return the curve of one cohort with its band; ticks on the lower edge are the knots."""
    content = results["survival"].get("cohorts", {}).get(cohort)
    curve = (content or {}).get("spline") or {}
    if not curve.get("score"):
        return None
    figure = figure_canvas.new_figure(WIDTH, 4.35, results["study"]["simulated"])
    test = curve["nonlinearity"]
    nonlinearity = formatting.p_equation(test["p"]) if test["p"] is not None else formatting.not_estimable_text(test)
    size = f"n = {formatting.count(content['n'], 'patient')}, {formatting.count(content['events'], 'event')}"
    level = survival_confidence_text(results)
    lines = [
        f"{size}; overall {formatting.p_equation(curve['overall']['p'])}; non-linearity {nonlinearity}",
        f"Restricted cubic spline, {len(curve['knots'])} knots (ticks); band: {level} interval",
    ]
    figure_canvas.heading(figure, f"Hazard ratio along the H score, {EVALUATIONS[cohort]}", lines)
    axes = figure_canvas.panel(figure, 0.72, 0.86, WIDTH - 0.95, 2.6)
    score, ratio, low, high = (np.array(curve[key], float) for key in ("score", "hazard_ratio", "low", "high"))
    axes.axhline(1, color=style.RULE, linewidth=0.9, zorder=0)
    axes.fill_between(score, low, np.where(np.isnan(high), 1e3, high), color=style.VERMILLION, alpha=0.13, linewidth=0)
    axes.plot(score, ratio, color=style.VERMILLION, linewidth=2, label="hazard ratio")
    axes.set_yscale("log")
    bottom, top = max(np.nanmin([*low, 0.5]) / 1.2, 0.02), min(np.nanmax([*high, 2]) * 1.2, 200)
    axes.set(xlim=(score[0], score[-1]), ylim=(bottom, top), xlabel="H score")
    axes.set_ylabel(f"Hazard ratio against a score of {curve['reference']:.2f}")
    axes.set_yticks([tick for tick in TICKS if bottom <= tick <= top])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks([], minor=True)
    axes.plot(curve["knots"], [0.02] * len(curve["knots"]), "|", transform=axes.get_xaxis_transform(), color=style.INK)
    axes.grid(color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)
    return figure

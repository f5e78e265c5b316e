"""Show whether predicted survival agrees with observed survival: the figure, and the sentence next to it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import FEW_POINTS, WIDTH, percentages, survival_confidence_text
from hscore.report.verdict import EVALUATIONS

Results = Mapping[str, Any]


def external_calibration(results: Results) -> Mapping[str, Any] | None:
    """Return the calibration of predicted survival, None where there is no prediction of external patients."""
    return (results["survival"].get("prediction") or {}).get("calibration")


def calibration(results: Results) -> Figure | None:
    """Return observed against predicted risk at the horizon, with the band of the flexible curve."""
    content = external_calibration(results)
    if not content or not content["curve"]["predicted"]:
        return None
    side = 3.6
    figure = figure_canvas.new_figure(WIDTH, side + 1.72, results["study"]["simulated"])
    size = f"n = {formatting.count(content['n'], 'patient')}, {formatting.count(content['events'], 'event')} by then"
    measures = [
        f"{name} {formatting.estimate(content[key], formatting.ratio)}"
        for name, key in (("O:E", "observed_expected"), ("slope", "slope"))
        if content[key]["estimate"] is not None  # the reason is in the text
    ]
    lines = [f"{size}; {content['at_risk']} still followed", "; ".join([*measures, "ticks: deciles"])]
    figure_canvas.heading(figure, f"Calibration of predicted survival, {EVALUATIONS['external']}", lines)
    axes = figure_canvas.panel(figure, 0.72, 0.9, side, side)
    curve = {key: percentages(content["curve"][key]) for key in ("predicted", "observed", "low", "high")}
    top = min(100.0, 1.08 * np.nanmax([*curve["predicted"], *curve["observed"], *curve["high"]]))
    axes.plot([0, 100], [0, 100], color=style.RULE, linewidth=0.9, zorder=0)
    look = style.SCORES["as predicted"]
    marker = look.marker if curve["predicted"].size <= FEW_POINTS else ""
    axes.plot(
        curve["predicted"], curve["observed"], color=look.color, linewidth=look.width, marker=marker, label="observed"
    )
    axes.fill_between(curve["predicted"], curve["low"], curve["high"], color=look.color, alpha=0.13, linewidth=0)
    deciles = percentages(content["deciles"])
    axes.plot(deciles, np.full(deciles.size, 0.02), "|", transform=axes.get_xaxis_transform(), color=style.INK)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.set_xlabel(f"Predicted risk of an event by {content['month']:g} months (%)")
    axes.set_ylabel(f"Observed risk (%), band: {survival_confidence_text(results)} interval")
    axes.grid(color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.set_aspect("equal")
    return figure


def calibration_text(results: Results) -> str:
    """Return mean, weak and moderate calibration in words; empty where there is no prediction of external patients."""
    content = external_calibration(results)
    if not content:
        return ""
    ratio, slope = (formatting.estimate(content[key], formatting.ratio) for key in ("observed_expected", "slope"))
    if content["month"] is None:
        return f"Calibration of predicted survival: {formatting.not_estimable_text(content['observed_expected'])}."
    distance = f"not estimable: {content['curve_why']}" if "curve_why" in content else (
        f"{formatting.percent_bare(content['ici'])} percentage points on average (ICI), at most "
        f"{formatting.percent_bare(content['e90'])} in 90{formatting.NBSP}% of patients (E90)"
    )  # fmt: skip
    observed = formatting.percent(content["observed_expected"]["observed"])
    return (
        "Calibration of the survival that the development cohort\u2019s Cox model predicts for external patients, at "
        f"{content['month']:g} months: {formatting.percent(content['expected'])} expected and {observed} observed "
        f"with an event (Kaplan-Meier), O:E {ratio}; calibration slope {slope}; distance of the curve from the "
        f"predictions: {distance}."
    )

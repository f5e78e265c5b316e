"""Draw the clinical usefulness of the score: net benefit, spared dissections, and reclassification."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import (
    WIDTH,
    confidence_text,
    labels_of,
    legend_below,
    main_evaluation,
    main_model,
    model_styles,
)
from hscore.report.figures.style import ModelStyle
from hscore.report.verdict import EVALUATIONS

Results = Mapping[str, Any]

TREAT_ALL = ModelStyle(style.MUTED, style.DASHES[1], "", 1.0)
TREAT_NONE = ModelStyle(style.MUTED, style.SOLID, "", 1.0)
MRI_LN_LABEL = "MRI-LN alone"
MRI_LN = ModelStyle(style.INK, style.DASHES[0], "", 1.0)


def main_curves(results: Results) -> Mapping[str, Any] | None:
    """Return the leading decision curves: recalibrated risks, or risks as predicted without recalibration."""
    curves = {
        row["scores"]: row
        for row in results.get("decision_curves") or []
        if row["evaluation"] == main_evaluation(results) and row["models"] and row["n"]
    }
    return curves.get("recalibrated") or curves.get("as predicted")


def _size(content: Mapping[str, Any]) -> str:
    kind = "recalibrated risks" if content["scores"] == "recalibrated" else "risks as predicted"
    return f"n = {formatting.count(content['n'], 'patient')}, {content['positives']} LNM-positive; {kind}"


def _strategies(results: Results, content: Mapping[str, Any], measure: str) -> list[tuple[str, ModelStyle, Mapping]]:
    """Return label, look and values of MRI-LN alone (where known for all patients) and of every model."""
    labels, looks = labels_of(results), model_styles(results)
    reading = [(MRI_LN_LABEL, MRI_LN, content["mri_ln"][measure])] if measure in content["mri_ln"] else []
    return [
        *reading,
        *((labels.get(name, name), looks[name], curve[measure]) for name, curve in content["models"].items()),
    ]


def _draw(axes: Axes, at: np.ndarray, curve: Mapping[str, Any], look: ModelStyle, label: str, band: bool) -> None:
    values, low, high = (
        np.array([np.nan if value is None else value for value in curve[key]], float)
        for key in ("estimate", "low", "high")
    )
    axes.plot(at, values, color=look.color, linestyle=look.line, linewidth=look.width, label=label)
    if band:
        top = np.where(np.isnan(high) & ~np.isnan(low), np.nanmax(np.append(high, values)) * 10, high)  # open above
        axes.fill_between(at, low, top, color=look.color, alpha=0.13, linewidth=0)


def _handle(label: str, look: ModelStyle) -> Line2D:
    return Line2D([], [], color=look.color, linestyle=look.line, linewidth=look.width, label=label)


def decision_curves(results: Results) -> Figure | None:
    """Return net benefit of acting on each model's risk by threshold probability, with a band for the H score."""
    content = main_curves(results)
    if not content:
        return None
    strategies = _strategies(results, content, "net_benefit")
    main = labels_of(results).get(main_model(results))
    legend_height = 0.183 * (len(strategies) + 3.6)
    height = 2.9
    figure = figure_canvas.new_figure(WIDTH, height + legend_height + 1.42, results["study"]["simulated"])
    figure_canvas.heading(figure, f"Decision curves, {EVALUATIONS[content['evaluation']]}", [_size(content)])
    axes = figure_canvas.panel(figure, 0.72, legend_height + 0.86, WIDTH - 0.95, height)
    at = 100 * np.asarray(content["threshold"])
    handles, largest = [], 0.0
    for key, label, look in (
        ("treat_all", "treat all as positive", TREAT_ALL),
        ("treat_none", "treat none", TREAT_NONE),
    ):
        values = content[key]["net_benefit"]["estimate"]
        axes.plot(at, values, color=look.color, linestyle=look.line, linewidth=look.width, label=label)
        handles.append(_handle(label, look))
        largest = max(largest, *values)
    for label, look, curve in strategies:
        _draw(axes, at, curve, look, label, band=label == main)
        handles.append(_handle(label, look))
        largest = max(largest, *curve["estimate"])
    axes.set(xlim=(at[0], at[-1]), ylim=(-0.25 * largest - 0.01, 1.08 * largest + 0.01))
    axes.set(xlabel="Threshold probability (%)", ylabel="Net benefit")
    axes.grid(color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)
    legend_below(figure, handles, f"Band: {confidence_text(results)} interval (bootstrap)", figure_canvas.STRIP + 0.04)
    return figure


def spared_dissections(results: Results) -> Figure | None:
    """Return net dissections avoided per 100 patients, and dissections spared per metastasis missed.

    The figure shows the H score, the readings of the nodes and the models without images; results.json contains the
    others.
    """
    content = main_curves(results)
    if not content:
        return None
    main = labels_of(results).get(main_model(results))
    shown = {main, MRI_LN_LABEL, *(model["label"] for model in results["models"] if not model["sequences"])}
    avoided, missed = (
        [row for row in _strategies(results, content, measure) if row[0] in shown]
        for measure in ("interventions_avoided_per_100", "spared_per_missed")
    )
    legend_height = 0.183 * (len(avoided) + 1.6)
    figure = figure_canvas.new_figure(WIDTH, 5.3 + legend_height, results["study"]["simulated"])
    figure_canvas.heading(figure, f"Node dissections spared, {EVALUATIONS[content['evaluation']]}", [_size(content)])
    at = 100 * np.asarray(content["threshold"])
    upper = figure_canvas.panel(figure, 0.72, legend_height + 2.85, WIDTH - 0.95, 1.5)
    lower = figure_canvas.panel(figure, 0.72, legend_height + 0.86, WIDTH - 0.95, 1.5)
    for axes, strategies, title in (
        (upper, avoided, "Net avoided per 100 patients, compared with treating all"),
        (lower, missed, "Spared for each metastasis missed (logarithmic)"),
    ):
        for label, look, curve in strategies:
            _draw(axes, at, curve, look, label, band=label == main)
        axes.set_title(title, fontsize=8.5, fontweight="normal", color=style.MUTED)
        axes.set(xlim=(at[0], at[-1]))
        axes.grid(color=style.RULE, linewidth=0.4)
        axes.set_axisbelow(True)
    highest = max((value for *_, curve in avoided for value in curve["estimate"]), default=1.0)
    upper.set_ylim(-0.35 * max(highest, 1), 1.15 * max(highest, 1))
    upper.set_xticklabels([])
    known = [value for *_, curve in missed for value in curve["estimate"] if value]
    lower.set_yscale("log")
    lower.set_ylim(min([1.0, *known]) / 1.5, max([10.0, *known]) * 2)
    lower.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    lower.set_xlabel("Threshold probability (%)")
    handles = [_handle(label, look) for label, look, _ in avoided]
    legend_below(figure, handles, f"Bands: {confidence_text(results)} interval (bootstrap)", figure_canvas.STRIP + 0.04)
    return figure


MEASURES = (
    ("categorical_nri", "Categorical NRI"),
    ("continuous_nri", "Continuous NRI"),
    ("idi", "IDI"),
)


def reclassification(results: Results) -> Figure | None:
    """Return NRI and IDI of the H score against every other model, to be read with net benefit."""
    rows = [
        row
        for row in results.get("reclassification") or []
        if any(row[key]["estimate"] is not None for key, _ in MEASURES)
    ]
    if not rows:
        return None
    labels = labels_of(results)
    height = 0.36 * len(rows)
    figure = figure_canvas.new_figure(7.6, height + 1.75, results["study"]["simulated"])
    low, high = rows[0]["categorical_nri"]["borders"]
    lines = [
        f"{labels.get(rows[0]['new'], rows[0]['new'])} against each other model, recalibrated risks; right of 0: "
        f"better; {confidence_text(results)} interval (Wald)",
        f"categories: below {100 * low:g} %, {100 * low:g} to {100 * high:g} %, above. Rewards miscalibration: "
        "read together with net benefit",
    ]
    figure_canvas.heading(figure, f"Reclassification, {EVALUATIONS[rows[0]['evaluation']]}", lines)
    for column, (key, title) in enumerate(MEASURES):
        axes = figure_canvas.panel(figure, 2.05 + 1.85 * column, 0.75, 1.65, height)
        axes.axvline(0, color=style.RULE, linewidth=0.9, zorder=0)
        ends = [0.0]
        for y, row in enumerate(rows[::-1]):
            entry = row[key]
            if entry["estimate"] is None:
                continue
            if entry["low"] is not None:
                axes.plot([entry["low"], entry["high"]], [y, y], color=style.INK, linewidth=1.3)
                ends += [entry["low"], entry["high"]]
            axes.plot([entry["estimate"]], [y], "s", color=style.INK, markersize=5)
            ends.append(entry["estimate"])
        margin = 0.08 * max(max(ends) - min(ends), 0.1)
        axes.set(ylim=(-0.6, len(rows) - 0.4), xlim=(min(ends) - margin, max(ends) + margin), xlabel=title)
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", formatting.MINUS))
        names = [labels.get(row["old"], row["old"]) for row in rows[::-1]] if column == 0 else []
        axes.set_yticks(range(len(rows)) if column == 0 else [], names)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=style.RULE, linewidth=0.4)
        axes.set_axisbelow(True)
    return figure

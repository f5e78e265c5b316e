"""Draw the report's diagnostic charts from results.json alone; each function returns a matplotlib figure or None.

None means that results.json does not contain what the figure shows. Every chart states n, units and the interval's
method where one is drawn, and simulated data are marked.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.style import ModelStyle
from hscore.report.verdict import EVALUATIONS, NO_TARGET, NO_VERDICT

WIDTH = 4.7  # inches; two fit next to each other on a desktop page, one fills a phone and stays readable
TITLE_LETTERS = 66  # characters per line of a legend's title that fill the width

Results = Mapping[str, Any]


def rows_of(results: Results, evaluation: str) -> list[Mapping[str, Any]]:
    """Return the performance rows of one evaluation, in the order of the configured models."""
    order = {model["model"]: number for number, model in enumerate(results["models"])}
    rows = [row for row in results["performance"] if row["evaluation"] == evaluation]
    return sorted(rows, key=lambda row: order.get(row["model"], len(order)))


def labels_of(results: Results) -> dict[str, str]:
    """Return the label of every model."""
    return {model["model"]: model["label"] for model in results["models"]}


def label_of(results: Results, model: str) -> str:
    """Return the label of a model, or its name if the study does not have the model."""
    return labels_of(results).get(model, model)


def model_styles(results: Results) -> dict[str, ModelStyle]:
    """Return the look of every model, the same in all figures."""
    return style.styles_by_model(results["models"], main_model(results))


def main_model(results: Results) -> str | None:
    """Return the model whose score is the H score."""
    return results["survival"].get("model") or results["config"].get("survive", {}).get("model")


def confidence_text(results: Results) -> str:
    """Return the confidence level as text, e.g. '95 %'."""
    return formatting.confidence(results["config"].get("validate", {}).get("confidence", 0.95))


def survival_confidence_text(results: Results) -> str:
    """Return the confidence level of the survival intervals as text."""
    settings = results["config"]
    level = settings.get("survive", {}).get("confidence") or settings.get("validate", {}).get("confidence", 0.95)
    return formatting.confidence(level)


def endpoint_of(results: Results) -> str:
    """Return the name of the survival end point, e.g. 'disease-free survival'."""
    return results["config"]["survive"]["endpoint"]["name"]


def endpoint_title(results: Results) -> str:
    """Return the name of the survival end point with a capital letter, for headings."""
    name = endpoint_of(results)
    return name[:1].upper() + name[1:]


def main_evaluation(results: Results) -> str:
    """Return the leading evaluation: external, or out-of-fold in a study without an external centre."""
    return "external" if rows_of(results, "external") else "out_of_fold"


def main_cohort(results: Results) -> str:
    """Return the leading survival cohort: external, or development in a study without an external centre."""
    return "external" if results["survival"].get("cohorts", {}).get("external") else "development"


def cohort_size(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return such as 'n = 141 patients, 32 LNM-positive'."""
    return f"n = {formatting.count(rows[0]['n'], 'patient')}, {rows[0]['positives']} LNM-positive"


# ROC curves


def roc(results: Results, evaluation: str) -> Figure | None:
    """Return the ROC curves of all models in one evaluation, with the frozen threshold marked on each."""
    rows = [row for row in rows_of(results, evaluation) if has_curve(row)]
    if not rows:
        return None
    labels, looks = labels_of(results), model_styles(results)
    method = rows[0]["auc"].get("method")
    level = f"{confidence_text(results)}{', ' + method if method else ''}"
    title = textwrap.fill(f"AUC ({level}); marker: threshold; band: bootstrap", TITLE_LETTERS)
    legend_height = 0.183 * (len(rows) + 0.6 + len(title.splitlines()))
    side = 3.6
    figure = figure_canvas.new_figure(WIDTH, side + legend_height + 1.42, results["study"]["simulated"])
    figure_canvas.heading(figure, f"ROC, {EVALUATIONS[evaluation]}", [cohort_size(rows)])
    axes = figure_canvas.panel(figure, 0.72, legend_height + 0.86, side, side)
    axes.plot([0, 100], [0, 100], color=style.RULE, linewidth=0.9, zorder=0)
    handles = []
    for row in rows:
        look = looks[row["model"]]
        curve = row["roc"]
        x = 100 * np.asarray(curve["false_positive_rate"], float)
        y = 100 * np.asarray(curve["true_positive_rate"], float)
        name = labels.get(row["model"], row["model"])
        axes.plot(x, y, color=look.color, linestyle=look.line, linewidth=look.width, label=name)
        if row["model"] == main_model(results) and "low" in row["roc_band"]:
            sides = (100 * np.asarray(row["roc_band"][key], float) for key in ("false_positive_rate", "low", "high"))
            axes.fill_between(*sides, color=look.color, alpha=0.13, linewidth=0)
        point = _operating_point(row)
        if point:
            axes.plot(
                *point,
                look.marker,
                color=look.color,
                markersize=6,
                markeredgecolor="white",
                markeredgewidth=0.7,
                zorder=5,
            )
        text = f"{name}: {formatting.estimate(row['auc'], formatting.auc)}"
        handles.append(
            Line2D(
                [],
                [],
                color=look.color,
                linestyle=look.line,
                linewidth=look.width,
                marker=look.marker,
                markersize=5,
                label=text,
            )
        )
    _percent_axes(axes, "1 \u2212 specificity (%)", "Sensitivity (%)")
    axes.set_aspect("equal")
    legend_below(figure, handles, title, bottom=figure_canvas.STRIP + 0.04)
    return figure


def has_curve(row: Mapping[str, Any]) -> bool:
    """Return whether the row's ROC curve could be computed."""
    return bool((row.get("roc") or {}).get("true_positive_rate"))


def _operating_point(row: Mapping[str, Any]) -> tuple[list[float], list[float]] | None:
    sensitivity, specificity = row["sensitivity"].get("estimate"), row["specificity"].get("estimate")
    if sensitivity is None or specificity is None:
        return None
    return [100 * (1 - specificity)], [100 * sensitivity]


def _percent_axes(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-2, 102), ylim=(-2, 102), xlabel=x, ylabel=y)
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(0, 101, 20))
    axes.grid(color=style.RULE, linewidth=0.4, alpha=0.7)
    axes.set_axisbelow(True)


def legend_below(figure: Figure, handles: list[Line2D], title: str, bottom: float) -> None:
    """Add a legend with a title at ``bottom`` inches from the figure's lower edge."""
    total_width, total_height = figure.get_size_inches()
    legend = figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.1 / total_width, bottom / total_height),
        title=title,
        title_fontsize=8.5,
        alignment="left",
        handlelength=3.4,
        labelspacing=0.42,
        borderaxespad=0,
        borderpad=0.2,
    )
    legend.get_title().set_color(style.MUTED)


# AUC of all models at a glance


def auc_overview(results: Results) -> Figure | None:
    """Return AUC with interval of every model: external (filled), out-of-fold (open), published external (diamond)."""
    external = {row["model"]: row for row in rows_of(results, "external")}
    out_of_fold = {row["model"]: row for row in rows_of(results, "out_of_fold")}
    evaluations = {"external": external, "out-of-fold": out_of_fold}
    if not external and not out_of_fold:
        return None
    published = {
        row["model"]: row["published"]
        for row in results["verdicts"]
        if row["measure"] == "auc"
        and row["evaluation"] == "external"
        and row["verdict"] not in (NO_TARGET, NO_VERDICT)
        and row["model"] in external
    }
    models = [model for model in results["models"] if model["model"] in external or model["model"] in out_of_fold][::-1]
    looks = model_styles(results)
    row_height = 0.52
    figure = figure_canvas.new_figure(7.6, row_height * len(models) + 1.62, results["study"]["simulated"])
    sizes = [f"{name}: {cohort_size(list(rows.values()))}" for name, rows in evaluations.items() if rows]
    figure_canvas.heading(figure, f"AUC of every model with {confidence_text(results)} interval", ["; ".join(sizes)])
    axes = figure_canvas.panel(figure, 2.1, 0.95, 3.45, row_height * len(models))
    lowest = 0.5
    for y, model in enumerate(models):
        name, look = model["model"], looks[model["model"]]
        for row, offset, face in ((external.get(name), 0.14, look.color), (out_of_fold.get(name), -0.2, "white")):
            if row is None or row["auc"].get("estimate") is None:
                continue
            low, high = row["auc"].get("low"), row["auc"].get("high")
            if low is not None and high is not None:
                axes.plot([low, high], [y + offset] * 2, color=look.color, linewidth=1.6 if offset > 0 else 1.0)
                lowest = min(lowest, low)
            axes.plot([row["auc"]["estimate"]], [y + offset], "o", color=look.color, markerfacecolor=face, markersize=6)
            axes.annotate(
                formatting.estimate(row["auc"], formatting.auc),
                (1.03, y + offset),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
                color=style.INK if offset > 0 else style.MUTED,
                annotation_clip=False,
            )
        if name in published:
            axes.plot(
                [published[name]],
                [y + 0.14],
                "D",
                color="white",
                markeredgecolor=style.INK,
                markersize=5,
                markeredgewidth=1.1,
                zorder=4,
            )
    axes.axvline(0.5, color=style.RULE, linewidth=0.9, zorder=0)
    axes.set(ylim=(-0.5, len(models) - 0.5), xlim=(max(0.0, lowest - 0.03), 1.005), xlabel="AUC")
    axes.set_yticks(range(len(models)), [model["label"] for model in models])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, linewidth=0.4)
    handles = []
    if external:
        handles.append(Line2D([], [], color=style.MUTED, marker="o", label="external", linewidth=1.6))
    if out_of_fold:
        handles.append(
            Line2D([], [], color=style.MUTED, marker="o", markerfacecolor="white", label="out-of-fold", linewidth=1.0)
        )
    if published:
        short = results["published"].get("short", "published")
        handles.append(
            Line2D(
                [],
                [],
                color="white",
                marker="D",
                markeredgecolor=style.INK,
                linestyle="none",
                markersize=5,
                label=f"{short}, external",
            )
        )
    figure.legend(handles=handles, loc="lower right", ncols=3, bbox_to_anchor=(0.99, 0.0), columnspacing=1.4)
    return figure


# Calibration


def calibration(results: Results) -> Figure | None:
    """Return observed against predicted share of LNM of the H score, as predicted and recalibrated."""
    model, evaluation = main_model(results), main_evaluation(results)
    rows = [
        row
        for row in results.get("calibration") or []
        if row["model"] == model and row["evaluation"] == evaluation and (row.get("curve") or {}).get("predicted")
    ]
    if not rows:
        return None
    side = 3.6
    figure = figure_canvas.new_figure(WIDTH, side + 2.35, results["study"]["simulated"])
    size = f"n = {formatting.count(rows[0]['n'], 'patient')}, {rows[0]['events']} LNM-positive"
    label = label_of(results, model)
    figure_canvas.heading(figure, f"Calibration, {EVALUATIONS[evaluation]}", [f"{label}; {size}"])
    axes = figure_canvas.panel(figure, 0.72, 1.7, side, side)
    axes.plot([0, 100], [0, 100], color=style.RULE, linewidth=0.9, zorder=0)
    handles = []
    for row in rows:
        look = style.SCORES[row["scores"]]
        curve = {key: percentages(row["curve"].get(key)) for key in ("predicted", "observed", "low", "high")}
        marker = look.marker if curve["predicted"].size <= FEW_POINTS else ""
        style_of = {"color": look.color, "linestyle": look.line, "linewidth": look.width, "marker": marker}
        axes.plot(curve["predicted"], np.clip(curve["observed"], 0, 100), **style_of, label=row["scores"])
        low, high = np.clip(curve["low"], 0, 100), np.clip(curve["high"], 0, 100)
        axes.fill_between(curve["predicted"], low, high, color=look.color, alpha=0.13, linewidth=0)
        known = row["slope"].get("estimate") is not None  # the reason is in the table
        slope = formatting.estimate(row["slope"], formatting.ratio) if known else formatting.NOT_ESTIMABLE
        handles.append(Line2D([], [], **style_of, label=f"{row['scores']}: slope {slope}"))
    _percent_axes(axes, "Predicted probability of LNM (%)", "Observed share with LNM (%)")
    axes.set_aspect("equal")
    title = f"Bands and slopes: {confidence_text(results)} interval; grey line: perfect"
    legend_below(figure, handles, title, bottom=figure_canvas.STRIP + 0.04)
    return figure


FEW_POINTS = 5  # up to here a curve is drawn with a marker per value


def percentages(values: Sequence[float | None] | None) -> np.ndarray:
    """Return proportions as percentages; None becomes NaN."""
    return 100 * np.asarray([np.nan if value is None else value for value in values or []], float)

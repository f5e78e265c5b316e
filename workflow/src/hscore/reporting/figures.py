"""The report's charts, drawn from results.json alone; each function returns a matplotlib figure or None.

None means that results.json does not hold what the figure shows. Every chart states n, units and the interval's
method where one is drawn, and carries the mark of simulated data.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hscore.reporting import canvas, formatting, style
from hscore.reporting.style import Look
from hscore.reporting.verdict import EVALUATIONS

WIDTH = 4.7  # inches; two stand side by side on a desktop page, one fills a phone and stays readable

Results = Mapping[str, Any]


def rows_of(results: Results, evaluation: str) -> list[Mapping[str, Any]]:
    """Performance rows of one evaluation, in the order of the configured models."""
    order = {model["model"]: number for number, model in enumerate(results["models"])}
    rows = [row for row in results["performance"] if row["evaluation"] == evaluation]
    return sorted(rows, key=lambda row: order.get(row["model"], len(order)))


def labels_of(results: Results) -> dict[str, str]:
    """The written name of every model."""
    return {model["model"]: model["label"] for model in results["models"]}


def looks_of(results: Results) -> dict[str, Look]:
    """The look of every model, the same in all figures."""
    return style.looks(results["models"], main_model(results))


def main_model(results: Results) -> str | None:
    """The model whose score is the H score."""
    return results["survival"].get("model") or results["config"].get("survive", {}).get("model")


def level_of(results: Results) -> str:
    """The written confidence level, e.g. '95 %'."""
    return formatting.confidence(results["config"].get("validate", {}).get("confidence", 0.95))


def survival_level_of(results: Results) -> str:
    """The written confidence level of the survival intervals."""
    settings = results["config"]
    level = settings.get("survive", {}).get("confidence") or settings.get("validate", {}).get("confidence", 0.95)
    return formatting.confidence(level)


def main_evaluation(results: Results) -> str:
    """The evaluation that the report leads with: external, or out-of-fold in a study without an external centre."""
    return "external" if rows_of(results, "external") else "out_of_fold"


def main_cohort(results: Results) -> str:
    """The cohort whose survival the report leads with: external, or development without an external centre."""
    return "external" if results["survival"].get("cohorts", {}).get("external") else "development"


def cohort_size(rows: Sequence[Mapping[str, Any]]) -> str:
    """'n = 141 patients, 32 LNM-positive'."""
    return f"n = {formatting.count(rows[0]['n'], 'patient')}, {rows[0]['positives']} LNM-positive"


# ROC curves


def roc(results: Results, evaluation: str) -> Figure | None:
    """ROC curves of all models in one evaluation, the frozen threshold marked on each."""
    rows = [row for row in rows_of(results, evaluation) if has_curve(row)]
    if not rows:
        return None
    labels, looks = labels_of(results), looks_of(results)
    legend_height = 0.183 * (len(rows) + 1.6)
    side = 3.6
    figure = canvas.new_figure(WIDTH, side + legend_height + 1.42, results["study"]["simulated"])
    canvas.heading(figure, f"ROC, {EVALUATIONS[evaluation]}", [cohort_size(rows)])
    axes = canvas.panel(figure, 0.72, legend_height + 0.86, side, side)
    axes.plot([0, 100], [0, 100], color=style.RULE, linewidth=0.9, zorder=0)
    handles = []
    for row in rows:
        look = looks[row["model"]]
        curve = row["roc"]
        x = 100 * np.asarray(curve["false_positive_rate"], float)
        y = 100 * np.asarray(curve["true_positive_rate"], float)
        axes.plot(x, y, color=look.colour, linestyle=look.line, linewidth=look.width)
        point = _operating_point(row)
        if point:
            axes.plot(
                *point,
                look.marker,
                color=look.colour,
                markersize=6,
                markeredgecolor="white",
                markeredgewidth=0.7,
                zorder=5,
            )
        text = f"{labels.get(row['model'], row['model'])}: {formatting.estimate(row['auc'], formatting.auc)}"
        handles.append(
            Line2D(
                [],
                [],
                color=look.colour,
                linestyle=look.line,
                linewidth=look.width,
                marker=look.marker,
                markersize=5,
                label=text,
            )
        )
    _percent_axes(axes, "1 \u2212 specificity (%)", "Sensitivity (%)")
    axes.set_aspect("equal")
    method = rows[0]["auc"].get("method")
    title = f"AUC ({level_of(results)} interval{', ' + method if method else ''}); marker = frozen threshold"
    legend_below(figure, handles, title, bottom=canvas.STRIP + 0.04)
    return figure


def has_curve(row: Mapping[str, Any]) -> bool:
    """Whether the row's ROC curve could be computed."""
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
    """AUC with interval of every model: external (filled), out-of-fold (open) and published external (diamond)."""
    external = {row["model"]: row for row in rows_of(results, "external")}
    inner = {row["model"]: row for row in rows_of(results, "out_of_fold")}
    evaluations = {"external": external, "out-of-fold": inner}
    if not external and not inner:
        return None
    published = {
        row["model"]: row["published"]
        for row in results["verdicts"]
        if row["measure"] == "auc"
        and row["evaluation"] == "external"
        and row["published"] is not None
        and row["model"] in external
    }
    models = [model for model in results["models"] if model["model"] in external or model["model"] in inner][::-1]
    looks = looks_of(results)
    row_height = 0.52
    figure = canvas.new_figure(7.6, row_height * len(models) + 1.62, results["study"]["simulated"])
    sizes = [f"{name}: {cohort_size(list(rows.values()))}" for name, rows in evaluations.items() if rows]
    canvas.heading(figure, f"AUC of every model with {level_of(results)} interval", ["; ".join(sizes)])
    axes = canvas.panel(figure, 2.1, 0.95, 3.45, row_height * len(models))
    lowest = 0.5
    for y, model in enumerate(models):
        name, look = model["model"], looks[model["model"]]
        for row, offset, face in ((external.get(name), 0.14, look.colour), (inner.get(name), -0.2, "white")):
            if row is None or row["auc"].get("estimate") is None:
                continue
            low, high = row["auc"].get("low"), row["auc"].get("high")
            if low is not None and high is not None:
                axes.plot([low, high], [y + offset] * 2, color=look.colour, linewidth=1.6 if offset > 0 else 1.0)
                lowest = min(lowest, low)
            axes.plot(
                [row["auc"]["estimate"]], [y + offset], "o", color=look.colour, markerfacecolor=face, markersize=6
            )
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
    if inner:
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
    """Observed against predicted share of metastasis of the H score: as predicted and recalibrated."""
    model, evaluation = main_model(results), main_evaluation(results)
    rows = [
        row
        for row in results.get("calibration") or []
        if row["model"] == model and row["evaluation"] == evaluation and (row.get("curve") or {}).get("predicted")
    ]
    if not rows:
        return None
    side = 3.6
    figure = canvas.new_figure(WIDTH, side + 2.35, results["study"]["simulated"])
    size = f"n = {formatting.count(rows[0]['n'], 'patient')}, {rows[0]['events']} LNM-positive"
    label = labels_of(results).get(model, model)
    canvas.heading(figure, f"Calibration, {EVALUATIONS[evaluation]}", [f"{label}; {size}"])
    axes = canvas.panel(figure, 0.72, 1.7, side, side)
    axes.plot([0, 100], [0, 100], color=style.RULE, linewidth=0.9, zorder=0)
    handles = []
    for row in rows:
        look = style.SCORES[row["scores"]]
        curve = {key: _percentages(row["curve"].get(key)) for key in ("predicted", "observed", "low", "high")}
        marker = look.marker if curve["predicted"].size <= FEW_POINTS else ""
        style_of = {"color": look.colour, "linestyle": look.line, "linewidth": look.width, "marker": marker}
        axes.plot(curve["predicted"], np.clip(curve["observed"], 0, 100), **style_of)
        low, high = np.clip(curve["low"], 0, 100), np.clip(curve["high"], 0, 100)
        axes.fill_between(curve["predicted"], low, high, color=look.colour, alpha=0.13, linewidth=0)
        slope = formatting.estimate(row["slope"], formatting.ratio)
        handles.append(Line2D([], [], **style_of, label=f"{row['scores']}: slope {slope}"))
    _percent_axes(axes, "Predicted probability of LNM (%)", "Observed share with LNM (%)")
    axes.set_aspect("equal")
    title = f"Bands and slopes: {level_of(results)} interval; grey line: perfect"
    legend_below(figure, handles, title, bottom=canvas.STRIP + 0.04)
    return figure


FEW_POINTS = 5  # a curve of so few values is a set of points


def _percentages(values: Sequence[float | None] | None) -> np.ndarray:
    return 100 * np.asarray([np.nan if value is None else value for value in values or []], float)


# Survival


def kaplan_meier(results: Results, cohort: str) -> Figure | None:
    """Kaplan-Meier curves by H score with interval bands and the numbers at risk below."""
    content = results["survival"].get("cohorts", {}).get(cohort)
    if not content or not content.get("groups"):
        return None
    words = {"high": "H score high", "low": "H score low"}
    lines = _survival_lines(content["hazard_ratio"], content["log_rank"], "high vs low", survival_level_of(results))
    return _curves(results, cohort, content, words, lines)


def kaplan_meier_by_nodes(results: Results, cohort: str) -> Figure | None:
    """The same by node status at pathology, beside which the H score must stand."""
    content = results["survival"].get("cohorts", {}).get(cohort)
    nodes = (content or {}).get("pathology") or {}
    if not nodes.get("groups"):
        return None
    words = {"positive": "LNM at pathology", "negative": "no LNM at pathology"}
    lines = _survival_lines(nodes["alone"], nodes["log_rank"], "LNM vs none", survival_level_of(results))
    return _curves(results, cohort, {**content, **nodes}, words, lines)


def _curves(
    results: Results, cohort: str, content: Mapping[str, Any], words: Mapping[str, str], lines: list[str]
) -> Figure:
    """Curves, bands and numbers at risk of the two groups of ``content`` that ``words`` names."""
    horizon = results["config"].get("survive", {}).get("horizon_months", 60)
    groups = {name: content["groups"][name] for name in words}
    figure = canvas.new_figure(WIDTH, 5.7, results["study"]["simulated"])
    lines = [f"n = {formatting.count(content['n'], 'patient')}, {formatting.count(content['events'], 'event')}", *lines]
    canvas.heading(figure, f"Disease-free survival, {EVALUATIONS[cohort]}", lines)
    axes = canvas.panel(figure, 0.72, 1.72, WIDTH - 0.95, 2.6)
    handles = []
    for name, group in groups.items():
        look = style.GROUPS[name]
        label = f"{words[name]} (n = {group['n']}, {formatting.count(group['events'], 'event')})"
        handles.append(Line2D([], [], color=look.colour, linestyle=look.line, linewidth=look.width, label=label))
        if not group.get("curve"):
            continue
        curve = _from_start(group["curve"])
        axes.step(
            curve["time"],
            100 * curve["survival"],
            where="post",
            color=look.colour,
            linestyle=look.line,
            linewidth=look.width,
        )
        axes.fill_between(
            curve["time"],
            100 * curve["low"],
            100 * curve["high"],
            step="post",
            color=look.colour,
            alpha=0.16,
            linewidth=0,
        )
        _censored(axes, curve, group.get("censored", []), look)
    axes.set(xlim=(0, horizon), ylim=(0, 102), ylabel="Disease-free survival (%)")
    ticks = [tick for tick in content.get("at_risk", {}).get("time", range(0, horizon + 1, 12)) if tick <= horizon]
    axes.set_xticks(ticks)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xlabel("Time (months)", labelpad=3)
    axes.grid(color=style.RULE, linewidth=0.4)
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.1 / WIDTH, 4.39 / 5.7),
        labelspacing=0.35,
        handlelength=2.6,
        borderaxespad=0,
        fontsize=8.2,
    )
    _numbers_at_risk(figure, axes, content.get("at_risk"), list(groups), ticks)
    return figure


TIME_LOOKS = {"external": (style.VERMILLION, "o", 0.5), "development": (style.BLUE, "s", -0.5)}


def time_dependent_auc(results: Results) -> Figure | None:
    """How well the H score tells who has the event by each year, both cohorts, with the counts behind each point."""
    found = {name: results["survival"].get("cohorts", {}).get(name) for name in TIME_LOOKS}
    cohorts = {name: content["time_dependent_auc"] for name, content in found.items() if content}
    drawn = [row for rows in cohorts.values() for row in rows if row["estimate"] is not None]
    if not drawn:
        return None
    figure = canvas.new_figure(WIDTH, 4.95, results["study"]["simulated"])
    level = survival_level_of(results)
    lines = [
        "Chance that a patient with the event by then scores higher",
        f"than one still free of it; {level} interval",
    ]
    canvas.heading(figure, "Time-dependent AUC of the H score", lines)
    axes = canvas.panel(figure, 1.15, 1.72, WIDTH - 1.4, 2.2)
    axes.axhline(0.5, color=style.RULE, linewidth=0.9, zorder=0)
    handles, last = [], max(row["time"] for rows in cohorts.values() for row in rows)
    shift = last / 60
    for name, rows in cohorts.items():
        colour, marker, side = TIME_LOOKS[name]
        rows = [row for row in rows if row["estimate"] is not None]
        x = np.array([row["time"] for row in rows]) + side * shift
        axes.plot(x, [row["estimate"] for row in rows], marker, color=colour, markersize=6)
        for place, row in zip(x, rows, strict=True):
            if row["low"] is not None:
                axes.plot([place, place], [row["low"], row["high"]], color=colour, linewidth=1.4)
        handles.append(Line2D([], [], color=colour, marker=marker, linewidth=1.4, label=EVALUATIONS[name]))
    ticks = [row["time"] for row in next(iter(cohorts.values()))]
    axes.set(xlim=(0, last * 1.05), ylim=(0, 1.02), ylabel="AUC")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlabel("Time (months)", labelpad=3)
    axes.grid(axis="y", color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.1 / WIDTH, 4.0 / 4.95), ncols=2, columnspacing=1.4,
        borderaxespad=0, handlelength=2, fontsize=8.2,
    )  # fmt: skip
    below = axes.get_xaxis_transform()
    words = "Events by then / still free of it"
    axes.text(0, -0.29, words, transform=below, fontsize=8, color=style.MUTED, va="center")
    for line, (name, rows) in enumerate(cohorts.items()):
        y = -0.29 - 0.095 * (line + 1)
        axes.text(
            -0.04, y, name, transform=axes.transAxes, fontsize=8.5, fontweight="bold", color=TIME_LOOKS[name][0],
            va="center", ha="right",
        )  # fmt: skip
        for row in rows:
            counts = f"{row['events']}/{row['event_free']}"
            axes.text(row["time"], y, counts, transform=below, fontsize=8.5, ha="center", va="center")
    return figure


def _censored(axes: Axes, curve: Mapping[str, np.ndarray], times: Sequence[float], look: Look) -> None:
    """A short upright tick on the curve for every patient whose follow-up ended without an event."""
    if len(times):
        places = np.searchsorted(curve["time"], times, side="right") - 1
        axes.plot(times, 100 * curve["survival"][places], "|", color=look.colour, markersize=6, markeredgewidth=1)


def _survival_lines(ratio: Mapping[str, Any], log_rank: Mapping[str, Any], between: str, level: str) -> list[str]:
    if ratio.get("estimate") is None:
        first = f"Hazard ratio {between} {formatting.why(ratio)}"
    else:
        first = f"Hazard ratio {between} {formatting.estimate(ratio, formatting.ratio)}, {level} interval"
    return [first, f"Log-rank {formatting.p_equation(log_rank.get('p'))}; bands: {level} interval; ticks: censored"]


def _from_start(curve: Mapping[str, Sequence[float | None]]) -> dict[str, np.ndarray]:
    """The curve as arrays that begin at time 0 with everyone free of disease; missing limits are not drawn."""
    arrays = {
        key: np.asarray([np.nan if v is None else v for v in curve[key]], float)
        for key in ("time", "survival", "low", "high")
    }
    if arrays["time"].size == 0 or arrays["time"][0] > 0:
        for key, start in (("time", 0.0), ("survival", 1.0), ("low", 1.0), ("high", 1.0)):
            arrays[key] = np.concatenate([[start], arrays[key]])
    return arrays


AT_RISK = {"high": "high", "low": "low", "positive": "LNM+", "negative": "LNM\u2212"}


def _numbers_at_risk(
    figure: Figure, axes: Axes, at_risk: Mapping[str, Any] | None, groups: list[str], ticks: list
) -> None:
    """The table of patients still followed, in line with the time axis."""
    if not at_risk:
        return
    below = axes.get_xaxis_transform()
    axes.text(0, -0.25, "Patients at risk", transform=below, fontsize=8, color=style.MUTED, va="center")
    for line, name in enumerate(groups):
        y = -0.25 - 0.08 * (line + 1)
        axes.text(
            -0.055,
            y,
            AT_RISK[name],
            transform=axes.transAxes,
            fontsize=8.5,
            fontweight="bold",
            color=style.GROUPS[name].colour,
            va="center",
            ha="right",
        )
        shown = dict(zip(at_risk["time"], at_risk[name], strict=True))
        for tick in ticks:
            axes.text(tick, y, str(shown[tick]), transform=below, fontsize=8.5, ha="center", va="center")


def cox_forest(results: Results) -> Figure | None:
    """Hazard ratios with intervals of every Cox model, on a logarithmic axis."""
    rows = cox_rows(results)
    drawn = [
        row
        for row in rows
        if row["entry"].get("estimate") is not None and row["entry"].get("low") and row["entry"].get("high")
    ]
    if not drawn:
        return None
    row_height = 0.32
    figure = canvas.new_figure(7.6, row_height * len(drawn) + 1.6, results["study"]["simulated"])
    canvas.heading(
        figure,
        f"Hazard ratios for disease-free survival with {survival_level_of(results)} interval",
        ["Cox models; above 1: shorter disease-free survival"],
    )
    axes = canvas.panel(figure, 3.55, 0.9, 2.25, row_height * len(drawn))
    axes.set_xscale("log")
    for y, row in enumerate(drawn[::-1]):
        entry = row["entry"]
        axes.plot([entry["low"], entry["high"]], [y, y], color=style.INK, linewidth=1.3)
        axes.plot([entry["estimate"]], [y], "s", color=style.VERMILLION if row["main"] else style.INK, markersize=5.5)
        axes.annotate(
            formatting.estimate(entry, formatting.ratio),
            (1.04, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
    axes.axvline(1, color=style.MUTED, linewidth=0.9, zorder=0)
    low, high = min(row["entry"]["low"] for row in drawn), max(row["entry"]["high"] for row in drawn)
    axes.set_xlim(max(min(low / 1.2, 0.5), 0.05), min(max(high * 1.2, 2), 200))
    ticks = [
        tick for tick in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set(ylim=(-0.6, len(drawn) - 0.4), xlabel="Hazard ratio (logarithmic)")
    axes.set_yticks(range(len(drawn)), [_cox_label(row) for row in drawn[::-1]], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def _cox_label(row: Mapping[str, Any]) -> str:
    model = "" if row["model"] == "univariable" else f", {row['model']}"
    return f"{row['cohort']}: {row['term']}{model}"


def cox_rows(results: Results) -> list[dict[str, Any]]:
    """Every Cox estimate: cohort, model (univariable, adjusted, beside pathology), term and its entry."""
    rows = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        pathology, alone = content.get("pathology") or {}, list(content.get("univariable") or [])
        if pathology.get("alone") and "lnm" not in [entry["term"] for entry in alone]:
            alone.append(pathology["alone"])
        ratio, continuous = content.get("hazard_ratio") or {}, content.get("continuous") or {}
        models = {
            "univariable": [
                {**ratio, "term": "high H score"},
                {**continuous, "term": f"per {continuous['per']}"},
                *alone,
            ],
            "adjusted": content.get("multivariable") or [],
            "beside pathology": pathology.get("both") or [],
        }
        for model, entries in models.items():
            for number, entry in enumerate(entries):
                term, main = term_label(entry["term"]), model == "univariable" and number == 0
                row = {"cohort": cohort.capitalize(), "model": model, "term": term, "entry": entry, "main": main}
                rows.append(row)
    return rows


TERMS = {
    "lnm": "LNM at pathology",
    "mri_ln_positive": "MRI-LN positive",
    "high H score": "H score high vs low",
    "age": "age, per year",
    "scc_ag_ng_ml": "SCC antigen, per ng/ml",
    "mri_ln_short_axis_mm": "MRI node short axis, per mm",
}


def term_label(term: str) -> str:
    """A covariate's name in words."""
    return TERMS.get(term, term.replace("_", " "))

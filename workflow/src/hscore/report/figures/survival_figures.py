"""Draw the report's survival charts: Kaplan-Meier curves, time-dependent AUC, and the forest plot of Cox models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import WIDTH, endpoint_of, endpoint_title, survival_confidence_text
from hscore.report.figures.style import ModelStyle
from hscore.report.verdict import EVALUATIONS

Results = Mapping[str, Any]


def kaplan_meier(results: Results, cohort: str) -> Figure | None:
    """Return Kaplan-Meier curves by H score with interval bands and the numbers at risk below."""
    content = results["survival"].get("cohorts", {}).get(cohort)
    if not content or not content.get("groups"):
        return None
    words = {"high": "H score high", "low": "H score low"}
    lines = _survival_lines(
        content["hazard_ratio"], content["log_rank"], "high vs low", survival_confidence_text(results)
    )
    return _curves(results, cohort, content, words, lines)


def kaplan_meier_by_nodes(results: Results, cohort: str) -> Figure | None:
    """Return Kaplan-Meier curves by node status at pathology, for comparison with the H score."""
    content = results["survival"].get("cohorts", {}).get(cohort)
    nodes = (content or {}).get("pathology") or {}
    if not nodes.get("groups"):
        return None
    words = {"positive": "LNM at pathology", "negative": "no LNM at pathology"}
    lines = _survival_lines(nodes["alone"], nodes["log_rank"], "LNM vs none", survival_confidence_text(results))
    return _curves(results, cohort, {**content, **nodes}, words, lines)


def _curves(
    results: Results, cohort: str, content: Mapping[str, Any], words: Mapping[str, str], lines: list[str]
) -> Figure:
    """Return curves, bands and numbers at risk of the groups of ``content`` that ``words`` names."""
    horizon = results["config"].get("survive", {}).get("horizon_months", 60)
    groups = {name: content["groups"][name] for name in words}
    figure = figure_canvas.new_figure(WIDTH, 5.7, results["study"]["simulated"])
    lines = [f"n = {formatting.count(content['n'], 'patient')}, {formatting.count(content['events'], 'event')}", *lines]
    figure_canvas.heading(figure, f"{endpoint_title(results)}, {EVALUATIONS[cohort]}", lines)
    axes = figure_canvas.panel(figure, 0.72, 1.72, WIDTH - 0.95, 2.6)
    handles = []
    for name, group in groups.items():
        look = style.GROUPS[name]
        label = f"{words[name]} (n = {group['n']}, {formatting.count(group['events'], 'event')})"
        handles.append(Line2D([], [], color=look.color, linestyle=look.line, linewidth=look.width, label=label))
        if not group.get("curve"):
            continue
        curve = _from_start(group["curve"])
        axes.step(
            curve["time"],
            100 * curve["survival"],
            where="post",
            color=look.color,
            linestyle=look.line,
            linewidth=look.width,
            label=words[name],
        )
        axes.fill_between(
            curve["time"],
            100 * curve["low"],
            100 * curve["high"],
            step="post",
            color=look.color,
            alpha=0.16,
            linewidth=0,
        )
        _censored(axes, curve, group.get("censored", []), look)
    axes.set(xlim=(0, horizon), ylim=(0, 102), ylabel=f"{endpoint_title(results)} (%)")
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
    _numbers_at_risk(axes, content.get("at_risk"), list(groups), ticks)
    return figure


TIME_LOOKS = {"external": (style.VERMILLION, "o", 0.5), "development": (style.BLUE, "s", -0.5)}


def time_dependent_auc(results: Results) -> Figure | None:
    """Return the time-dependent AUC of the H score in both cohorts, with the counts behind each point."""
    contents = {name: results["survival"].get("cohorts", {}).get(name) for name in TIME_LOOKS}
    cohorts = {name: content["time_dependent_auc"] for name, content in contents.items() if content}
    drawn = [row for rows in cohorts.values() for row in rows if row["estimate"] is not None]
    if not drawn:
        return None
    figure = figure_canvas.new_figure(WIDTH, 4.95, results["study"]["simulated"])
    level = survival_confidence_text(results)
    lines = [
        "Probability that a patient with the event by then scores higher",
        f"than a patient still free of it; {level} interval",
    ]
    figure_canvas.heading(figure, "Time-dependent AUC of the H score", lines)
    axes = figure_canvas.panel(figure, 1.15, 1.72, WIDTH - 1.4, 2.2)
    axes.axhline(0.5, color=style.RULE, linewidth=0.9, zorder=0)
    handles, last = [], max(row["time"] for rows in cohorts.values() for row in rows)
    shift = last / 60
    for name, rows in cohorts.items():
        color, marker, direction = TIME_LOOKS[name]
        rows = [row for row in rows if row["estimate"] is not None]
        x = np.array([row["time"] for row in rows]) + direction * shift
        axes.plot(x, [row["estimate"] for row in rows], marker, color=color, markersize=6, label=EVALUATIONS[name])
        for position, row in zip(x, rows, strict=True):
            if row["low"] is not None:
                axes.plot([position, position], [row["low"], row["high"]], color=color, linewidth=1.4)
        handles.append(Line2D([], [], color=color, marker=marker, linewidth=1.4, label=EVALUATIONS[name]))
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


def _censored(axes: Axes, curve: Mapping[str, np.ndarray], times: Sequence[float], look: ModelStyle) -> None:
    """Draw a short upright tick on the curve for every patient whose follow-up ended without an event."""
    if len(times):
        places = np.searchsorted(curve["time"], times, side="right") - 1
        axes.plot(times, 100 * curve["survival"][places], "|", color=look.color, markersize=6, markeredgewidth=1)


def _survival_lines(ratio: Mapping[str, Any], log_rank: Mapping[str, Any], between: str, level: str) -> list[str]:
    if ratio.get("estimate") is None:
        first = f"Hazard ratio {between} {formatting.not_estimable_text(ratio)}"
    else:
        by = " by Firth\u2019s penalty" if ratio.get("plain_why") else ""
        first = f"Hazard ratio {between}{by} {formatting.estimate(ratio, formatting.ratio)}, {level} interval"
    return [first, f"Log-rank {formatting.p_equation(log_rank.get('p'))}; bands: {level} interval; ticks: censored"]


def _from_start(curve: Mapping[str, Sequence[float | None]]) -> dict[str, np.ndarray]:
    """Return the curve as arrays that begin at time 0 with survival 1; missing limits become NaN."""
    arrays = {
        key: np.asarray([np.nan if v is None else v for v in curve[key]], float)
        for key in ("time", "survival", "low", "high")
    }
    if arrays["time"].size == 0 or arrays["time"][0] > 0:
        for key, start in (("time", 0.0), ("survival", 1.0), ("low", 1.0), ("high", 1.0)):
            arrays[key] = np.concatenate([[start], arrays[key]])
    return arrays


AT_RISK = {"high": "high", "low": "low", "positive": "LNM+", "negative": "LNM\u2212"}


def _numbers_at_risk(axes: Axes, at_risk: Mapping[str, Any] | None, groups: list[str], ticks: list) -> None:
    """Write the numbers at risk, aligned with the time axis."""
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
            color=style.GROUPS[name].color,
            va="center",
            ha="right",
        )
        shown = dict(zip(at_risk["time"], at_risk[name], strict=True))
        for tick in ticks:
            axes.text(tick, y, str(shown[tick]), transform=below, fontsize=8.5, ha="center", va="center")


def cox_forest(results: Results) -> Figure | None:
    """Return hazard ratios with intervals of every Cox model, on a logarithmic axis."""
    rows = cox_rows(results)
    drawn = [
        row
        for row in rows
        if row["entry"].get("estimate") is not None and row["entry"].get("low") and row["entry"].get("high")
    ]
    if not drawn:
        return None
    row_height = 0.32
    figure = figure_canvas.new_figure(7.6, row_height * len(drawn) + 1.6, results["study"]["simulated"])
    figure_canvas.heading(
        figure,
        f"Hazard ratios for {endpoint_of(results)} with {survival_confidence_text(results)} interval",
        [f"Cox models; above 1: shorter {endpoint_of(results)}"],
    )
    axes = figure_canvas.panel(figure, 3.55, 0.9, 2.25, row_height * len(drawn))
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
    ratio_axis(axes, min(row["entry"]["low"] for row in drawn), max(row["entry"]["high"] for row in drawn))
    axes.set_ylim(-0.6, len(drawn) - 0.4)
    axes.set_yticks(range(len(drawn)), [_cox_label(row) for row in drawn[::-1]], fontsize=8)
    axes.tick_params(axis="y", length=0)
    return figure


def ratio_axis(axes: Axes, low: float, high: float) -> None:
    """Make x a logarithmic axis of hazard ratios from ``low`` to ``high``, with a line at 1 and no y axis."""
    axes.set_xscale("log")
    axes.axvline(1, color=style.MUTED, linewidth=0.9, zorder=0)
    axes.set_xlim(max(min(low / 1.2, 0.5), 0.05), min(max(high * 1.2, 2), 200))
    ticks = [
        tick for tick in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("Hazard ratio (logarithmic)")
    axes.spines["left"].set_visible(False)


def _cox_label(row: Mapping[str, Any]) -> str:
    model = "" if row["model"] == "univariable" else f", {row['model']}"
    return f"{row['cohort']}: {row['term']}{model}"


def cox_rows(results: Results) -> list[dict[str, Any]]:
    """Return every hazard ratio: cohort, model, term and its entry.

    Models are univariable, stratified by centre, adjusted, with pathology, and Fine-Gray where events compete.
    """
    rows = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        pathology, alone = content.get("pathology") or {}, list(content.get("univariable") or [])
        if pathology.get("alone") and "lnm" not in [entry["term"] for entry in alone]:
            alone.append(pathology["alone"])
        by_center = content.get("stratified") or {}
        models = {
            "univariable": [*_of_the_score(content), *alone],
            "stratified by centre": _of_the_score(by_center) if by_center.get("centers", 0) > 1 else [],
            "adjusted": content.get("multivariable") or [],
            "with MRI-LN": ((content.get("beside_reading") or {}).get("rows") or [])[:1],  # the score's
            "with pathology": pathology.get("both") or [],
            "Fine-Gray": _of_the_score(content["competing"]) if content.get("competing") else [],
        }
        for model, entries in models.items():
            for number, entry in enumerate(entries):
                term, main = term_label(entry["term"]), model == "univariable" and number == 0
                if entry.get("plain_why"):
                    term += ", Firth\u2019s penalty"
                row = {"cohort": cohort.capitalize(), "model": model, "term": term, "entry": entry, "main": main}
                rows.append(row)
    return rows


def _of_the_score(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the hazard ratios of the high group and of the score, as rows with their terms."""
    continuous = content["continuous"]
    return [{**content["hazard_ratio"], "term": "high H score"}, {**continuous, "term": f"per {continuous['per']}"}]


TERMS = {
    "lnm": "LNM at pathology",
    "mri_ln_positive": "MRI-LN positive",
    "high H score": "H score high vs low",
    "age": "age, per year",
    "figo_stage": "FIGO stage",
    "scc_ag_ng_ml": "SCC antigen, per ng/ml",
    "mri_ln_short_axis_mm": "MRI node short axis, per mm",
}


def term_label(term: str) -> str:
    """Return a covariate's name in words, with the compared levels if the term names them."""
    name, colon, levels = term.partition(": ")
    return TERMS.get(name, name.replace("_", " ")) + colon + levels

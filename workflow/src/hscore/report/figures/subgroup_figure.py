"""Draw the forest plot of subgroups: the AUC of one model in every subgroup, however small."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import confidence_text, label_of
from hscore.report.verdict import EVALUATIONS

NAMES = {
    "center": "Centre",
    "age": "Age, years",
    "figo_stage": "FIGO stage",
    "histology": "Histology",
    "grade": "Grade",
    "mri_ln_short_axis_mm": "Largest node on MRI, short axis, mm",
    "tumour_volume_ml": "Tumour volume, ml",
    "scanner": "Scanner",
}
ROW, WIDTH = 0.235, 7.6  # inches
LABELS, COUNTS, PLOT, TEXT = 0.12, 2.9, 3.15, 5.5  # left edges in inches; right edge for counts
ROOM = 2.2  # inches for a label; a longer one is shortened


def subgroups(results: Mapping[str, Any], evaluation: str) -> Figure | None:
    """Return one block per variable, one line per level, with the test whether the AUC differs between levels."""
    entries = [entry for entry in results.get("subgroups") or [] if entry["evaluation"] == evaluation]
    if not entries:
        return None
    overall = _overall(results, entries[0])
    lines = 1 + sum(1.35 + len(entry["levels"]) for entry in entries)
    height = ROW * lines + 1.9
    figure = figure_canvas.new_figure(WIDTH, height, results["study"]["simulated"])
    label = label_of(results, entries[0]["model"])
    figure_canvas.heading(
        figure,
        f"{label} in subgroups, {EVALUATIONS[evaluation]}",
        [
            f"AUC with {confidence_text(results)} interval ({overall['auc'].get('method')})",
            "p: does the AUC differ between the levels? (Cochran's Q)",
        ],
    )
    axes = figure_canvas.panel(figure, PLOT, 0.92, TEXT - PLOT - 0.15, ROW * lines)
    axes.set(xlim=(0, 1), ylim=(-lines, 0), xlabel="AUC")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.axvline(0.5, color=style.RULE, linewidth=0.9, zorder=0)
    _write(axes, COUNTS, 0.55, "LNM+ / n", size=8, color=style.MUTED, right=True)
    _line(axes, -0.5, "All patients", overall, bold=True)
    if overall["auc"].get("estimate") is not None:
        axes.axvline(overall["auc"]["estimate"], color=style.VERMILLION, linewidth=0.8, alpha=0.5, zorder=0)
    y = -1.0
    for entry in entries:
        y -= 0.85
        _write(axes, LABELS, y, NAMES.get(entry["variable"], entry["variable"].replace("_", " ")), bold=True)
        _write(axes, TEXT, y, _difference(entry), size=8, color=style.MUTED)
        y -= 0.5
        for level in entry["levels"]:
            _line(axes, y - 0.5, f"   {_level(results, entry['variable'], level['level'])}", level)
            y -= 1
    return figure


def _overall(results: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    key = (entry["model"], entry["evaluation"])
    return next(row for row in results["performance"] if (row["model"], row["evaluation"]) == key)


def _level(results: Mapping[str, Any], variable: str, level: str) -> str:
    names = {center["center"]: center["name"] for center in results["study"]["centers"]}
    return names.get(level, level) if variable == "center" else level


def _cut(text: str) -> str:
    """Return the text, shortened to the available width."""
    while figure_canvas.text_width(text, 8.5) > 72 * ROOM:
        text = f"{text[:-2].rstrip()}\u2026"
    return text


def _difference(entry: Mapping[str, Any]) -> str:
    test = entry["heterogeneity"]["auc"]
    if test["p"] is None:
        return "no test" if len(entry["levels"]) > 1 else ""
    left_out = f", {formatting.count(test['left_out'], 'level')} left out" if test.get("left_out") else ""
    return f"{formatting.p_equation(test['p'])}{left_out}"


def _line(axes: Axes, y: float, label: str, row: Mapping[str, Any], bold: bool = False) -> None:
    auc = row["auc"]
    _write(axes, LABELS, y, _cut(label), bold=bold)
    _write(axes, COUNTS, y, f"{row['positives']} / {row['n']}", right=True)
    if auc.get("estimate") is None:
        _write(axes, TEXT, y, formatting.NOT_ESTIMABLE, size=8, color=style.MUTED)
        return
    color = style.VERMILLION if bold else style.INK
    if auc.get("low") is not None:
        axes.plot([auc["low"], auc["high"]], [y, y], color=color, linewidth=1.3)
        ends = formatting.interval(auc["low"], auc["high"], formatting.auc)
    else:
        ends = "no interval"
    axes.plot([auc["estimate"]], [y], "s", color=color, markersize=5.5 if bold else 4.5, clip_on=False)
    _write(axes, TEXT, y, f"{formatting.auc(auc['estimate'])} ({ends})", bold=bold)


def _write(
    axes: Axes, left: float, y: float, text: str, size: float = 8.5, bold: bool = False,
    color: str = style.INK, right: bool = False,
) -> None:  # fmt: skip
    """Write text at ``left`` inches from the figure's edge, in line ``y`` of the axes."""
    axes.annotate(
        text,
        (left * 72, y),
        xycoords=("figure points", "data"),
        va="center",
        ha="right" if right else "left",
        fontsize=size,
        fontweight="bold" if bold else "normal",
        color=color,
        annotation_clip=False,
    )

"""Draw the flow of patients as STARD asks: table, exclusions with reasons, cohorts, test result against reference.

There is one column per centre, development centres first; the columns join into the two cohorts. All lengths are in
points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import main_model, rows_of

COLUMN, GAP, MARGIN = 216.0, 20.0, 10.0
SIZE, LINE, PAD = 8.5, 12.5, 7.0
STEM = 18.0  # the downward arrow runs this far from the column's left edge
SIDE = 38.0  # the exclusion box starts here
ARROW = 20.0
DEVELOPMENT, EXTERNAL = "#e8f1f8", "#fdeee3"


@dataclass
class Row:
    """One line of text in a box, with an optional count at the right end."""

    text: str
    count: str = ""
    bold: bool = False


def flow(results: Mapping[str, Any]) -> Figure | None:
    """Return the flow diagram of all centres, or None when results.json contains no flow."""
    centers = [
        row for role in ("development", "external") for row in results["study"]["centers"] if row["role"] == role
    ]
    centers = [row for row in centers if row["center"] in results["flow"]]
    if not centers:
        return None
    head = {row["center"]: _head(row, results["flow"][row["center"]]) for row in centers}
    reasons = {row["center"]: _exclusions(results["flow"][row["center"]]) for row in centers}
    cohorts = _cohorts(results, centers)
    included = {row["center"]: _included(results["flow"][row["center"]]) for row in centers}
    heights = {
        "head": max(_height(rows) for rows in head.values()),
        "reasons": max(_height(rows) for rows in reasons.values()),
        "included": max(_height(rows) for rows in included.values()),
        "cohort": max(_height(cohort["rows"]) for cohort in cohorts),
        "call": max([_height(rows) for cohort in cohorts for rows in cohort["calls"]], default=0.0),
    }
    width = 2 * MARGIN + len(centers) * COLUMN + (len(centers) - 1) * GAP
    top = 34.0
    total = (
        top
        + sum(heights.values())
        + 3 * ARROW
        + 2 * 10
        + (ARROW if heights["call"] else 0)
        + 72 * figure_canvas.STRIP
        + 8
    )
    figure = figure_canvas.new_figure(width / 72, total / 72, results["study"]["simulated"])
    figure_canvas.heading(figure, "Flow of patients")
    axes = figure_canvas.panel(figure, 0, 0, width / 72, total / 72)
    axes.set(xlim=(0, width), ylim=(total, 0))
    axes.axis("off")

    left = {row["center"]: MARGIN + number * (COLUMN + GAP) for number, row in enumerate(centers)}
    y_reasons = top + heights["head"] + 10
    y_included = y_reasons + heights["reasons"] + 10 + ARROW * 0.4
    y_cohort = y_included + heights["included"] + 2 * ARROW
    for row in centers:
        x = left[row["center"]]
        color = DEVELOPMENT if row["role"] == "development" else EXTERNAL
        _box(axes, x, top, COLUMN, heights["head"], head[row["center"]], color)
        _box(axes, x + SIDE, y_reasons, COLUMN - SIDE, heights["reasons"], reasons[row["center"]], style.PAPER)
        _arrow(axes, x + STEM, top + heights["head"], x + STEM, y_included)
        middle = y_reasons + heights["reasons"] / 2
        _arrow(axes, x + STEM, middle, x + SIDE, middle)
        _box(axes, x, y_included, COLUMN, heights["included"], included[row["center"]], color)
    for cohort in cohorts:
        _draw_cohort(axes, cohort, left, y_included + heights["included"], y_cohort, heights)
    return figure


def _draw_cohort(axes: Axes, cohort: dict, left: Mapping[str, float], y_from: float, y: float, heights: dict) -> None:
    x0 = min(left[center] for center in cohort["centers"])
    width = max(left[center] for center in cohort["centers"]) + COLUMN - x0
    middles = [left[center] + COLUMN / 2 for center in cohort["centers"]]
    middle_x = x0 + width / 2
    joint = y_from + ARROW * 0.9
    if len(middles) > 1:
        for middle in middles:
            axes.plot([middle, middle], [y_from, joint], color=style.MUTED, linewidth=1)
        axes.plot([middles[0], middles[-1]], [joint, joint], color=style.MUTED, linewidth=1)
        _arrow(axes, middle_x, joint, middle_x, y)
    else:
        _arrow(axes, middle_x, y_from, middle_x, y)
    _box(axes, x0, y, width, heights["cohort"], cohort["rows"], cohort["color"])
    if not cohort["calls"]:
        return
    half = (width - 12) / 2
    y_call = y + heights["cohort"] + ARROW
    for number, rows in enumerate(cohort["calls"]):
        x = x0 + number * (half + 12)
        _arrow(axes, x + half / 2, y + heights["cohort"], x + half / 2, y_call)
        _box(axes, x, y_call, half, heights["call"], rows, style.PAPER)


def _head(center: Mapping[str, str], flow_of_center: Mapping[str, Any]) -> list[Row]:
    name = figure_canvas.wrap(center["name"], COLUMN - 2 * PAD, SIZE, bold=True)
    rows = [Row(line, bold=True) for line in name]
    return [*rows, Row("In the clinical table", f"n = {flow_of_center['in_table']:,}")]


def _exclusions(flow_of_center: Mapping[str, Any]) -> list[Row]:
    """Return every reason with its number; patients lost after inclusion come last."""
    reasons = [(row["label"], row["n"]) for row in flow_of_center["excluded"] if row["n"]]
    rows = [Row("Excluded", f"n = {sum(n for _, n in reasons):,}", bold=True)]
    for label, n in reasons:
        lines = figure_canvas.wrap(label, COLUMN - SIDE - 2 * PAD - 34, SIZE)
        rows += [Row(line) for line in lines[:-1]] + [Row(lines[-1], f"{n:,}")]
    return rows


def _included(flow_of_center: Mapping[str, Any]) -> list[Row]:
    """Return how many patients are included, and how many of them for survival only."""
    return [Row("Included", f"n = {flow_of_center['included']:,}", bold=True), *_survival_only([flow_of_center])]


def _survival_only(flows: Sequence[Mapping[str, Any]]) -> list[Row]:
    number = sum(flow["survival_only"]["n"] for flow in flows)
    return [Row("LNM not known: survival only", f"{number:,}")] if number else []


def _cohorts(results: Mapping[str, Any], centers: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the two cohorts: their centres, size and reference standard, and the H score's calls against it."""
    model = main_model(results)
    cohorts = []
    for role, evaluation, title, note, color in (
        (
            "development",
            "out_of_fold",
            "Development cohort",
            "for training, threshold choice and cross-validation",
            DEVELOPMENT,
        ),
        ("external", "external", "External test cohort", "used for testing only", EXTERNAL),
    ):
        names = [row["center"] for row in centers if row["role"] == role]
        if not names:
            continue
        row = next((row for row in rows_of(results, evaluation) if row["model"] == model), None)
        flows = [results["flow"][name] for name in names]
        included = sum(flow["included"] for flow in flows)
        room = len(names) * COLUMN + (len(names) - 1) * GAP - 2 * PAD
        rows = [Row(title, f"n = {included:,}", bold=True)]
        rows += [Row(line) for line in figure_canvas.wrap(note, room, SIZE)]
        calls = []
        if row:
            rows += _survival_only(flows)
            rows.append(Row("Reference standard: LNM-positive", f"{row['positives']:,} of {row['n']:,}"))
            calls = _calls(row, evaluation)
        cohorts.append({"centers": names, "rows": rows, "calls": calls, "color": color})
    return cohorts


def _calls(row: Mapping[str, Any], evaluation: str) -> list[list[Row]]:
    counts = row["confusion"]
    if not counts:  # no cut-off was frozen
        return []
    kind = [] if evaluation == "external" else [Row("by out-of-fold score")]
    boxes = []
    for name, positive, negative in (("high", "tp", "fp"), ("low", "fn", "tn")):
        rows = [Row(f"H score {name}", f"{counts[positive] + counts[negative]:,}", bold=True), *kind]
        boxes.append(
            [*rows, Row("LNM-positive", f"{counts[positive]:,}"), Row("LNM-negative", f"{counts[negative]:,}")]
        )
    return boxes


def _height(rows: Sequence[Row]) -> float:
    return len(rows) * LINE + 2 * PAD - (LINE - SIZE)


def _box(axes: Axes, x: float, y: float, width: float, height: float, rows: Sequence[Row], color: str) -> None:
    shape = "round,pad=0,rounding_size=3"
    axes.add_patch(
        FancyBboxPatch((x, y), width, height, boxstyle=shape, facecolor=color, edgecolor=style.MUTED, linewidth=0.8)
    )
    for number, row in enumerate(rows):
        text_y = y + PAD + number * LINE + SIZE * 0.5
        weight = "bold" if row.bold else "normal"
        axes.text(x + PAD, text_y, row.text, fontsize=SIZE, fontweight=weight, va="center")
        if row.count:
            axes.text(x + width - PAD, text_y, row.count, fontsize=SIZE, fontweight=weight, va="center", ha="right")


def _arrow(axes: Axes, x0: float, y0: float, x1: float, y1: float) -> None:
    arrow = {"arrowstyle": "-|>", "color": style.MUTED, "linewidth": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    axes.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)

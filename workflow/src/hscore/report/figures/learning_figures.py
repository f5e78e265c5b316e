"""Draw figures of the training: learning curves of every network, and saliency maps of one model."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hscore.report import formatting
from hscore.report.figures import figure_canvas, style
from hscore.report.figures.diagnosis_figures import label_of

Results = Mapping[str, Any]

COLUMNS = 4
PANEL, GAP, LEFT = 1.42, 0.42, 0.55  # inches
CELL = 1.5  # inches, of a picture


def learning_curves(results: Results) -> Figure | None:
    """Return one panel per network model: training and held-out loss by epoch, with the final AUCs."""
    curves = {name: curve for name, curve in results.get("learning_curves", {}).items() if curve["loss"]}
    if not curves:
        return None
    rows = -(-len(curves) // COLUMNS)
    width = LEFT + COLUMNS * (PANEL + GAP)
    height = rows * (PANEL + 0.78) + 0.72
    figure = figure_canvas.new_figure(width, height, results["study"]["simulated"])
    line = "mean over folds and seeds, lowest to highest shaded"
    figure_canvas.heading(figure, "Learning curves", [f"Binary cross-entropy; {line}"])
    top = max(point["high"] for curve in curves.values() for name in ("loss", "held_out_loss") for point in curve[name])
    for number, (name, curve) in enumerate(curves.items()):
        row, column = divmod(number, COLUMNS)
        bottom = height - 0.88 - (row + 1) * PANEL - row * 0.78
        axes = figure_canvas.panel(figure, LEFT + column * (PANEL + GAP), bottom, PANEL, PANEL)
        _curve(axes, curve, min(top, 1.6))
        label = label_of(results, name)
        axes.set_title("\n".join(figure_canvas.wrap(label, 72 * (PANEL + GAP - 0.05), 8, bold=True)), fontsize=8, pad=4)
        axes.set_xlabel("epoch", fontsize=8, labelpad=1)
        if column == 0:
            axes.set_ylabel("loss", fontsize=8)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower right", bbox_to_anchor=(0.99, 0.0), ncols=2)
    return figure


def _curve(axes: Axes, curve: Mapping[str, Any], top: float) -> None:
    for key, look, name in (
        ("loss", {"color": style.BLUE}, "training"),
        ("held_out_loss", {"color": style.VERMILLION, "marker": "o", "markersize": 3}, "held-out fold"),
    ):
        epochs = [point["epoch"] for point in curve[key]]
        low, high = ([point[end] for point in curve[key]] for end in ("low", "high"))
        axes.fill_between(epochs, low, high, color=look["color"], alpha=0.15, linewidth=0)
        axes.plot(epochs, [point["mean"] for point in curve[key]], linewidth=1.3, label=name, **look)
    axes.set_ylim(0, top)
    axes.tick_params(labelsize=7)
    ends = [
        (label, curve[key][-1]["mean"])
        for label, key in (("training", "auc"), ("held out", "held_out_auc"))
        if curve[key]
    ]
    text = "AUC " + ", ".join(f"{label} {formatting.auc(value)}" for label, value in ends)
    axes.text(0.03, 0.03, text.replace(", ", "\n"), transform=axes.transAxes, fontsize=6.5, color=style.MUTED)


def explanation(results: Results) -> Figure | None:
    """Return one column per patient: the section, the saliency map over it, and the map of untrained networks."""
    content = results.get("explanation")
    if not content or not content["shown"]:
        return None
    shown = content["shown"]
    top, left = 1.28, 1.3
    height = top + 3 * (CELL + 0.1) + 0.38
    figure = figure_canvas.new_figure(left + len(shown) * (CELL + 0.12) + 0.1, height, results["study"]["simulated"])
    label = label_of(results, content["model"])
    figure_canvas.heading(
        figure,
        f"Saliency maps, {label}",
        [
            "Grad-CAM, mean of all networks; external patients with the most certain calls; "
            f"threshold {content['threshold']:.2f}"
        ],
    )
    for column, patient in enumerate(shown):
        for row, name in enumerate(("section", "map", "map of networks\nwith random\nweights")):
            bottom = height - top - (row + 1) * CELL - row * 0.1
            axes = figure_canvas.panel(figure, left + column * (CELL + 0.12), bottom, CELL, CELL)
            axes.set_axis_off()
            axes.imshow(gray_levels(patient["sample"]), cmap="gray", interpolation="bilinear")
            if row:
                heat = gray_levels(patient["map" if row == 1 else "random_map"]) / 255
                axes.imshow(heat, cmap="inferno", alpha=0.75 * heat, vmin=0, vmax=1, interpolation="bilinear")
            else:
                axes.set_title(_title(patient), fontsize=8, fontweight="normal", pad=4, loc="left")
            if not column:
                axes.text(-0.08, 0.5, name, transform=axes.transAxes, fontsize=8.5, va="center", ha="right")
    return figure


def _title(patient: Mapping[str, Any]) -> str:
    sequence = patient["array"].split("_")[0]
    return f"{patient['kind'].capitalize()}, {sequence}\n{patient['patient']}\nscore {patient['score']:.2f}"


def gray_levels(picture: Mapping[str, Any]) -> np.ndarray:
    """Return the grey levels, 0 to 255 [rows, columns], of a picture in results.json."""
    levels = np.frombuffer(base64.b64decode(picture["levels"]), np.uint8)
    return levels.reshape(picture["rows"], picture["columns"]).astype(float)

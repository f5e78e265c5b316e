"""Lay out figures in inches, mark simulated data, and save figures reproducibly byte for byte."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from hscore.files import new_file
from hscore.report.figures import style

logging.getLogger("fontTools").setLevel(logging.WARNING)  # otherwise it logs every glyph it embeds

SIMULATED = "SIMULATED DATA: not clinical evidence"
STRIP = 0.32  # inches at the bottom of every figure, reserved for the mark


def new_figure(width: float, height: float, simulated: bool) -> Figure:
    """Return an empty figure of ``width`` x ``height`` inches; simulated data are marked at the bottom."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    if simulated:
        figure.text(
            0.12 / width,
            0.15 / height,
            SIMULATED,
            fontsize=7.5,
            fontweight="bold",
            color=style.SIMULATED_INK,
            va="center",
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": style.SIMULATED_PAPER,
                "edgecolor": "#e0b94a",
                "linewidth": 0.7,
            },
        )
    return figure


def panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a position given in inches from the figure's lower left corner."""
    total_width, total_height = figure.get_size_inches()
    return figure.add_axes((left / total_width, bottom / total_height, width / total_width, height / total_height))


def heading(figure: Figure, title: str, lines: Sequence[str] = ()) -> None:
    """Write a bold title and smaller lines below it at the top left of the figure."""
    width, height = figure.get_size_inches()
    left = 0.12 / width
    figure.text(left, 1 - 0.12 / height, title, fontsize=10.5, fontweight="bold", va="top")
    for number, line in enumerate(lines):
        y = 1 - (0.35 + 0.18 * number) / height
        figure.text(left, y, line, fontsize=8.5, color=style.MUTED, va="top")


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of one line of text in points."""
    font = FontProperties(family=style.RC["font.family"], weight="bold" if bold else "normal", size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Return lines of at most ``width`` points; a word longer than a line is not split."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size, bold) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def curves(figure: Figure) -> list[dict[str, Any]]:
    """Return the panels with labelled lines and their curves, for the page's value display.

    A line whose label begins with an underscore (matplotlib's default label) is left out.

    Returns:
        Per panel ``box`` (left, top, width and height in points of the saved SVG), ``x`` and ``y`` (name of the axis
        and its ends), ``log`` (whether y is logarithmic), and ``curves`` (name, x and y of each line in the units of
        the axes).
    """
    width, height = 72 * figure.get_size_inches()
    panels = []
    for axes in figure.axes:
        lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
        if lines:
            place = axes.get_position()
            box = (place.x0 * width, (1 - place.y1) * height, place.width * width, place.height * height)
            panels.append(
                {
                    "box": [round(float(value), 2) for value in box],
                    "x": {"name": axes.get_xlabel(), "ends": [float(value) for value in axes.get_xlim()]},
                    "y": {"name": axes.get_ylabel(), "ends": [float(value) for value in axes.get_ylim()]},
                    "log": axes.get_yscale() == "log",
                    "curves": [_curve(line) for line in lines],
                }
            )
    return panels


def _curve(line: Line2D) -> dict[str, Any]:
    points = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)
    points = points[np.isfinite(points).all(axis=1)]
    return {"name": line.get_label(), "x": points[:, 0].round(3).tolist(), "y": points[:, 1].round(3).tolist()}


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write ``name``.svg and ``name``.pdf without dates in their metadata, and return the SVG's path."""
    with style.figure_context():
        with new_file(folder / f"{name}.svg") as temporary:
            figure.savefig(temporary, metadata={"Date": None, "Creator": None})
        with new_file(folder / f"{name}.pdf") as temporary:
            figure.savefig(temporary, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return folder / f"{name}.svg"

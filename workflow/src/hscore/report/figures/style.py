"""Define the look of the figures: one colour and line style per model, safe for colour-blind readers and in grey.

Colours are those of Okabe and Ito (Color Universal Design, 2008) and, for many models, two of Paul Tol's muted scheme.
Line styles differ as well, so that no figure depends on colour alone.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
WINE, OLIVE = "#882255", "#999933"

INK, MUTED, RULE, PAPER = "#1c2126", "#59626b", "#c9ced3", "#ffffff"
SIMULATED_PAPER, SIMULATED_INK = "#fff3cd", "#6b4a00"

SOLID = "solid"
DASHES: tuple[Any, ...] = (
    (0, (6, 2)),
    (0, (1.2, 1.4)),
    (0, (6, 1.6, 1.2, 1.6)),
    (0, (3, 1.5)),
    (0, (8, 2, 1.2, 2, 1.2, 2)),
    (0, (10, 3)),
    (0, (3, 1.2, 1.2, 1.2)),
)
CLINICAL_DASH = (0, (1.2, 3))
MARKERS = ("s", "^", "D", "v", "P", "X", "<")

RC = {
    "font.family": "DejaVu Sans",  # part of matplotlib, so glyphs are the same on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "lines.linewidth": 1.6,
    "svg.fonttype": "path",  # glyphs as paths, so the layout does not depend on installed fonts
    "svg.hashsalt": "hscore",  # equal input gives equal bytes
    "pdf.fonttype": 42,  # embedded TrueType: text stays text in the vector file
}


@dataclass(frozen=True)
class ModelStyle:
    """Colour, line style, marker and width of one model."""

    color: str
    line: Any
    marker: str
    width: float = 1.5


def figure_context() -> AbstractContextManager:
    """Return the context in which all figures are drawn."""
    return matplotlib.rc_context(RC)


def styles_by_model(models: Sequence[Mapping[str, Any]], main: str | None) -> dict[str, ModelStyle]:
    """Return the look of each model: H score vermillion and solid, clinical-only black, others in config order."""
    colors = [SKY, BLUE, GREEN, ORANGE, PURPLE, WINE, OLIVE]
    looks_by_model: dict[str, ModelStyle] = {}
    other_models = 0
    for model in models:
        name = model["model"]
        if name == main:
            looks_by_model[name] = ModelStyle(VERMILLION, SOLID, "o", 2.4)
        elif not model["sequences"]:
            looks_by_model[name] = ModelStyle(BLACK, CLINICAL_DASH, "P", 1.5)
        else:
            number = other_models % len(colors)
            looks_by_model[name] = ModelStyle(colors[number], DASHES[number], MARKERS[number])
            other_models += 1
    return looks_by_model


GROUPS = {
    **dict.fromkeys(("high", "positive"), ModelStyle(VERMILLION, SOLID, "o", 2.0)),
    **dict.fromkeys(("low", "negative"), ModelStyle(BLUE, DASHES[0], "s", 2.0)),
}
SCORES = {
    "as predicted": ModelStyle(VERMILLION, SOLID, "o", 2.0),
    "recalibrated": ModelStyle(BLUE, DASHES[0], "s", 1.6),
}

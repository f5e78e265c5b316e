"""Draw organs from outlines at some heights, interpolated between them, with small random waves."""

from math import cos, radians, sin

import numpy as np
from scipy.interpolate import PchipInterpolator

from hscore.simulation.codes import Z
from hscore.simulation.curves import balls_along, points_of, through
from hscore.simulation.voxel_canvas import Canvas


def draw_organ(canvas: Canvas, outlines: dict) -> None:
    """Draw one organ of resources/pelvis.yaml."""
    kind = next(kind for kind in ("half", "outline", "ellipse", "band", "tubes") if kind in outlines)
    sides = (1, -1) if outlines.get("both") else (1,)
    layers, texture = outlines["layers"], outlines.get("texture")
    if kind == "tubes":
        balls = np.vstack([balls_along(points_of(tube)) for tube in outlines["tubes"]])
        for side in sides:
            canvas.balls(balls * (side, 1, 1, 1), layers, texture)
        return
    heights, drawn = sorted(outlines[kind]), outlines[kind]
    curves = np.array([drawn[height] if kind == "ellipse" else points_of(drawn[height]) for height in heights], float)
    sections = np.flatnonzero((heights[0] <= Z) & (heights[-1] >= Z))
    curves = PchipInterpolator(heights, curves, axis=0)(Z[sections])
    for side in sides:
        unrest = _unrest(canvas.random)
        for section, curve in zip(sections, curves, strict=True):
            points = _curve(kind, curve, unrest(Z[section]))
            if kind == "band":
                widths = sorted(outlines["width"].items())
                width = np.interp(Z[section], *zip(*widths, strict=True))
                canvas.line(section, points * (side, 1), width, layers)
            else:
                canvas.polygon(section, points * (side, 1), layers, texture)


def _curve(kind: str, curve: np.ndarray, unrest) -> np.ndarray:
    """Return the points (n, 2) of a curve on one section, with small waves: no outline is perfectly smooth."""
    if kind == "ellipse":
        x, y, rx, ry, degrees = curve
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        c, s = cos(radians(degrees)), sin(radians(degrees))
        outline = np.stack([rx * np.cos(turn), ry * np.sin(turn)], axis=1)
        points = outline @ np.array([[c, s], [-s, c]]) + (x, y)
    elif kind == "band":
        line = through(curve)
        return line + 0.5 * unrest(0.05 * (line[:, 0] + line[:, 1]))[:, None]
    elif kind == "half":
        return through(np.vstack([curve, curve[-2:0:-1] * (-1, 1)]), closed=True)
    else:
        points = through(curve, closed=True)
    middle = points.mean(axis=0)
    away = points - middle
    size = np.hypot(*away.T)
    return middle + away * (1 + unrest(np.arctan2(away[:, 1], away[:, 0])) / np.maximum(size, 3.0))[:, None]


def _unrest(random: np.random.Generator):
    """Return a function of height that gives random waves along an outline, in mm by angle."""
    waves = np.arange(2, 9)
    size = 0.45 * random.standard_normal(len(waves)) / (waves / 2)
    phase, twist = random.uniform(0, 2 * np.pi, len(waves)), random.normal(0, 0.12, len(waves))

    def at(height: float):
        return lambda angle: np.sin(np.outer(angle, waves) + phase + twist * height) @ size

    return at

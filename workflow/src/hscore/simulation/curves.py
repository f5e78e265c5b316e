"""Smooth curves through points, and the balls along them that form a tube."""

import numpy as np

BETWEEN = 8  # steps of a curve from point to point


def points_of(text: str) -> np.ndarray:
    """Return the points of an outline or tube, "x,y x,y ..." or with more numbers per point, as an array (n, any)."""
    return np.array([[float(number) for number in point.split(",")] for point in text.split()])


def through(points: np.ndarray, closed: bool = False) -> np.ndarray:
    """Return a smooth curve through points (n, any): Catmull-Rom splines with ``BETWEEN`` steps from point to point."""
    if closed:
        before, here, after, beyond = (np.roll(points, shift, axis=0) for shift in (1, 0, -1, -2))
    else:
        ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
        before, here, after, beyond = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    t = np.linspace(0, 1, BETWEEN, endpoint=False)[None, :, None]
    before, here, after, beyond = (part[:, None, :] for part in (before, here, after, beyond))
    curve = here + 0.5 * t * (
        after - before + t * (2 * before - 5 * here + 4 * after - beyond + t * (3 * (here - after) + beyond - before))
    )
    curve = curve.reshape(-1, points.shape[1])
    return curve if closed else np.vstack([curve, points[-1]])


def balls_along(points: np.ndarray, every: float = 0.4) -> np.ndarray:
    """Return balls (x, y, z, radius) along the smooth curve through some of them, at distances of `every` radius."""
    curve = through(points)
    spacing = every * np.maximum(curve[:-1, 3], 0.7)
    position = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve[:, :3], axis=0), axis=1) / spacing)])
    wanted = np.append(np.arange(0, position[-1]), position[-1])
    return np.stack([np.interp(wanted, position, column) for column in curve.T], axis=1)


def random_walk(random, start, direction, steps: int, bend: float, radius, step: float = 2.2) -> np.ndarray:
    """Return a random walk (x, y, z, radius) whose direction turns by `bend` and whose radius changes linearly."""
    place, direction = np.array(start, float), np.array(direction, float)
    walk = []
    for share in np.linspace(0, 1, steps):
        walk.append([*place, radius[0] + share * (radius[1] - radius[0])])
        direction = direction / np.linalg.norm(direction) + bend * random.standard_normal(3)
        place = place + step * direction / np.linalg.norm(direction)
    return np.array(walk)

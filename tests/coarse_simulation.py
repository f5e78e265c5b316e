"""Simulation parameters with coarse images, for tests that simulate many patients."""

from pathlib import Path

import yaml

PARAMETERS = Path(__file__).parents[1] / "resources/simulation.yaml"


def write_coarse(path: Path, in_plane: int = 4, through: int = 4, variants: int | None = None) -> Path:
    """The planted parameters with pixels and sections that many times larger; the same field of view."""
    content = yaml.safe_load(PARAMETERS.read_text())
    for profile in content["scanners"].values():
        for series in profile["series"].values():
            series.update(matrix=series["matrix"] // in_plane, pixel=series["pixel"] * in_plane)
            if series["slices"] > 6:
                series.update(slices=series["slices"] // through, step=series["step"] * through)
    if variants:
        content["atlas"]["variants"] = variants
    path.write_text(yaml.safe_dump(content))
    return path

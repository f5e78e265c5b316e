"""A region of interest as it was drawn: a mask on a grid of its own, in patient coordinates (LPS, mm)."""

from dataclasses import dataclass, field

import numpy as np

from hscore.imaging.grid import Grid


class RoiError(Exception):
    """The ROI cannot be used: a finding's code and a text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass
class Region:
    """One segment, structure or mask file. ``inside``: booleans [slice, row, column] on ``grid``."""

    name: str
    kind: str  # DICOM-SEG, RTSTRUCT or NIfTI
    inside: np.ndarray
    grid: Grid
    frames_of_reference: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)  # UIDs of the series it was drawn on

    @property
    def volume_mm3(self) -> float:
        """Volume of the voxels inside."""
        return float(self.inside.sum() * np.prod(self.grid.spacing))

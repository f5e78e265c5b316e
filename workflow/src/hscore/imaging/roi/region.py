"""A region of interest as it was drawn: a mask on its own grid, in patient coordinates (LPS, mm)."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from hscore.contracts.status import FindingError
from hscore.imaging.dicom.privacy import in_true_alphabet, name_in_words
from hscore.imaging.grid import Grid

SEGMENTATION, STRUCTURE_SET = "DICOM-SEG", "RTSTRUCT"
MOST_NAMED = 12


class RoiError(FindingError):
    """The ROI cannot be used."""


@dataclass
class Region:
    """One segment, structure or mask file. ``inside``: booleans [slice, row, column] on ``grid``.

    Attributes:
        name: name that may be written out; the unknown words in the name of a mask file are hidden.
        kind: DICOM-SEG, RTSTRUCT, NIfTI, NRRD or MetaImage.
        frames_of_reference: UIDs of the frames of reference that the object names.
        series: UIDs of the series it was drawn on.
        images: UIDs of the images it was drawn on.
        matched: name to which the patterns are applied; never written out.
        meaning: what its object contains about it besides the name (type, description, codes); never written out.
        context: other words about it (folder, file, description of its object); never written out.
        patient: PatientID of its object.
        source: its file.
        problem: why it must not be used, if it is chosen.
        notes: what a reader should know about it, if it is chosen.
    """

    name: str
    kind: str
    inside: np.ndarray
    grid: Grid
    frames_of_reference: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    matched: str = ""
    meaning: str = ""
    context: str = ""
    patient: str = ""
    source: Path | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.matched = self.matched or self.name

    @cached_property
    def points(self) -> np.ndarray:
        """The centres of the voxels inside [n, 3], in mm."""
        voxels = np.unravel_index(np.flatnonzero(self.inside), self.inside.shape)
        return np.column_stack(voxels[::-1]) @ self.grid.affine[:3, :3].T + self.grid.affine[:3, 3]

    @property
    def volume_mm3(self) -> float:
        """Volume of the voxels inside [mm3]."""
        return float(self.inside.sum()) * self.grid.voxel_mm3

    @property
    def drawn(self) -> bool:
        """Whether the region is not empty; one that cannot be read counts as drawn."""
        return bool(self.problem) or bool(self.inside.any())

    @property
    def is_dicom(self) -> bool:
        """Whether the kind names the images that it was drawn on."""
        return self.kind in {SEGMENTATION, STRUCTURE_SET}

    @property
    def named_by_file(self) -> bool:
        """Whether this is a mask without a name of its own inside its file."""
        return self.source is not None and in_true_alphabet(self.source.name).startswith(f"{self.matched}.")

    @property
    def where(self) -> str:
        """The region in words: its name, its kind, and its file if that adds information."""
        file = file_in_words(self.source) if self.source and self.is_dicom else "*"
        return f"'{self.name}' ({self.kind})" if "*" in file else f"'{self.name}' ({self.kind}, {file})"


def file_in_words(path: Path) -> str:
    """Return the part of a file's name that may be written out; UIDs are hidden completely."""
    words = name_in_words(path)
    return words if any(letter.isalpha() for letter in words.removesuffix(path.suffix)) else f"*{path.suffix}"


def listed(regions: list[Region]) -> str:
    """Return the names of regions for a message, only the first ``MOST_NAMED`` of many."""
    names = [region.where for region in regions[:MOST_NAMED]]
    if len(regions) > MOST_NAMED:
        names.append(f"{len(regions) - MOST_NAMED} more")
    return ", ".join(names)


def reason(error: Exception) -> str:
    """Return why a DICOM object cannot be read, without its values: only names of missing elements are quoted."""
    return str(error) if isinstance(error, AttributeError) else type(error).__name__

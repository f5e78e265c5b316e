"""A region of interest as it was drawn: a mask on a grid of its own, in patient coordinates (LPS, mm)."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hscore.imaging.dicom.privacy import in_true_alphabet, name_in_words
from hscore.imaging.grid import Grid

SEGMENTATION, STRUCTURE_SET = "DICOM-SEG", "RTSTRUCT"
MOST_NAMED = 12


class RoiError(Exception):
    """The ROI cannot be used: a finding's code and a text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass
class Region:
    """One segment, structure or mask file. ``inside``: booleans [slice, row, column] on ``grid``.

    Attributes:
        name: the name as it may be written out; that of a mask file has its unknown words hidden.
        kind: DICOM-SEG, RTSTRUCT, NIfTI, NRRD or MetaImage.
        frames_of_reference: UIDs of the frames of reference that the object names.
        series: UIDs of the series it was drawn on.
        images: UIDs of the images it was drawn on.
        matched: the name that the patterns see; never written out.
        meaning: what its object says about it besides the name (type, description, codes); never written out.
        context: other words about it (folder, file, description of its object); never written out.
        patient: the PatientID of its object.
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

    @property
    def volume_mm3(self) -> float:
        """Volume of the voxels inside."""
        return float(self.inside.sum()) * self.grid.voxel_mm3

    @property
    def drawn(self) -> bool:
        """True unless the region is empty; one that cannot be read counts as drawn."""
        return bool(self.problem) or bool(self.inside.any())

    @property
    def is_dicom(self) -> bool:
        """True for kinds that name the images they were drawn on."""
        return self.kind in {SEGMENTATION, STRUCTURE_SET}

    @property
    def named_by_file(self) -> bool:
        """True for a mask without a name of its own inside its file."""
        return self.source is not None and in_true_alphabet(self.source.name).startswith(f"{self.matched}.")

    @property
    def where(self) -> str:
        """The region in words: its name, its kind, and its file if that adds something."""
        file = file_in_words(self.source) if self.source and self.is_dicom else "*"
        return f"'{self.name}' ({self.kind})" if "*" in file else f"'{self.name}' ({self.kind}, {file})"


def file_in_words(path: Path) -> str:
    """Return a file's name as it may be written out; nothing is left of a UID."""
    words = name_in_words(path)
    return words if any(letter.isalpha() for letter in words.removesuffix(path.suffix)) else f"*{path.suffix}"


def listed(regions: list[Region]) -> str:
    """The names of regions in words, for a text; only the first of many."""
    names = [region.where for region in regions[:MOST_NAMED]]
    if len(regions) > MOST_NAMED:
        names.append(f"{len(regions) - MOST_NAMED} more")
    return ", ".join(names)


def reason(error: Exception) -> str:
    """Why a DICOM object cannot be read, without its values: only the names of missing elements are quoted."""
    return str(error) if isinstance(error, AttributeError) else type(error).__name__

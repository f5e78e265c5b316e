"""Make candidates for a sequence: series whose images form whole volumes, or the reason why not."""

from dataclasses import dataclass, field

import numpy as np

from hscore.imaging.convert.recognition import part_of
from hscore.imaging.convert.volumes import phases, without_copies
from hscore.imaging.dicom.frames import Frame
from hscore.imaging.dicom.geometry import BrokenGeometryError, stack
from hscore.imaging.dicom.grouping import Series, file_count
from hscore.imaging.grid import Grid


@dataclass
class Choice:
    """The series of one sequence: one series, or for diffusion possibly one per b-value, all on one grid."""

    sequence: str
    series: list[Series]
    grid: Grid
    volumes: list[list[list[Frame]]]  # the volumes of each series, each a list of frames by slice
    problem: tuple[str, str] | None = None  # code and text of a finding that makes it unusable
    notes: list[tuple[str, str]] = field(default_factory=list)  # codes and texts of further findings
    why_separate: str = ""  # why other series of the same kind do not belong to it

    @property
    def b_values(self) -> list[float | None]:
        """b-value of each volume [s/mm2] from the headers; None if they give none or several."""
        values = []
        for volumes in self.volumes:
            for volume in volumes:
                known = {frame.b_value for frame in volume}
                values.append(known.pop() if len(known) == 1 else None)
        return values

    @property
    def name(self) -> str:
        """The series numbers, for messages."""
        part = f" ({self.series[0].part})" if self.series[0].part else ""
        return f"series {', '.join(str(series.number) for series in self.series)}{part}"

    @property
    def derived(self) -> bool:
        """Whether the image type says that the images were derived from others."""
        return any(frame.image_type[:1] == ("DERIVED",) for frame in self.series[0].frames)

    @property
    def in_phase(self) -> bool:
        """Whether this is the in-phase part of a Dixon acquisition; the water part is preferred to it."""
        return part_of(self.series[0]) == "in-phase"


def with_grid(sequence: str, series: Series, frames: list[Frame]) -> tuple[Choice, list[list[Frame]]]:
    """Return a candidate with its grid and the images at each slice, or with the problem of its geometry."""
    try:
        grid, slices = stack(frames, series.slice_distance or series.thickness)
        choice = Choice(sequence, [series], grid, [[]])
    except BrokenGeometryError as error:
        grid = Grid((*frames[0].size, len({frame.position for frame in frames})), np.eye(4))
        choice, slices = broken(Choice(sequence, [series], grid, [[]]), f"series {series.number}: {error}"), []
    if missing := _missing_parts(frames):
        broken(choice, f"series {series.number}: {missing}")
    damaged = file_count(frame for frame in frames if frame.damage)
    if damaged:
        why = next(frame.damage for frame in frames if frame.damage)
        choice.problem = ("unreadable_sequence", f"series {series.number}: {damaged} damaged files ({why})")
    return choice, slices


def _missing_parts(frames: list[Frame]) -> str:
    """Return which parts of a concatenation (one object in several files) are missing; "" if none."""
    parts = {frame.concatenation for frame in frames if frame.concatenation}
    total = max((total for _, total in parts), default=0)
    missing = sorted(set(range(1, total + 1)) - {number for number, _ in parts})
    return f"part {', '.join(map(str, missing))} of {total} of its files is missing" if missing else ""


def broken(choice: Choice, text: str) -> Choice:
    """Mark a candidate whose images do not form whole volumes, and return it."""
    choice.problem = choice.problem or ("broken_geometry", text)
    return choice


def anatomical_candidate(sequence: str, series: Series, phase: str | int | None = None) -> Choice:
    """Return a series as a candidate, or the requested phase of a dynamic series.

    Args:
        sequence: the study's name of the sequence.
        series: a series that meets the rules of the sequence.
        phase: "last" or a number from 1; None if a dynamic series is not accepted.
    """
    choice, slices = with_grid(sequence, series, series.frames)
    if choice.problem:
        return choice
    try:
        separated = phases(without_copies(slices))
    except BrokenGeometryError as error:
        return broken(choice, f"series {series.number}: {error}")
    count = len(separated.volumes)
    if count == 1 and not separated.incomplete:
        choice.volumes = [separated.volumes]
        return choice
    if phase is None:
        return broken(choice, f"series {series.number}: every slice occurs {count + separated.incomplete} times")
    number = count if phase == "last" else int(phase)
    if number > count:
        return broken(choice, f"series {series.number}: phase {number} is wanted, {count} are complete")
    choice.volumes = [[separated.volumes[number - 1]]]
    left = f" and {separated.incomplete} incomplete ones" if separated.incomplete else ""
    text = f"series {series.number} has {count} complete phases{left} by {separated.label}; number {number} was used"
    choice.notes.append(("dynamic_series", text))
    return choice

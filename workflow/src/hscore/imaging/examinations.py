"""The examinations in a patient's folder: series of one day that share a study or a frame of reference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hscore.imaging.geometry import BrokenGeometryError, stack
from hscore.imaging.grouping import Series
from hscore.imaging.region import Region


@dataclass(frozen=True)
class Drawn:
    """The images that the region of interest was drawn on, by UIDs of series, frames of reference and studies."""

    series: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset()
    studies: frozenset[str] = frozenset()

    def nearness(self, series: Iterable[Series]) -> tuple[bool, bool, bool]:
        """Return whether the region was drawn on one of these series, in a frame of reference, in a study of theirs."""
        series = list(series)
        return (
            any(one.uid in self.series for one in series),
            any(one.frame_of_reference in self.frames for one in series),
            any(one.study in self.studies for one in series),
        )


def drawn_on(regions: Sequence[Region], studies: Iterable[str], series: Sequence[Series]) -> Drawn:
    """Return the images that regions were drawn on.

    A mask file refers to no images; it was drawn on those series of which it has the grid.
    """
    uids = set().union(*(region.series for region in regions))
    frames = set().union(*(region.frames_of_reference for region in regions))
    silent = [region for region in regions if not (region.series or region.frames_of_reference)]
    if silent:
        uids |= {one.uid for one in series if _has_grid_of(one, silent)}
    return Drawn(frozenset(uids), frozenset(frames - {""}), frozenset(studies) - {""})


def _has_grid_of(series: Series, regions: Sequence[Region]) -> bool:
    try:
        grid, _ = stack(series.frames, series.slice_distance or series.thickness)
    except BrokenGeometryError:
        return False
    return any(grid.same_as(region.grid) for region in regions)


def examination_days(series: Sequence[Series]) -> list[int | None]:
    """Return the day of each series' examination, counted from the first; None where no date tells.

    An undated series has the day of its study.
    """
    of_study = {one.study: one.day for one in series if one.day is not None}
    days = [one.day if one.day is not None else of_study.get(one.study) for one in series]
    first = min((day for day in days if day is not None), default=0)
    return [None if day is None else day - first for day in days]


def examinations(series: Sequence[Series], trust_frames: bool = True) -> list[list[int]]:
    """Return the examinations as lists of indices of ``series``, in the order of their days, then series numbers.

    Series of different days are different examinations. Series of one day, or without a date, are one examination if
    a chain of equal studies or frames of reference connects them: a second accession on the same day often has its
    own study, but positions in another frame of reference cannot be compared.

    Args:
        series: those of one folder.
        trust_frames: False where an anonymiser wrote a new frame of reference for every series; then all series of
            one day, and all without a date, are one examination.
    """
    days = examination_days(series)
    groups: list[list[int]] = []
    for day in sorted({day for day in days if day is not None}):
        members = [number for number, own in enumerate(days) if own == day]
        for group in _connected(members, series) if trust_frames else [members]:
            before = [one for one in groups if _one_study(one, group, series, days)]
            if before:
                before[0].extend(group)
            else:
                groups.append(group)
    undated = [number for number, own in enumerate(days) if own is None]
    dated = len(groups)
    for members in _connected(undated, series) if trust_frames else [undated] if undated else []:
        same = [group for group in groups[:dated] if _shared(group, members, series)]
        if len(same) == 1:
            same[0].extend(members)
        else:
            groups.append(members)
    return groups


def _connected(members: Sequence[int], series: Sequence[Series]) -> list[list[int]]:
    """The members in groups that share no study and no frame of reference with each other."""
    groups: list[list[int]] = []
    for number in members:
        mine = [group for group in groups if _shared(group, [number], series)]
        groups = [group for group in groups if group not in mine]
        groups.append(sorted([number, *(one for group in mine for one in group)]))
    return sorted(groups)


def _one_study(one: Sequence[int], other: Sequence[int], series: Sequence[Series], days: Sequence[int | None]) -> bool:
    """True for groups of one study that passed midnight, or that share a frame of reference: some date is not true."""
    if not _studies(one, series) & _studies(other, series):
        return False
    frames = [{series[n].frame_of_reference for n in members} - {""} for members in (one, other)]
    return abs(days[one[-1]] - days[other[-1]]) <= 1 or bool(frames[0] & frames[1])


def _studies(members: Sequence[int], series: Sequence[Series]) -> set[str]:
    return {series[number].study for number in members} - {""}


def _shared(one: Sequence[int], other: Sequence[int], series: Sequence[Series]) -> bool:
    """True when two groups of series share a study or a frame of reference."""
    studies, frames = ({series[n].study for n in one}, {series[n].frame_of_reference for n in one} - {""})
    return any(series[n].study in studies or series[n].frame_of_reference in frames for n in other)

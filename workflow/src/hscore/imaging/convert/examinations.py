"""The examinations in a patient's folder: series of one day that share a study or a frame of reference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from hscore.imaging.dicom.grouping import Series
from hscore.imaging.roi.region import Region


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

    A mask file refers to no images. It was drawn on a series of which it has the grid; of several, or where there is
    none, on those in the folder nearest to its own.
    """
    uids: set[str] = set()
    frames: set[str] = set()
    for region in regions:
        frames |= region.frames_of_reference
        uids |= region.series if region.is_dicom else _nearest(region, series)
    return Drawn(frozenset(uids), frozenset(frames - {""}), frozenset(studies) - {""})


def _nearest(region: Region, series: Sequence[Series]) -> set[str]:
    """UIDs of the series that a mask file may have been drawn on, in the folder that shares most with its own."""
    possible = [one for one in series if one.uid in region.series] or list(series)
    shared = {one.uid: _shared_folders(region.source, one.frames[0].path) for one in possible}
    if not region.series and len(set(shared.values())) == 1:
        return set()
    return {uid for uid, depth in shared.items() if depth == max(shared.values())}


def _shared_folders(one: Path | None, other: Path) -> int:
    """How many folders two paths share from the start."""
    if one is None:
        return 0
    pairs = zip(one.parent.parts, other.parent.parts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


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

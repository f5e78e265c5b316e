"""Find the examinations in a patient's folder: series of one day that share a study or a frame of reference."""

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
        """Return whether the region was drawn on one of these series, in their frame of reference, in their study."""
        series = list(series)
        return (
            any(item.uid in self.series for item in series),
            any(item.frame_of_reference in self.frames for item in series),
            any(item.study in self.studies for item in series),
        )


def drawn_on(regions: Sequence[Region], studies: Iterable[str], series: Sequence[Series]) -> Drawn:
    """Return the images that regions were drawn on.

    A mask file refers to no images. It was drawn on a series with the same grid. If several or none have it, the series
    nearest in the folder tree are taken.
    """
    uids: set[str] = set()
    frames: set[str] = set()
    for region in regions:
        frames |= region.frames_of_reference
        uids |= region.series if region.is_dicom else _nearest(region, series)
    return Drawn(frozenset(uids), frozenset(frames - {""}), frozenset(studies) - {""})


def _nearest(region: Region, series: Sequence[Series]) -> set[str]:
    """Return the UIDs of the series that a mask file may belong to, in the folder that shares most with its own."""
    possible = [item for item in series if item.uid in region.series] or list(series)
    shared = {item.uid: _shared_folders(region.source, item.frames[0].path) for item in possible}
    if not region.series and len(set(shared.values())) == 1:
        return set()
    return {uid for uid, depth in shared.items() if depth == max(shared.values())}


def _shared_folders(first: Path | None, second: Path) -> int:
    """Return the number of leading folders that two paths share."""
    if first is None:
        return 0
    pairs = zip(first.parent.parts, second.parent.parts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def examination_days(series: Sequence[Series]) -> list[int | None]:
    """Return the day of each series' examination, counted from the first; None if no date is known.

    An undated series has the day of its study.
    """
    of_study = {item.study: item.day for item in series if item.day is not None}
    days = [item.day if item.day is not None else of_study.get(item.study) for item in series]
    first = min((day for day in days if day is not None), default=0)
    return [None if day is None else day - first for day in days]


def examinations(series: Sequence[Series], trust_frames: bool = True) -> list[list[int]]:
    """Return the examinations as lists of indices of ``series``, ordered by day, then by series number.

    Series of different days are different examinations. Series of one day, or without a date, are one examination if
    a chain of equal studies or frames of reference connects them. A second accession on the same day often has its own
    study, but positions in another frame of reference cannot be compared.

    Args:
        series: the series of one folder.
        trust_frames: False if an anonymiser wrote a new frame of reference for every series. All series of one day,
            and all without a date, are then one examination.
    """
    days = examination_days(series)
    groups: list[list[int]] = []
    for day in sorted({day for day in days if day is not None}):
        members = [number for number, series_day in enumerate(days) if series_day == day]
        for group in _connected(members, series) if trust_frames else [members]:
            before = [earlier for earlier in groups if _one_study(earlier, group, series, days)]
            if before:
                before[0].extend(group)
            else:
                groups.append(group)
    undated = [number for number, day in enumerate(days) if day is None]
    dated = len(groups)
    for members in _connected(undated, series) if trust_frames else [undated] if undated else []:
        same = [group for group in groups[:dated] if _shared(group, members, series)]
        if len(same) == 1:
            same[0].extend(members)
        else:
            groups.append(members)
    return groups


def _connected(members: Sequence[int], series: Sequence[Series]) -> list[list[int]]:
    """Return the members in groups that share no study and no frame of reference with each other."""
    groups: list[list[int]] = []
    for number in members:
        linked = [group for group in groups if _shared(group, [number], series)]
        groups = [group for group in groups if group not in linked]
        groups.append(sorted([number, *(member for group in linked for member in group)]))
    return sorted(groups)


def _one_study(
    first: Sequence[int], second: Sequence[int], series: Sequence[Series], days: Sequence[int | None]
) -> bool:
    """Return whether two groups belong to one study that passed midnight or has a wrong date.

    A date is wrong if the groups share a study and a frame of reference.
    """
    if not _studies(first, series) & _studies(second, series):
        return False
    frames = [{series[n].frame_of_reference for n in members} - {""} for members in (first, second)]
    return abs(days[first[-1]] - days[second[-1]]) <= 1 or bool(frames[0] & frames[1])


def _studies(members: Sequence[int], series: Sequence[Series]) -> set[str]:
    """Return the StudyInstanceUIDs of a group."""
    return {series[number].study for number in members} - {""}


def _shared(first: Sequence[int], second: Sequence[int], series: Sequence[Series]) -> bool:
    """Return whether two groups of series share a study or a frame of reference."""
    studies, frames = ({series[n].study for n in first}, {series[n].frame_of_reference for n in first} - {""})
    return any(series[n].study in studies or series[n].frame_of_reference in frames for n in second)

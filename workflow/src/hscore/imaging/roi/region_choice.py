"""Choose the tumour among a patient's regions by name, or one of several that agree; otherwise refuse."""

import re
from dataclasses import dataclass, field
from itertools import combinations

from hscore.imaging.roi import region_names
from hscore.imaging.roi.plausibility import combined_dice
from hscore.imaging.roi.region import Region, RoiError, listed

NOT_TUMOR, EXCLUDED = "a node, an organ or a margin by", "('convert.roi.exclude')"
# Dice coefficient from which two masks show the same tumour; two readers of one cervical tumour reach 0.8 to 0.9.
SAME_TUMOR = 0.95
# Parts of one tumour in separate files share at most a border.
DISJOINT = 0.05
READER = re.compile(
    r"(?:reader|observer|obs|rater|doctor|dr|physician|radiologist|annotator|user|医生|医师)[\W_]*(?:\d+|[a-z](?![a-z]))"
    r"|\br\d\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rules:
    """The section ``convert.roi`` of the config; missing keys have these defaults."""

    segment: str = region_names.SEGMENT
    exclude: str = region_names.EXCLUDE
    label: int | None = None
    several: str = "refuse"
    most_outside: float = 0.1
    frame_of_reference: str = "strict"

    @property
    def strict(self) -> bool:
        """Whether a region must refer to the patient's own images."""
        return self.frame_of_reference != "ignore"


@dataclass
class RegionChoice:
    """The regions that make up the patient's ROI.

    Attributes:
        regions: the regions used.
        rejected: reason why a region was not used, by name.
        unreadable: files that could not be read.
        notes: the rules that were applied, and what was left out.
    """

    regions: list[Region]
    rejected: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def reject(self, region: Region, why: str) -> None:
        """Record a region that is not used; repeated names are numbered."""
        name, number = region.name, 2
        while name in self.rejected:
            name, number = f"{region.name} ({number})", number + 1
        self.rejected[name] = why


def choose(files: list[list[Region]], rules: Rules, all_read: bool = True) -> RegionChoice:
    """Choose the tumour among the regions of all files, in the order of the files.

    Args:
        files: the regions of each file.
        rules: the config.
        all_read: whether all other files with regions could be read.

    Raises:
        RoiError: ``no_roi``, ``unreadable_roi`` or ``empty_roi``.
    """
    roi = RegionChoice([])
    regions = [region for file in files for region in file]
    possible = [region for region in regions if not is_excluded(region, rules)]
    for region in regions:
        if not _contains(possible, region):
            roi.reject(region, f"{NOT_TUMOR} its name or that of its file, folder or series {EXCLUDED}")
    if not possible:
        text = f"only {listed(regions)}: {NOT_TUMOR} the name or that of the file, folder or series {EXCLUDED}"
        raise RoiError("no_roi", text)
    candidates = _by_name(files, possible, rules, all_read, roi)
    for region in possible:
        if not _contains(candidates, region):
            roi.reject(region, "its name is not that of the tumour ('convert.roi.segment')")
    groups = [[candidate for candidate in candidates if _contains(file, candidate)] for file in files]
    roi.regions = _agreed(_usable([group for group in groups if group], roi), rules, roi)
    roi.notes += [note for region in roi.regions for note in region.notes]
    return roi


def _contains(regions: list[Region], region: Region) -> bool:
    """Return whether a region is one of the listed objects. Regions contain arrays, so ``in`` cannot compare them."""
    return any(region is member for member in regions)


def is_excluded(region: Region, rules: Rules) -> bool:
    """Return whether a region is a node, an organ or a margin by its name and the description in its object.

    If neither identifies it as the tumour, the names of its file and folder and the description of its object count,
    too: 'Segment_1' of lymph_nodes.seg.nrrd is not a tumour. A mask in a folder of nodes is a node, whatever the name
    of its file.
    """
    description = f"{region.matched} {region.meaning}".strip()
    if region_names.matches(rules.exclude, description):
        return True
    if not region_names.matches(rules.segment, description):
        return region_names.matches(rules.exclude, region.context)
    return region.named_by_file and region_names.matches(region_names.NODES, region.context)


def _by_name(
    files: list[list[Region]], possible: list[Region], rules: Rules, all_read: bool, roi: RegionChoice
) -> list[Region]:
    """Return the regions named as the tumour, or the only region whatever its name.

    Raises:
        RoiError: ``unreadable_roi``: there are several, and no name identifies the tumour.
    """
    single = [file[0] for file in files if len(file) == 1]
    matching = [
        region
        for region in possible
        if region_names.matches(rules.segment, region.matched)
        or (_contains(single, region) and region_names.matches(rules.segment, region.context))
    ]
    others = [region for region in possible if not _contains(matching, region)]
    if matching:
        sources = {region.source for region in matching}
        elsewhere = [region for region in others if region.drawn and region.source not in sources]
        if elsewhere:
            roi.notes.append(f"chosen by name: {listed(matching)}; not used: {listed(elsewhere)}")
        return matching
    regions = [region for file in files for region in file]
    drawn = [region for region in regions if region.drawn]
    hint = "name the tumour's in 'convert.roi.segment'"
    if len(regions) == 1 or (len(drawn) == 1 and drawn[0] in possible):
        if not all_read:
            text = f"{listed(possible)} is not named as the tumour, and another file with regions could not be read"
            raise RoiError("unreadable_roi", f"{text}; {hint}")
        if len(regions) > 1:
            roi.notes.append(f"{listed(drawn)} was used: the other {len(regions) - 1} regions are empty")
        return drawn or regions
    if len(drawn) == len(possible) == len(regions) and all(len(file) == 1 for file in files) and all_read:
        return drawn
    raise RoiError(
        "unreadable_roi", f"none of the {len(regions)} regions {listed(regions)} is named as the tumour; {hint}"
    )


def _usable(groups: list[list[Region]], roi: RegionChoice) -> list[list[Region]]:
    """Return the candidates of each file without empty ones; a file with an unusable candidate is left out.

    Raises:
        RoiError: ``unreadable_roi`` or ``empty_roi``: no candidate remains.
    """
    usable, broken, empty = [], [], []
    for group in groups:
        problems = [f"{region.where}: {region.problem}" for region in group if region.problem]
        drawn = [region for region in group if region.drawn]
        empty += [region for region in group if not region.drawn]
        if problems:
            broken += problems
        elif drawn:
            usable.append(drawn)
    if not usable and broken:
        raise RoiError("unreadable_roi", "; ".join(broken))
    if not usable:
        raise RoiError("empty_roi", f"{listed(empty)} contains no voxel{_only_markers(empty)}")
    roi.unreadable += broken
    if empty:
        roi.notes.append(f"{listed(empty)} was left out: it contains no voxel")
    return usable


def _only_markers(regions: list[Region]) -> str:
    """Return the notes of empty regions in brackets, such as markers that were left out; "" if there are none."""
    notes = [note for region in regions for note in region.notes]
    return f" ({'; '.join(notes)})" if notes else ""


def _agreed(groups: list[list[Region]], rules: Rules, roi: RegionChoice) -> list[Region]:
    """Return the first file's regions, if all files show the same tumour.

    Raises:
        RoiError: ``unreadable_roi``: they differ.
    """
    candidates = [_one_region(group, rules, roi) for group in groups]
    first, *others = candidates
    if not others:
        return first
    values = [combined_dice(first, candidate) for candidate in others]
    everything = listed([region for regions in candidates for region in regions])
    shown = ", ".join(f"{value:.2f}" for value in values)
    if min(values) >= SAME_TUMOR:
        roi.notes.append(f"{everything} are the same tumour (Dice {shown}); the first was used")
        for candidate in others:
            for region in candidate:
                roi.reject(region, "the same tumour as the one used")
        return first
    one_kind = len({region.kind for regions in candidates for region in regions}) == 1
    disjoint = all(combined_dice(a, b) <= DISJOINT for a, b in combinations(candidates, 2))
    if rules.several == "join" and one_kind and disjoint:
        roi.notes.append(f"{everything} were joined ('convert.roi.several: join')")
        return [region for regions in candidates for region in regions]
    raise RoiError(
        "unreadable_roi",
        f"several regions may be the tumour and differ (Dice {shown}, {SAME_TUMOR} wanted): {everything}; "
        "deliver one of them, or name it in 'convert.roi.segment'",
    )


def _one_region(group: list[Region], rules: Rules, roi: RegionChoice) -> list[Region]:
    """Return the candidates of one file as one ROI: the only one, the first of equal ones, or all of them joined.

    Raises:
        RoiError: ``unreadable_roi``: there are several, and joining them is not allowed.
    """
    if len(group) == 1:
        return group
    values = [combined_dice([a], [b]) for a, b in combinations(group, 2)]
    if min(values) >= SAME_TUMOR:
        roi.notes.append(f"{listed(group)} are the same tumour (Dice {min(values):.2f}); the first was used")
        for region in group[1:]:
            roi.reject(region, "the same tumour as the one used")
        return group[:1]
    readers = {match[0].lower() for region in group if (match := READER.search(region.matched))}
    if rules.several == "join" and len(readers) < 2:
        roi.notes.append(f"{listed(group)} were joined ('convert.roi.several: join')")
        return group
    advice = "name one of them in 'convert.roi.segment'"
    if len(readers) < 2:
        advice += ", or set 'convert.roi.several: join' if together they are the tumour"
    who = "regions of several readers" if len(readers) > 1 else "several regions"
    raise RoiError(
        "unreadable_roi",
        f"{who} may be the tumour and differ (Dice {min(values):.2f}): {listed(group)}; {advice}",
    )

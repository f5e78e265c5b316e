"""Which of a patient's regions is the tumour: by name, and one of several that agree, else a refusal."""

import re
from dataclasses import dataclass, field
from itertools import combinations

from hscore.imaging.roi import region_names
from hscore.imaging.roi.plausibility import combined_dice
from hscore.imaging.roi.region import Region, RoiError, listed

NOT_TUMOUR, EXCLUDED = "a node, an organ or a margin by", "('convert.roi.exclude')"
# Two masks of one tumour agree from this Dice coefficient on; two readers of one cervical tumour reach 0.8 to 0.9.
SAME_TUMOUR = 0.95
# Parts of one tumour in files of their own share no more than a border.
DISJOINT = 0.05
READER = re.compile(
    r"(?:reader|observer|obs|rater|doctor|dr|physician|radiologist|annotator|user|医生|医师)[\W_]*(?:\d+|[a-z](?![a-z]))"
    r"|\br\d\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rules:
    """The ``convert.roi`` section of the config; keys that are missing have their defaults."""

    segment: str = region_names.SEGMENT
    exclude: str = region_names.EXCLUDE
    label: int | None = None
    several: str = "refuse"
    most_outside: float = 0.1
    frame_of_reference: str = "strict"

    @property
    def strict(self) -> bool:
        """True when a region must refer to the patient's own images."""
        return self.frame_of_reference != "ignore"


@dataclass
class Found:
    """The regions that make up the patient's ROI.

    Attributes:
        regions: those used.
        passed_over: name -> why it was not used.
        unreadable: files that could not be read.
        notes: the rules that were applied, and what was left out.
    """

    regions: list[Region]
    passed_over: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def pass_over(self, region: Region, why: str) -> None:
        """Record a region that is not used; names that are there twice are numbered."""
        name, number = region.name, 2
        while name in self.passed_over:
            name, number = f"{region.name} ({number})", number + 1
        self.passed_over[name] = why


def choose(files: list[list[Region]], rules: Rules, all_read: bool = True) -> Found:
    """Choose the tumour among the regions of all files, in the order of the files.

    Args:
        files: for each file its regions.
        rules: the config.
        all_read: False when another file with regions could not be read.

    Raises:
        RoiError: ``no_roi``, ``unreadable_roi`` or ``empty_roi``.
    """
    found = Found([])
    regions = [region for file in files for region in file]
    possible = [region for region in regions if not is_excluded(region, rules)]
    for region in regions:
        if not any(region is one for one in possible):
            found.pass_over(region, f"{NOT_TUMOUR} its name or that of its file, folder or series {EXCLUDED}")
    if not possible:
        text = f"only {listed(regions)}: {NOT_TUMOUR} the name or that of the file, folder or series {EXCLUDED}"
        raise RoiError("no_roi", text)
    candidates = _by_name(files, possible, rules, all_read, found)
    for region in possible:
        if not any(region is one for one in candidates):
            found.pass_over(region, "its name is not that of the tumour ('convert.roi.segment')")
    groups = [[one for one in candidates if any(one is region for region in file)] for file in files]
    found.regions = _agreed(_usable([group for group in groups if group], found), rules, found)
    found.notes += [note for region in found.regions for note in region.notes]
    return found


def is_excluded(region: Region, rules: Rules) -> bool:
    """Return whether a region is a node, an organ or a margin by its name and by what its object says about it.

    Where neither says that it is the tumour, the names of its file and folder and the description of its object count,
    too: 'Segment_1' of lymph_nodes.seg.nrrd is no tumour. A mask in a folder of nodes is one of them, whatever the
    name of its file.
    """
    own = f"{region.matched} {region.meaning}".strip()
    if region_names.matches(rules.exclude, own):
        return True
    if not region_names.matches(rules.segment, own):
        return region_names.matches(rules.exclude, region.context)
    return region.named_by_file and region_names.matches(region_names.NODES, region.context)


def _by_name(
    files: list[list[Region]], possible: list[Region], rules: Rules, all_read: bool, found: Found
) -> list[Region]:
    """Return the regions whose names say that they are the tumour, or the only one whatever its name.

    Raises:
        RoiError: ``unreadable_roi``: several, and no name says which.
    """
    alone = [file[0] for file in files if len(file) == 1]
    matching = [
        region
        for region in possible
        if region_names.matches(rules.segment, region.matched)
        or (any(region is one for one in alone) and region_names.matches(rules.segment, region.context))
    ]
    others = [region for region in possible if not any(region is one for one in matching)]
    if matching:
        elsewhere = [one for one in others if one.drawn and one.source not in {region.source for region in matching}]
        if elsewhere:
            found.notes.append(f"chosen by name: {listed(matching)}; not used: {listed(elsewhere)}")
        return matching
    regions = [region for file in files for region in file]
    drawn = [region for region in regions if region.drawn]
    hint = "name the tumour's in 'convert.roi.segment'"
    if len(regions) == 1 or (len(drawn) == 1 and drawn[0] in possible):
        if not all_read:
            text = (
                f"{listed(possible)} does not say what it is, and another file with regions could not be read; {hint}"
            )
            raise RoiError("unreadable_roi", text)
        if len(regions) > 1:
            found.notes.append(f"{listed(drawn)} was taken: the other {len(regions) - 1} regions are empty")
        return drawn or regions
    if len(drawn) == len(possible) == len(regions) and all(len(file) == 1 for file in files) and all_read:
        return drawn
    raise RoiError(
        "unreadable_roi", f"none of the {len(regions)} regions {listed(regions)} is named as the tumour; {hint}"
    )


def _usable(groups: list[list[Region]], found: Found) -> list[list[Region]]:
    """Return each file's candidates without the empty ones; a file with one that cannot be used is left out.

    Raises:
        RoiError: ``unreadable_roi`` or ``empty_roi``: nothing is left.
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
        raise RoiError("empty_roi", f"{listed(empty)} holds no voxel{_only_markers(empty)}")
    found.unreadable += broken
    if empty:
        found.notes.append(f"{listed(empty)} was left out: it holds no voxel")
    return usable


def _only_markers(regions: list[Region]) -> str:
    notes = [note for region in regions for note in region.notes]
    return f" ({'; '.join(notes)})" if notes else ""


def _agreed(groups: list[list[Region]], rules: Rules, found: Found) -> list[Region]:
    """Return the first file's regions, if all files show the same tumour.

    Raises:
        RoiError: ``unreadable_roi``: they differ.
    """
    candidates = [_one_region(group, rules, found) for group in groups]
    first, *others = candidates
    if not others:
        return first
    values = [combined_dice(first, other) for other in others]
    everything = listed([region for regions in candidates for region in regions])
    shown = ", ".join(f"{value:.2f}" for value in values)
    if min(values) >= SAME_TUMOUR:
        found.notes.append(f"{everything} are the same tumour (Dice {shown}); the first was taken")
        for other in others:
            for region in other:
                found.pass_over(region, "the same tumour as the one taken")
        return first
    one_kind = len({region.kind for regions in candidates for region in regions}) == 1
    apart = all(combined_dice(a, b) <= DISJOINT for a, b in combinations(candidates, 2))
    if rules.several == "join" and one_kind and apart:
        found.notes.append(f"{everything} were joined ('convert.roi.several: join')")
        return [region for regions in candidates for region in regions]
    raise RoiError(
        "unreadable_roi",
        f"several regions may be the tumour and differ (Dice {shown}, {SAME_TUMOUR} wanted): {everything}; "
        "deliver one of them, or name it in 'convert.roi.segment'",
    )


def _one_region(group: list[Region], rules: Rules, found: Found) -> list[Region]:
    """Return the candidates of one file as one ROI: the only one, the first of equal ones, or all of them joined.

    Raises:
        RoiError: ``unreadable_roi``: several, and joining them is not allowed.
    """
    if len(group) == 1:
        return group
    values = [combined_dice([a], [b]) for a, b in combinations(group, 2)]
    if min(values) >= SAME_TUMOUR:
        found.notes.append(f"{listed(group)} are the same tumour (Dice {min(values):.2f}); the first was taken")
        for region in group[1:]:
            found.pass_over(region, "the same tumour as the one taken")
        return group[:1]
    readers = {match[0].lower() for region in group if (match := READER.search(region.matched))}
    if rules.several == "join" and len(readers) < 2:
        found.notes.append(f"{listed(group)} were joined ('convert.roi.several: join')")
        return group
    advice = "name one of them in 'convert.roi.segment'"
    if len(readers) < 2:
        advice += ", or set 'convert.roi.several: join' if together they are the tumour"
    who = "regions of several readers" if len(readers) > 1 else "several regions"
    raise RoiError(
        "unreadable_roi",
        f"{who} may be the tumour and differ (Dice {min(values):.2f}): {listed(group)}; {advice}",
    )

"""Group images into series by the header values of every frame, not by UID alone, and complete missing b-values."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from hscore.imaging.dicom import values
from hscore.imaging.dicom.frames import Frame, functional_groups, nested
from hscore.imaging.dicom.geometry import plane
from hscore.imaging.dicom.vocabulary import part_by_words

MOST_TESLA = 25

# Direction cosines and pixel sizes of one series differ by rounding.
SAME_DIRECTION = 0.02
SAME_SIZE = 1e-3

# A b-value in a description ("DWI b800", "b=1000"), and a list of them ("b0-800", "b50_400_800"), which names no one.
_B_VALUE = re.compile(r"(?<![a-z])b[ =_-]?(\d{1,4})(?!\d)", re.IGNORECASE)
_B_LIST = re.compile(
    r"(?<![a-z])b[ =_-]?\d{1,4}[ _,;/+&-]+(b[ =_-]?)?\d{1,4}(?![\d.]|\s*(mm|cm|t\b|ch))", re.IGNORECASE
)


@dataclass
class Series:
    """One stack of images: a scanner's series, or the part of it with one orientation, matrix, echo and kind."""

    uid: str
    number: int
    modality: str
    description: str
    protocol: str
    vendor: str
    model: str
    field_strength: float | None  # T
    contrast_agent: str
    before_contrast: bool  # all acquired before the time at which the header says the agent was given
    study: str  # StudyInstanceUID
    day: int | None  # of the study, as an ordinal; used only for intervals and never written
    echo_planar: bool
    frame_of_reference: str
    thickness: float | None  # mm
    slice_distance: float | None  # mm between slice centres, from the header
    frames: list[Frame] = field(default_factory=list)
    part: str = ""  # of a Dixon or complex acquisition, or kind of derived image: one of vocabulary.PARTS
    planes: int = 1  # number of orientations in the scanner's series, of which this is one
    echoes: int = 1  # number of echoes in the scanner's series

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType of the first image."""
        return self.frames[0].image_type

    @property
    def echo_time(self) -> float | None:
        """Echo time [ms]."""
        return self.frames[0].echo_time

    @property
    def repetition_time(self) -> float | None:
        """Repetition time [ms]."""
        return self.frames[0].repetition_time

    @property
    def text(self) -> str:
        """The description, or the protocol name if there is no description.

        GE writes the name of the whole examination into the protocol name.
        """
        return self.description or self.protocol

    @property
    def acquired(self) -> tuple[float, int]:
        """Sort key by acquisition: seconds since midnight (-1 if unknown) and series number."""
        times = [frame.acquisition_time for frame in self.frames if frame.acquisition_time is not None]
        return (max(times, default=-1.0), self.number)

    @property
    def b_values(self) -> list[float]:
        """The distinct b-values in the headers [s/mm2], ascending; empty if there are none."""
        return sorted({frame.b_value for frame in self.frames if frame.b_value is not None})


@dataclass
class Image:
    """The part of a series in one file: its frames, and the series values from its header."""

    series: Series
    kind: tuple  # further values that distinguish series: scanning sequence, protocol
    frames: list[Frame]


def image(header: Dataset, frames: list[Frame]) -> Image:
    """Return the frames of a file with the series values from its header, every value decoded."""
    shared, per_frame = functional_groups(header, 0)

    def measure(keyword: str) -> float | None:
        value = nested(shared, per_frame, "PixelMeasuresSequence", keyword)
        return values.number(header.get(keyword) if value is None else value)

    agents = "; ".join(str(agent.get("CodeMeaning", "")) for agent in header.get("ContrastBolusAgentSequence") or [])
    if nested(shared, per_frame, "ContrastBolusUsageSequence", "ContrastBolusAgentAdministered") == "NO":
        agents = "NO"
    sequence = str(header.get("ScanningSequence") or "")
    series = Series(
        uid=values.uid(header, "SeriesInstanceUID"),
        number=values.whole(header.get("SeriesNumber")),
        modality=values.text(header, "Modality"),
        description=values.text(header, "SeriesDescription"),
        protocol=values.text(header, "ProtocolName"),
        vendor=values.text(header, "Manufacturer"),
        model=values.text(header, "ManufacturerModelName"),
        field_strength=_tesla(header),
        contrast_agent=values.text(header, "ContrastBolusAgent") or agents,
        before_contrast=_before_contrast(header, frames),
        study=str(header.get("StudyInstanceUID") or ""),
        day=values.day(header.get("StudyDate") or header.get("AcquisitionDate")),
        echo_planar="EP" in sequence or header.get("EchoPlanarPulseSequence") == "YES",
        frame_of_reference=values.text(header, "FrameOfReferenceUID"),
        thickness=measure("SliceThickness"),
        slice_distance=measure("SpacingBetweenSlices"),
    )
    return Image(series, (sequence, series.protocol), frames)


def _tesla(header: Dataset) -> float | None:
    """Return the field strength in T; old GE software writes gauss."""
    strength = values.number(header.get("MagneticFieldStrength"))
    return strength / 10_000 if strength is not None and strength > MOST_TESLA else strength


def _before_contrast(header: Dataset, frames: list[Frame]) -> bool:
    """Return whether all images of a file were acquired before the time at which the agent was given."""
    given = values.seconds(header.get("ContrastBolusStartTime"))
    latest = max((frame.acquisition_time for frame in frames if frame.acquisition_time is not None), default=None)
    # a longer interval means that midnight passed in between
    return given is not None and latest is not None and 0 < given - latest < values.HALF_A_DAY


def group(images: Iterable[Image]) -> list[Series]:
    """Return the series of a folder, each with all its frames.

    Frames belong to one series if UID, number, description, protocol, scanning sequence, echo time, part and matrix are
    equal, and orientation and pixel size are equal within rounding. This separates several series under one UID. Slices
    of one series to which an archive gave separate UIDs are merged.
    """
    groups: dict[tuple, list[Series]] = defaultdict(list)
    for item in images:
        for frame in item.frames:
            series = item.series
            echo = None if frame.echo_time is None else round(frame.echo_time, 1)
            key = (series.uid, series.number, series.description, item.kind, frame.size, echo, frame.part, frame.color)
            same = next((candidate for candidate in groups[key] if _alike(candidate.frames[0], frame)), None)
            if same is None:
                same = Series(**{name: getattr(series, name) for name in Series.__dataclass_fields__} | {"frames": []})
                same.part = frame.part
                groups[key].append(same)
            same.frames.append(frame)
            same.before_contrast = same.before_contrast and series.before_contrast
    all_series = _reunited([series for members in groups.values() for series in members])
    for series in all_series:
        series.frames.sort(key=lambda frame: (frame.instance, str(frame.path)))
        _complete_b_values(series)
    _count_siblings(all_series)
    _name_parts(all_series)
    return sorted(all_series, key=lambda series: (series.number, series.uid, series.frames[0].instance))


def _alike(first: Frame, second: Frame) -> bool:
    """Return whether two frames have the same body plane and pixel size, within rounding.

    Images of one series that are rotated against each other within the plane stay together. The check of the stack then
    refuses them and does not take some of them for the whole series.
    """
    if None in (first.orientation, second.orientation):
        if first.orientation is not second.orientation:
            return False
    elif _largest_difference(first.orientation, second.orientation) > SAME_DIRECTION and plane(
        first.orientation
    ) != plane(second.orientation):
        return False
    if None in (first.spacing, second.spacing):
        return first.spacing is second.spacing
    return _largest_difference(first.spacing, second.spacing) <= SAME_SIZE * max(first.spacing)


def _largest_difference(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the largest absolute difference of corresponding values."""
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _reunited(all_series: list[Series]) -> list[Series]:
    """Return the series, with those merged whose slices have one UID each.

    Merged are at least three series, each with images at only one position, that are equal in everything but the UIDs
    and have different positions: slices of one stack. A real series of a single slice has no equals. If they also have
    different frames of reference, their positions may not belong together. The merged series then belongs to none of
    the patient's frames of reference.
    """
    single_slices: dict[tuple, list[Series]] = defaultdict(list)
    for series in all_series:
        first = series.frames[0]
        if first.position is not None and all(frame.position == first.position for frame in series.frames):
            same = (series.number, series.description, series.protocol, series.day, series.vendor)
            single_slices[(*same, first.size, first.echo_time, first.part, first.orientation)].append(series)
    merged: set[int] = set()
    for members in single_slices.values():
        uids, places = {series.uid for series in members}, {series.frames[0].position for series in members}
        if not len(members) == len(uids) >= 3 or len(places) < 3:
            continue
        first = members[0]
        for series in members[1:]:
            first.frames.extend(series.frames)
            merged.add(id(series))
        if len({series.frame_of_reference for series in members}) > 1:
            first.frame_of_reference = "one per image"
    return [series for series in all_series if id(series) not in merged]


def _count_siblings(all_series: Sequence[Series]) -> None:
    """Set the numbers of orientations and echoes of the scanner's series to which each series belongs.

    Echoes of one acquisition that were stored as separate series have the same name and acquisition time.
    """
    whole = defaultdict(list)
    for series in all_series:
        whole[(series.uid, series.number, series.description)].append(series)
    for parts in whole.values():
        planes = len({plane(part.frames[0].orientation) for part in parts if part.frames[0].orientation}) or 1
        for part in parts:
            part.planes = planes
            same_kind = [
                sibling for sibling in parts if sibling.part == part.part and _alike(sibling.frames[0], part.frames[0])
            ]
            part.echoes = len({sibling.echo_time for sibling in same_kind}) or 1

    moments = defaultdict(list)
    for series in all_series:
        first = series.frames[0]
        if first.acquisition_time is not None and not series.part:
            moments[(series.description, first.acquisition_time, first.size, first.position)].append(series)
    for simultaneous in moments.values():
        for series in simultaneous:
            series.echoes = max(series.echoes, len({sibling.echo_time for sibling in simultaneous}))


def _name_parts(all_series: Sequence[Series]) -> None:
    """Set the part of a Dixon acquisition from the description if no image type names it."""
    texts = frozenset(series.text for series in all_series)
    for series in all_series:
        series.part = series.part or part_by_words(series.text, texts)


def _complete_b_values(series: Series) -> None:
    """Set the b-values that the headers of a series leave out.

    Canon, Toshiba and some GE files contain a b-value only if a gradient was on; their other images have b = 0. This
    rule applies only to these vendors, and only if no image is named b = 0, the description contains no other number
    that could be the missing one, and the images without a b-value form whole volumes. A series of one volume may give
    its b-value only in its description ("DWI b800"). It is used if the description contains exactly one b-value and no
    list.
    """
    silent = [frame for frame in series.frames if frame.b_value is None]
    if not silent:
        return
    known = [frame.b_value for frame in series.frames if frame.b_value is not None]
    places = {frame.position for frame in series.frames}
    of_silent = {frame.position for frame in silent}
    if known:
        vendor = series.vendor.upper().startswith(("CANON", "TOSHIBA", "GE "))
        listed = {float(n) for part in _B_LIST.finditer(series.description) for n in re.findall(r"\d+", part[0])}
        whole = of_silent == places and len(silent) % len(places) == 0
        if vendor and whole and min(known) > 0 and not listed - {0.0, *known}:
            value = 0.0
        else:
            return
    else:
        named = set(_B_VALUE.findall(series.description))
        if len(named) != 1 or _B_LIST.search(series.description) or len(places) != len(series.frames):
            return
        value = float(named.pop())
    for frame in silent:
        frame.b_value = value


def file_count(frames: Iterable[Frame]) -> int:
    """Return the number of files that contain these frames."""
    return len({frame.path for frame in frames})

"""Images to series: by what the headers say of every frame, not by UID alone; silent headers are completed."""

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
    day: int | None  # of the study, counted from some fixed day: it serves for intervals only and is never written
    echo_planar: bool
    frame_of_reference: str
    thickness: float | None  # mm
    slice_distance: float | None  # mm between slice centres, as the header says
    frames: list[Frame] = field(default_factory=list)
    part: str = ""  # of a Dixon or complex acquisition, or kind of derived image: one of vocabulary.PARTS
    planes: int = 1  # how many orientations the scanner's series has of which this is one
    echoes: int = 1  # ... and echoes

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType of the first image."""
        return self.frames[0].image_type

    @property
    def echo_time(self) -> float | None:
        """Echo time in ms."""
        return self.frames[0].echo_time

    @property
    def repetition_time(self) -> float | None:
        """Repetition time in ms."""
        return self.frames[0].repetition_time

    @property
    def text(self) -> str:
        """The description, or the protocol's name where there is none.

        GE writes the name of the whole examination into the protocol's name.
        """
        return self.description or self.protocol

    @property
    def acquired(self) -> tuple[float, int]:
        """When the series was acquired, for its place among others: seconds since midnight (-1 unknown), its number."""
        times = [frame.acquisition_time for frame in self.frames if frame.acquisition_time is not None]
        return (max(times, default=-1.0), self.number)

    @property
    def b_values(self) -> list[float]:
        """The different b-values that the headers name (s/mm2), ascending; empty when they name none."""
        return sorted({frame.b_value for frame in self.frames if frame.b_value is not None})


@dataclass
class Image:
    """One file's share of a series: its frames, and what its header says of the series."""

    series: Series
    kind: tuple  # what else tells series apart: scanning sequence, protocol
    frames: list[Frame]


def image(header: Dataset, frames: list[Frame]) -> Image:
    """Return what a header says of its series, with every value decoded."""
    shared, own = functional_groups(header, 0)

    def measure(keyword: str) -> float | None:
        value = nested(shared, own, "PixelMeasuresSequence", keyword)
        return values.number(header.get(keyword) if value is None else value)

    agents = "; ".join(str(agent.get("CodeMeaning", "")) for agent in header.get("ContrastBolusAgentSequence") or [])
    if nested(shared, own, "ContrastBolusUsageSequence", "ContrastBolusAgentAdministered") == "NO":
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
    """Field strength in T; old GE software writes gauss."""
    found = values.number(header.get("MagneticFieldStrength"))
    return found / 10_000 if found is not None and found > MOST_TESLA else found


def _before_contrast(header: Dataset, frames: list[Frame]) -> bool:
    """True where all images of a file were taken before the time at which the agent was given."""
    given = values.seconds(header.get("ContrastBolusStartTime"))
    taken = max((frame.acquisition_time for frame in frames if frame.acquisition_time is not None), default=None)
    return given is not None and taken is not None and 0 < given - taken < values.HALF_A_DAY  # else it passed midnight


def group(images: Iterable[Image]) -> list[Series]:
    """Return the series of a folder, each with all its frames.

    Frames belong to one series if UID, number, description, protocol, scanning sequence, echo time, part and matrix are
    equal and orientation and pixel size are equal within rounding. Several series under one UID are so told apart.
    Images of one series to which an archive gave a UID each are brought together.
    """
    groups: dict[tuple, list[Series]] = defaultdict(list)
    for one in images:
        for frame in one.frames:
            series = one.series
            echo = None if frame.echo_time is None else round(frame.echo_time, 1)
            key = (series.uid, series.number, series.description, one.kind, frame.size, echo, frame.part, frame.colour)
            same = next((other for other in groups[key] if _alike(other.frames[0], frame)), None)
            if same is None:
                same = Series(**{name: getattr(series, name) for name in Series.__dataclass_fields__} | {"frames": []})
                same.part = frame.part
                groups[key].append(same)
            same.frames.append(frame)
            same.before_contrast = same.before_contrast and series.before_contrast
    found = _reunited([series for several in groups.values() for series in several])
    for series in found:
        series.frames.sort(key=lambda frame: (frame.instance, str(frame.path)))
        _complete_b_values(series)
    _count_siblings(found)
    _name_parts(found)
    return sorted(found, key=lambda series: (series.number, series.uid, series.frames[0].instance))


def _alike(one: Frame, other: Frame) -> bool:
    """True when two frames are of one body plane and their pixels of one size, within rounding.

    Images of one series that are turned against each other within the plane stay together, so that the check of the
    stack refuses them instead of taking some of them for the whole.
    """
    if None in (one.orientation, other.orientation):
        if one.orientation is not other.orientation:
            return False
    elif _apart(one.orientation, other.orientation) > SAME_DIRECTION and plane(one.orientation) != plane(
        other.orientation
    ):
        return False
    if None in (one.spacing, other.spacing):
        return one.spacing is other.spacing
    return _apart(one.spacing, other.spacing) <= SAME_SIZE * max(one.spacing)


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _reunited(found: list[Series]) -> list[Series]:
    """Series to whose slices an archive gave a UID each, as one series.

    They are at least three series, each with images at one position only, that are equal in everything but the UIDs,
    and at different positions: slices of one stack. A real series of a single slice has no equals. If they also have
    a frame of reference each, nothing says that their positions belong together: the series then has none of the
    patient's frames of reference.
    """
    alone: dict[tuple, list[Series]] = defaultdict(list)
    for series in found:
        first = series.frames[0]
        if first.position is not None and all(frame.position == first.position for frame in series.frames):
            same = (series.number, series.description, series.protocol, series.day, series.vendor)
            alone[(*same, first.size, first.echo_time, first.part, first.orientation)].append(series)
    merged: set[int] = set()
    for members in alone.values():
        uids, places = {one.uid for one in members}, {one.frames[0].position for one in members}
        if not len(members) == len(uids) >= 3 or len(places) < 3:
            continue
        first = members[0]
        for one in members[1:]:
            first.frames.extend(one.frames)
            merged.add(id(one))
        if len({one.frame_of_reference for one in members}) > 1:
            first.frame_of_reference = "one per image"
    return [series for series in found if id(series) not in merged]


def _count_siblings(found: Sequence[Series]) -> None:
    """Note for every series how many orientations and echoes the scanner's series has of which it is a part.

    Echoes of one acquisition that were stored as series of their own share name and moment.
    """
    whole = defaultdict(list)
    for series in found:
        whole[(series.uid, series.number, series.description)].append(series)
    for parts in whole.values():
        planes = len({plane(part.frames[0].orientation) for part in parts if part.frames[0].orientation}) or 1
        for part in parts:
            part.planes = planes
            same_kind = [one for one in parts if one.part == part.part and _alike(one.frames[0], part.frames[0])]
            part.echoes = len({one.echo_time for one in same_kind}) or 1

    moments = defaultdict(list)
    for series in found:
        first = series.frames[0]
        if first.acquisition_time is not None and not series.part:
            moments[(series.description, first.acquisition_time, first.size, first.position)].append(series)
    for several in moments.values():
        for series in several:
            series.echoes = max(series.echoes, len({one.echo_time for one in several}))


def _name_parts(found: Sequence[Series]) -> None:
    """Where no image type names the part of a Dixon acquisition, take it from the description."""
    texts = frozenset(series.text for series in found)
    for series in found:
        series.part = series.part or part_by_words(series.text, texts)


def _complete_b_values(series: Series) -> None:
    """Fill in the b-values that the headers of a series leave out.

    Canon, Toshiba and some GE files carry a b-value only where a gradient was on: the others are b = 0. That is taken
    of these vendors only, if no image is named b = 0, no other number in the description is the missing one, and the
    silent images are whole volumes. A series of one volume may name its b-value in its description only ("DWI b800"),
    if that names one b-value and no list of them.
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
    """Return how many files these frames are in."""
    return len({frame.path for frame in frames})

"""Read what lies in one patient's folder: image series, ROI objects, mask files, and what could not be read.

Nothing here looks at pixels: one pass over the headers.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from hscore.imaging import header as headers
from hscore.imaging import privacy, region_files, values
from hscore.imaging.frames import Frame, frames_of, functional_groups, nested
from hscore.imaging.header import UnreadableError

SEGMENTATION = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}  # bit masks; label maps
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DIRECTORY = "1.2.840.10008.1.3.10"  # a DICOMDIR: a list of files, not an object of its own

# Image types that some scanners store inside the series of their source images: derived diffusion maps, the
# phase, real and imaginary parts, and the parts of a Dixon acquisition. They are told apart as series of their own.
PART = re.compile(r"e?adc|fa|phase( map)?|[pri]|[pri]_\w+|w|f|ip|op|water|fat|(in|opp|out)_phase", re.IGNORECASE)


@dataclass
class Series:
    """One stack of images: a scanner's series, or the part of it with one orientation, matrix and image type."""

    uid: str
    number: int
    modality: str
    description: str
    protocol: str
    vendor: str
    model: str
    field_strength: float | None  # T
    echo_time: float | None  # ms
    repetition_time: float | None  # ms
    contrast_agent: str
    study: str  # StudyInstanceUID
    day: int | None  # of the study, counted from some fixed day: it serves for intervals only and is never written
    echo_planar: bool
    frame_of_reference: str
    thickness: float | None  # mm
    slice_distance: float | None  # mm between slice centres, as the header says
    frames: list[Frame] = field(default_factory=list)
    phase_of: "Series | None" = None  # the dynamic series of which this is one phase

    @property
    def whole(self) -> "Series":
        """The series as it lies in the folder: of one phase the dynamic series, else itself."""
        return self.phase_of or self

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType of the first image."""
        return self.frames[0].image_type

    @property
    def b_values(self) -> list[float]:
        """The different b-values that the headers name (s/mm2), ascending; empty when they name none."""
        return sorted({frame.b_value for frame in self.frames if frame.b_value is not None})


@dataclass
class Contents:
    """Everything found in one patient's folder."""

    series: list[Series] = field(default_factory=list)
    segmentations: list[Path] = field(default_factory=list)
    structure_sets: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)  # NIfTI, NRRD, MetaImage
    other_regions: list[Path] = field(default_factory=list)  # files that look like regions and are not read
    folder: Path | None = None
    instances: dict[str, str] = field(default_factory=dict)  # SOPInstanceUID of an image -> SeriesInstanceUID
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # path below the folder, why
    patients: dict[str, set[int]] = field(default_factory=dict)  # PatientID -> its series numbers
    studies: set[str] = field(default_factory=set)  # StudyInstanceUIDs
    drawn_in: set[str] = field(default_factory=set)  # those of the ROI objects
    private: Counter[str] = field(default_factory=Counter)  # keyword of a tag that names the patient -> files with it
    identifiers: set[str] = field(default_factory=set)  # words that must not appear in any output
    seen: set[str] = field(default_factory=set)  # SeriesInstanceUIDs whose identifiers were collected


def read_folder(folder: Path, pseudonym: str = "") -> Contents:
    """Read every header below ``folder``; any folder structure and any file names.

    ``pseudonym`` is the study's name of the patient, which gives nothing away where it stands in a header.
    Links are followed, each folder once. A file stored twice (same SOP Instance UID, instance, position) counts once.
    """
    # Odd but readable values (too long, wrong characters) are everyday in hospital files: no warnings, no checks.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    contents = Contents(folder=folder)
    images: dict[tuple, tuple[Dataset, list[Frame]]] = {}
    for path in _files(folder, contents):
        name = str(path.relative_to(folder))
        if region_files.is_mask(path):
            contents.masks.append(path)
            continue
        try:
            header, damage = headers.read(path)
            if header is None:
                if region_files.looks_like_region(path):
                    contents.other_regions.append(path)
                continue
            _sort_in(path, header, damage, contents, images)
            if study := header.get("StudyInstanceUID"):
                contents.studies.add(str(study))
            contents.private.update(privacy.telling_tags(header, pseudonym))
        except UnreadableError as error:
            contents.unreadable.append((name, str(error)))
            continue
        if damage:
            contents.unreadable.append((name, damage))
    contents.series = _group(images.values())
    return contents


def _files(folder: Path, contents: Contents) -> Iterator[Path]:
    """All files below ``folder`` in the order of their names; each folder is visited once, links or not."""
    seen = set()

    def denied(error: OSError) -> None:
        contents.unreadable.append((os.path.relpath(error.filename, folder), error.strerror or "cannot be opened"))

    for root, folders, names in os.walk(folder, followlinks=True, onerror=denied):
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            # hidden files are the system's (a Mac's ._x, Snakemake's stamp); sockets and dangling links are no files
            if not name.startswith(".") and path.is_file():
                yield path


def _sort_in(path: Path, header: Dataset, damage: str, contents: Contents, images: dict) -> None:
    """Put one file where it belongs in ``contents`` or, an image, in ``images``."""
    try:
        kind = str(header.get("SOPClassUID", ""))
        meta = getattr(header, "file_meta", None)
        if DIRECTORY in {kind, str(meta.get("MediaStorageSOPClassUID", "")) if meta else ""}:
            return
        if (uid := header.get("SeriesInstanceUID")) not in contents.seen:
            contents.seen.add(uid)
            contents.identifiers.update(privacy.identifiers(header))
        segmentation = kind in SEGMENTATION or header.get("Modality") == "SEG"
        if segmentation or kind == STRUCTURE_SET or header.get("Modality") == "RTSTRUCT":
            (contents.segmentations if segmentation else contents.structure_sets).append(path)
            contents.drawn_in.add(str(header.get("StudyInstanceUID") or ""))
            return
        if not header.get("SeriesInstanceUID"):
            raise UnreadableError("no SeriesInstanceUID in its header")
        frames = frames_of(path, header, damage)
        number = values.whole(header.get("SeriesNumber"))
    except UnreadableError:
        raise
    except Exception as error:  # values are decoded on access, so broken bytes show up only here
        raise UnreadableError(f"header cannot be read ({type(error).__name__})") from None
    patient = str(header.get("PatientID") or "").strip()
    if patient:
        contents.patients.setdefault(patient, set()).add(number)
    contents.instances[str(header.get("SOPInstanceUID") or "")] = str(header.SeriesInstanceUID)
    first = frames[0]
    key = (header.get("SOPInstanceUID") or path, first.instance, first.position)
    if key not in images or images[key][1][0].damage:  # a sound copy replaces a damaged one
        images[key] = (header, frames)


def _group(images: Any) -> list[Series]:
    """Series by SeriesInstanceUID, split where orientation, matrix, spacing or kind of image change."""
    groups: dict[tuple, Series] = {}
    for header, frames in images:
        first = frames[0]
        orientation = None if first.orientation is None else tuple(round(v, 2) + 0.0 for v in first.orientation)
        part = frozenset(value.upper() for value in first.image_type[2:] if PART.fullmatch(value))
        key = (str(header.SeriesInstanceUID), orientation, first.size, first.spacing, part)
        if key not in groups:
            groups[key] = _series(header, first)
        groups[key].frames.extend(frames)
    for series in groups.values():
        series.frames.sort(key=lambda frame: (frame.instance, str(frame.path)))
        _complete_b_values(series)
    return sorted(groups.values(), key=lambda series: (series.number, series.uid, series.frames[0].instance))


def _series(header: Dataset, first: Frame) -> Series:
    shared, frame = functional_groups(header, 0)

    def timing(keyword: str, sequence: str, inner: str) -> float | None:
        return values.number(header.get(keyword) or nested(shared, frame, sequence, inner))

    measures = ("PixelMeasuresSequence",)
    agents = "; ".join(str(agent.get("CodeMeaning", "")) for agent in header.get("ContrastBolusAgentSequence") or [])
    return Series(
        uid=str(header.SeriesInstanceUID),
        number=values.whole(header.get("SeriesNumber")),
        modality=values.text(header, "Modality"),
        description=values.text(header, "SeriesDescription"),
        protocol=values.text(header, "ProtocolName"),
        vendor=values.text(header, "Manufacturer"),
        model=values.text(header, "ManufacturerModelName"),
        field_strength=values.number(header.get("MagneticFieldStrength")),
        echo_time=timing("EchoTime", "MREchoSequence", "EffectiveEchoTime"),
        repetition_time=timing("RepetitionTime", "MRTimingAndRelatedParametersSequence", "RepetitionTime"),
        contrast_agent=values.text(header, "ContrastBolusAgent") or agents,
        study=str(header.get("StudyInstanceUID") or ""),
        day=values.day(header.get("StudyDate") or header.get("AcquisitionDate")),
        echo_planar="EP" in str(header.get("ScanningSequence") or "") or header.get("EchoPlanarPulseSequence") == "YES",
        frame_of_reference=values.text(header, "FrameOfReferenceUID"),
        thickness=timing("SliceThickness", *measures, "SliceThickness"),
        slice_distance=timing("SpacingBetweenSlices", *measures, "SpacingBetweenSlices"),
    )


def _complete_b_values(series: Series) -> None:
    """Fill in what the headers of a series leave out.

    Canon, Toshiba and some GE files carry a b-value only where a gradient was on: the others are b = 0. A series
    of one b-value may name it in its description only ("DWI b800").
    """
    known = [frame.b_value for frame in series.frames if frame.b_value is not None]
    if known and len(known) < len(series.frames):
        value = 0.0
    elif not known and len(words := set(re.findall(r"(?i)(?<![a-z])b[ =_]?(\d{1,4})(?!\d)", series.description))) == 1:
        value = float(words.pop())
    else:
        return
    for frame in series.frames:
        if frame.b_value is None:
            frame.b_value = value

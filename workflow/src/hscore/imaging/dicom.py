"""Read what lies in one patient's folder: image series, ROI objects, NIfTI files, and what could not be read.

Nothing here looks at pixels: one pass over the headers, with only the tags that the choice of series needs.
"""

import os
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag

SEGMENTATION = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}  # bit masks; label maps
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DIRECTORY = "1.2.840.10008.1.3.10"  # a DICOMDIR: a list of files, not an object of its own

MULTI_FRAME = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"}  # enhanced MR, converted legacy MR

MR_IMAGES = {"1.2.840.10008.5.1.4.1.1.4", *MULTI_FRAME}

SIEMENS_B = 0x0019100C
GE_B = 0x00431039
PHILIPS_B = 0x20011003
UNITED_IMAGING_B = 0x00651009

# What an archive should have taken out before images leave the hospital (direct identifiers of the basic profile, DICOM
# PS3.15 Annex E). PatientID is not here: every file has one, and nothing tells a pseudonym from a hospital number.
PRIVATE = (
    *("PatientName", "PatientBirthDate", "PatientBirthTime", "OtherPatientIDs", "OtherPatientIDsSequence"),
    *("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "PatientAddress", "PatientTelephoneNumbers"),
    *("PatientComments", "AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"),
    *("NameOfPhysiciansReadingStudy", "RequestingPhysician", "ContentCreatorName", "InstitutionName"),
    *("InstitutionAddress", "IssuerOfPatientID", "BurnedInAnnotation", "RecognizableVisualFeatures"),
)
PRIVATE_TAGS = {Tag(keyword): keyword for keyword in PRIVATE}
# These say by YES that the pixels themselves may tell who the patient is.
YES_MEANS_RISK = {"BurnedInAnnotation", "RecognizableVisualFeatures"}
TELLS_NOTHING = re.compile(r"anonym\w*|de-?identified|removed|none|unknown|n/?a|no name|[x0*^ -]+|simulated .*")

IDENTIFYING = ["PatientID", "PatientName", "PatientBirthDate", "OtherPatientIDs", "AccessionNumber"]
TAGS = [
    Tag(tag)
    for tag in (
        *IDENTIFYING,
        *PRIVATE,
        *(
            "StudyInstanceUID",
            "StudyDate",
            "AcquisitionDate",
            "SOPClassUID",
            "SOPInstanceUID",
            "Modality",
            "SeriesInstanceUID",
            "SeriesNumber",
            "InstanceNumber",
        ),
        *("SeriesDescription", "ProtocolName", "SequenceName", "ScanningSequence", "EchoPlanarPulseSequence"),
        *("ImageType", "ImageComments", "ContrastBolusAgent"),
        *("Manufacturer", "ManufacturerModelName", "MagneticFieldStrength", "EchoTime", "RepetitionTime"),
        *("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
        *("SliceThickness", "SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames", "DiffusionBValue"),
        *("BitsAllocated", "SamplesPerPixel"),
        *("ContrastBolusAgentSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
        *("SpecificCharacterSet", SIEMENS_B, GE_B, PHILIPS_B, UNITED_IMAGING_B),
    )
]

# Image types that some scanners store inside the series of their source images: derived diffusion maps, the
# phase, real and imaginary parts, and the parts of a Dixon acquisition. They are told apart as series of their own.
PART = re.compile(r"e?adc|fa|phase( map)?|[pri]|[pri]_\w+|w|f|ip|op|water|fat|(in|opp|out)_phase", re.IGNORECASE)


@dataclass(slots=True)
class Frame:
    """One image of a series: a file, or one frame of a multi-frame file."""

    path: Path
    instance: int
    position: tuple[float, ...] | None  # mm, patient coordinates (LPS), centre of the first pixel
    orientation: tuple[float, ...] | None  # direction of a row, then of a column
    spacing: tuple[float, float] | None  # mm between columns, between rows
    size: tuple[int, int]  # columns, rows
    image_type: tuple[str, ...]
    b_value: float | None  # s/mm2
    damage: str = ""  # why the pixels cannot be read, if they cannot
    number: int | None = None  # which frame of a multi-frame file; None for a classic one


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
    niftis: list[Path] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # path below the folder, why
    patients: dict[str, set[int]] = field(default_factory=dict)  # PatientID -> its series numbers
    studies: set[str] = field(default_factory=set)  # StudyInstanceUIDs
    drawn_in: set[str] = field(default_factory=set)  # those of the ROI objects
    private: Counter[str] = field(default_factory=Counter)  # keyword of a tag that names the patient -> files with it
    identifiers: set[str] = field(default_factory=set)  # words that must not appear in any output
    seen: set[str] = field(default_factory=set)  # SeriesInstanceUIDs whose identifiers were collected


class _UnreadableError(Exception):
    """A file that should be DICOM and cannot be used; the text says why."""


def read_folder(folder: Path, pseudonym: str = "") -> Contents:
    """Read every header below ``folder``; any folder structure and any file names.

    ``pseudonym`` is the study's name of the patient, which gives nothing away where it stands in a header.
    Links are followed, each folder once. A file stored twice (same SOP Instance UID, instance, position) counts once.
    """
    # Odd but readable values (too long, wrong characters) are everyday in hospital files: no warnings, no checks.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    contents = Contents()
    images: dict[tuple, tuple[Dataset, list[Frame]]] = {}
    for path in _files(folder, contents):
        name = str(path.relative_to(folder))
        if path.name.lower().endswith((".nii", ".nii.gz")):
            contents.niftis.append(path)
            continue
        try:
            header, damage = _read_header(path)
            if header is None:
                continue
            _sort_in(path, header, damage, contents, images)
            _note_identity(header, pseudonym, contents)
        except _UnreadableError as error:
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


def _read_header(path: Path) -> tuple[Dataset | None, str]:
    """The header of a DICOM file and what is wrong with its pixels ("" = nothing); None for other files.

    Raises:
        _UnreadableError: it looks like DICOM (by its first bytes or its name) and cannot be read.
    """
    suffix = path.suffix.lower()
    named_dicom = suffix in {".dcm", ".dicom", ".ima"}
    try:
        with path.open("rb") as file:
            start = file.read(132)
            if not start:
                # without a telling suffix ("IM0001", "1.2.840.113619") an empty file was an image, too
                if named_dicom or not suffix or suffix[1:].isdigit():
                    raise _UnreadableError("empty file")
                return None, ""
            # old files start at once with group 0008, without the 128 bytes and the letters DICM
            if start[128:] != b"DICM" and not (start[:2] == b"\x08\x00" and start[3:4] == b"\x00"):
                if named_dicom:
                    raise _UnreadableError("not a DICOM file")
                return None, ""
            try:
                header = _read_tags(file)
                intact = _pixels_at_end(file, header)
                if not intact or header.get("SOPClassUID") in MULTI_FRAME:
                    header = _read_tags(file, last_tag=0x7FE00000)
                damage = "" if intact else _pixel_damage(file, header)
            except Exception as error:  # pydicom raises many types on broken bytes; none of them is our bug
                raise _UnreadableError(f"header cannot be read ({type(error).__name__})") from None
            return header, damage
    except OSError as error:
        raise _UnreadableError(error.strerror or "cannot be opened") from None


def _read_tags(file: BinaryIO, last_tag: int = PHILIPS_B) -> Dataset:
    """The wanted tags up to ``last_tag``.

    Behind the last one wanted of a classic image (Philips' b-value) lie kilobytes of nested private groups, whose
    reading takes five times as long as all before.
    """
    file.seek(0)
    return pydicom.filereader.read_partial(file, lambda tag, *_: tag > last_tag, force=True, specific_tags=TAGS)


def _pixels_at_end(file: BinaryIO, header: Dataset) -> bool:
    """True when the file ends with exactly the uncompressed pixels that its header announces: nothing is missing."""
    rows, columns, bits = header.get("Rows"), header.get("Columns"), header.get("BitsAllocated")
    if not (rows and columns and bits):
        return False
    length = (
        rows * columns * (bits // 8) * (header.get("SamplesPerPixel") or 1) * _whole(header.get("NumberOfFrames", 1))
    )
    length += length % 2
    implicit, little = header.original_encoding
    start = 8 if implicit else 12
    if file.seek(0, os.SEEK_END) < length + start:
        return False
    file.seek(-length - start, os.SEEK_END)
    order = "<" if little else ">"
    tag = file.read(start)
    return tag[:4] == struct.pack(order + "HH", 0x7FE0, 0x10) and tag[-4:] == struct.pack(order + "I", length)


def _pixel_damage(file: BinaryIO, header: Dataset) -> str:
    """What is wrong with the pixels of a file whose header has been read up to them; "" for nothing."""
    meta = getattr(header, "file_meta", None)
    deflated = meta is not None and meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.1.99"
    if deflated or (header.get("Rows") is None and header.get("SOPClassUID") not in MR_IMAGES):
        return ""
    implicit, little = header.original_encoding
    order = "<" if little else ">"
    start = file.read(8 if implicit else 12)
    # (7FE0,0008) and (7FE0,0009) hold floating-point pixels
    if len(start) < 8 or struct.unpack(order + "HH", start[:4]) not in {(0x7FE0, 0x10), (0x7FE0, 8), (0x7FE0, 9)}:
        return "cut short: no pixel data"
    (length,) = struct.unpack(order + "I", start[-4:])
    there = os.fstat(file.fileno()).st_size - file.tell()
    # 0xFFFFFFFF: compressed, of a length nobody wrote down; the conversion finds out
    return "cut short: pixel data incomplete" if length != 0xFFFFFFFF and there < length else ""


def _sort_in(path: Path, header: Dataset, damage: str, contents: Contents, images: dict) -> None:
    """Put one file where it belongs in ``contents`` or, an image, in ``images``."""
    try:
        kind = str(header.get("SOPClassUID", ""))
        meta = getattr(header, "file_meta", None)
        if DIRECTORY in {kind, str(meta.get("MediaStorageSOPClassUID", "")) if meta else ""}:
            return
        if (uid := header.get("SeriesInstanceUID")) not in contents.seen:
            contents.seen.add(uid)
            contents.identifiers.update(_identifiers(header))
        segmentation = kind in SEGMENTATION or header.get("Modality") == "SEG"
        if segmentation or kind == STRUCTURE_SET or header.get("Modality") == "RTSTRUCT":
            (contents.segmentations if segmentation else contents.structure_sets).append(path)
            contents.drawn_in.add(str(header.get("StudyInstanceUID") or ""))
            return
        if not header.get("SeriesInstanceUID"):
            raise _UnreadableError("no SeriesInstanceUID in its header")
        frames = _frames(path, header, damage)
        number = _whole(header.get("SeriesNumber"))
    except _UnreadableError:
        raise
    except Exception as error:  # values are decoded on access, so broken bytes show up only here
        raise _UnreadableError(f"header cannot be read ({type(error).__name__})") from None
    patient = str(header.get("PatientID") or "").strip()
    if patient:
        contents.patients.setdefault(patient, set()).add(number)
    first = frames[0]
    key = (header.get("SOPInstanceUID") or path, first.instance, first.position)
    if key not in images or images[key][1][0].damage:  # a sound copy replaces a damaged one
        images[key] = (header, frames)


def _note_identity(header: Dataset, pseudonym: str, contents: Contents) -> None:
    """Count the tags of a file that still say who the patient is, and collect its study.

    A name that is the patient's pseudonym or PatientID, or an anonymiser's word, says nothing.
    """
    if uid := header.get("StudyInstanceUID"):
        contents.studies.add(str(uid))
    harmless = {"", pseudonym.lower(), str(header.get("PatientID") or "").strip().lower()}
    for tag in header.keys():  # noqa: SIM118  iterating over a Dataset would decode every element
        keyword = PRIVATE_TAGS.get(tag)
        if keyword is None:
            continue
        try:
            text = str(header[tag].value or "").strip().lower()
        except Exception:  # a value that cannot be decoded is still there
            text = "?"
        risk = text == "yes" if keyword in YES_MEANS_RISK else text not in harmless
        contents.private[keyword] += risk and not TELLS_NOTHING.fullmatch(text)


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
    shared, frame = _functional_groups(header, 0)

    def timing(keyword: str, sequence: str, inner: str) -> float | None:
        return _number(header.get(keyword) or _nested(shared, frame, sequence, inner))

    measures = ("PixelMeasuresSequence",)
    agents = header.get("ContrastBolusAgentSequence") or []
    return Series(
        uid=str(header.SeriesInstanceUID),
        number=_whole(header.get("SeriesNumber")),
        modality=_text(header, "Modality"),
        description=_text(header, "SeriesDescription"),
        protocol=_text(header, "ProtocolName"),
        vendor=_text(header, "Manufacturer"),
        model=_text(header, "ManufacturerModelName"),
        field_strength=_number(header.get("MagneticFieldStrength")),
        echo_time=timing("EchoTime", "MREchoSequence", "EffectiveEchoTime"),
        repetition_time=timing("RepetitionTime", "MRTimingAndRelatedParametersSequence", "RepetitionTime"),
        contrast_agent=_text(header, "ContrastBolusAgent") or "; ".join(str(a.get("CodeMeaning", "")) for a in agents),
        study=str(header.get("StudyInstanceUID") or ""),
        day=_day(header.get("StudyDate") or header.get("AcquisitionDate")),
        echo_planar="EP" in str(header.get("ScanningSequence") or "") or header.get("EchoPlanarPulseSequence") == "YES",
        frame_of_reference=_text(header, "FrameOfReferenceUID"),
        thickness=timing("SliceThickness", *measures, "SliceThickness"),
        slice_distance=timing("SpacingBetweenSlices", *measures, "SpacingBetweenSlices"),
    )


def _frames(path: Path, header: Dataset, damage: str) -> list[Frame]:
    """One Frame for a classic file, one for each frame of a multi-frame file."""
    size = (_whole(header.get("Columns")), _whole(header.get("Rows")))
    count = len(header.get("PerFrameFunctionalGroupsSequence") or [None])
    frames = []
    for number in range(count):
        shared, own = _functional_groups(header, number)
        image_type = _nested(shared, own, "MRImageFrameTypeSequence", "FrameType") or header.get("ImageType") or ()
        image_type = (image_type,) if isinstance(image_type, str) else tuple(str(value) for value in image_type)
        position = header.get("ImagePositionPatient") or _nested(
            shared, own, "PlanePositionSequence", "ImagePositionPatient"
        )
        orientation = header.get("ImageOrientationPatient") or _nested(
            shared, own, "PlaneOrientationSequence", "ImageOrientationPatient"
        )
        spacing = header.get("PixelSpacing") or _nested(shared, own, "PixelMeasuresSequence", "PixelSpacing")
        spacing = _vector(spacing, 2)
        frames.append(
            Frame(
                path=path,
                instance=_whole(header.get("InstanceNumber")) + number,
                position=_vector(position, 3),
                orientation=_vector(orientation, 6),
                spacing=None if spacing is None else (spacing[1], spacing[0]),  # DICOM names the row distance first
                size=size,
                image_type=image_type,
                b_value=_b_value(header, shared, own),
                damage=damage,
                number=number if header.get("PerFrameFunctionalGroupsSequence") else None,
            )
        )
    return frames


def _functional_groups(header: Dataset, number: int) -> tuple[Dataset, Dataset]:
    """Shared and own functional groups of frame ``number``; empty for a classic file."""
    shared = header.get("SharedFunctionalGroupsSequence")
    own = header.get("PerFrameFunctionalGroupsSequence")
    return (shared[0] if shared else Dataset(), own[number] if own else Dataset())


def _nested(shared: Dataset, own: Dataset, sequence: str, keyword: str) -> Any:
    """Value in a functional group: the frame's own, else the shared one, else None."""
    for groups in (own, shared):
        items = groups.get(sequence)
        if items and items[0].get(keyword) is not None:
            return items[0].get(keyword)
    return None


def _b_value(header: Dataset, shared: Dataset, own: Dataset) -> float | None:
    """b-value in s/mm2 from the standard tag, the vendor's private one, or what the vendor writes in words.

    Private tags: Siemens (0019,100C); GE (0043,1039), first of four, to which 1e9 is added when a tensor was
    acquired; Philips (2001,1003); United Imaging (0065,1009). A Siemens SequenceName such as ``*ep_b800t`` survives
    anonymisers that drop private tags; Canon writes ``b=800(...)`` in the comments.
    """
    standard = header.get("DiffusionBValue")
    if standard is None:
        standard = _nested(shared, own, "MRDiffusionSequence", "DiffusionBValue")
    if standard is not None:
        return _number(standard)
    vendor = str(header.get("Manufacturer", "")).upper()
    value = None
    if vendor.startswith("SIEMENS"):
        value = _private(header, SIEMENS_B)
        if value is None:
            name = re.fullmatch(r"\*?ep_b(\d+)(t|#\d+)?", str(header.get("SequenceName", "")).strip())
            value = float(name[1]) if name else None
    elif vendor.startswith("GE"):
        value = _private(header, GE_B)
        value = None if value is None else value % 100_000
    elif vendor.startswith("PHILIPS"):
        value = _private(header, PHILIPS_B)
    elif vendor.startswith("UIH"):
        value = _private(header, UNITED_IMAGING_B)
    elif vendor.startswith(("CANON", "TOSHIBA")):
        comment = re.search(r"\bb=([\d.]+)", str(header.get("ImageComments", "")))
        value = float(comment[1]) if comment else None
    return value


def _private(header: Dataset, tag: int) -> float | None:
    """First number of a private element, whatever representation an archive left it in."""
    if tag not in header:
        return None
    value = header[tag].value
    if isinstance(value, bytes):
        text = value.decode("ascii", "replace").strip(" \0")
        if re.fullmatch(r"[-+\d.eE\\ ]+", text):
            value = text
        elif len(value) in (4, 8):  # FL or FD, of which an archive forgot the representation
            (value,) = struct.unpack("<f" if len(value) == 4 else "<d", value)
    if isinstance(value, str):
        value = value.split("\\")
    if isinstance(value, list | tuple) or hasattr(value, "__getitem__"):
        value = value[0] if len(value) else None
    return _number(value)


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


def _identifiers(header: Dataset) -> set[str]:
    """Words that identify the patient: names in every alphabet, numbers, the birth date."""
    words: set[str] = set()
    for keyword in IDENTIFYING:
        text = str(header.get(keyword) or "")
        words.update(re.split(r"[\^=\\,;\[\]'\s]+", text) if keyword != "PatientID" else [text.strip()])
    return {word for word in words if len(word) > 1}


def _text(header: Dataset, keyword: str) -> str:
    """A text value in one line; undeclared Chinese or UTF-8 bytes, which pydicom reads as Latin, are put right."""
    value = header.get(keyword)
    text = "" if value is None else str(value)
    if not text.isascii() and not header.get("SpecificCharacterSet"):
        for encoding in ("utf-8", "gb18030"):
            try:
                text = text.encode("latin-1").decode(encoding)
                break
            except UnicodeError:
                continue
    return " ".join(text.replace("\0", " ").split())


def _number(value: Any) -> float | None:
    """A float, or None for what is empty or not a finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _day(value: Any) -> int | None:
    """Number of the day of a DICOM date (YYYYMMDD), or None for what is none."""
    try:
        return datetime.strptime(str(value), "%Y%m%d").toordinal()
    except ValueError:
        return None


def _whole(value: Any) -> int:
    """An integer; 0 for what is empty or not a number."""
    number = _number(value)
    return 0 if number is None else int(number)


def _vector(value: Any, length: int) -> tuple[float, ...] | None:
    """A tuple of ``length`` floats, or None."""
    if value is None or isinstance(value, str) or len(value) != length:
        return None
    numbers = tuple(_number(item) for item in value)
    return None if None in numbers else numbers

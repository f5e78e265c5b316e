"""The images of one DICOM file, which may contain many: position, content and acquisition of each."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from hscore.imaging.dicom import private_tags, values
from hscore.imaging.dicom.header import Header
from hscore.imaging.dicom.vocabulary import part_by_type

COMPLEX_PARTS = {"PHASE": "phase", "REAL": "real", "IMAGINARY": "imaginary"}
GE_COMPLEX_PARTS = {1: "phase", 2: "real", 3: "imaginary"}
PHILIPS_DIRECTIONALITY = {"I": "ISOTROPIC", "N": "NONE", "P": "DIRECTIONAL", "M": "DIRECTIONAL", "S": "DIRECTIONAL"}
# GE's (0043,1030): combined image of several directions, image without weighting, one direction, tensor direction.
GE_DIRECTIONALITY = {
    15: "ISOTROPIC",
    14: "NONE",
    3: "DIRECTIONAL",
    4: "DIRECTIONAL",
    5: "DIRECTIONAL",
    16: "DIRECTIONAL",
}


@dataclass(slots=True)
class Frame:
    """One image of a series: a file, one frame of a multi-frame file, or one tile of a grid of images."""

    path: Path
    instance: int
    position: tuple[float, ...] | None  # mm, patient coordinates (LPS), centre of the first pixel
    orientation: tuple[float, ...] | None  # direction of a row, then of a column
    spacing: tuple[float, float] | None  # mm between columns, between rows
    size: tuple[int, int]  # columns, rows
    image_type: tuple[str, ...]
    b_value: float | None  # s/mm2
    damage: str = ""  # why the pixels cannot be read; empty if they can
    number: int | None = None  # index of the frame in a multi-frame file; None for a classic one
    tile: tuple[int, int] | None = None  # first column and row of the image within its file's pixels
    part: str = ""  # part named by the image type: one of vocabulary.PARTS, "" for a plain image
    echo_time: float | None = None  # ms
    repetition_time: float | None = None  # ms
    flip_angle: float | None = None  # degrees
    concatenation: tuple[int, int] | None = None  # number of the file within its object, and number of such files
    temporal_position: int | None = None
    acquisition: int | None = None
    trigger_time: float | None = None  # ms after a trigger, or s after the first phase
    acquisition_time: float | None = None  # s since midnight
    content_time: float | None = None  # s since midnight
    directionality: str = ""  # of the diffusion weighting: NONE, DIRECTIONAL, ISOTROPIC or ""
    direction: tuple[float, ...] | None = None  # unit vector of the diffusion weighting
    standard_blocks: bool = True  # False if another creator uses the vendor's usual block of private tags
    rescale: tuple[float, float] = (1.0, 0.0)  # slope, intercept: from stored to displayed values
    scale_slope: float | None = None  # Philips: from floating-point to stored values
    color: str = ""  # photometric interpretation, unless it is the plain grey scale of MR
    pixels_at: int | None = None  # byte offset of uncompressed pixels in the file
    pixel_type: str = ""  # their type in numpy notation
    bits: int = 16  # number of bits of a pixel that contain its value


def frames_of(path: Path, header: Header) -> list[Frame]:
    """Return one Frame for a classic file, one per frame of a multi-frame file, or one per tile of a grid."""
    tags = header.tags
    reserved = private_tags.blocks(tags)
    count = max(len(tags.get("PerFrameFunctionalGroupsSequence") or ()), values.whole(tags.get("NumberOfFrames")), 1)
    frames = [_frame(path, header, reserved, number) for number in range(count)]
    slices = private_tags.value(tags, reserved, "united imaging frames")
    if slices and any(value.upper() == "VFRAME" for value in frames[0].image_type):
        return _tiles(frames[0], list(slices))
    return frames


def _frame(path: Path, header: Header, reserved: dict, number: int) -> Frame:
    """Return frame ``number`` (from 0) of a file."""
    tags = header.tags
    shared, per_frame = functional_groups(tags, number)
    several = values.whole(tags.get("NumberOfFrames")) > 1 or per_frame is not None
    placed = per_frame is not None or not several  # otherwise the header gives no position per frame

    def of(keyword: str, sequence: str, inner: str | None = None) -> Any:
        value = nested(shared, per_frame, sequence, inner or keyword)
        return tags.get(keyword) if value is None else value

    image_type = nested(shared, per_frame, "MRImageFrameTypeSequence", "FrameType") or tags.get("ImageType") or ()
    image_type = (image_type,) if isinstance(image_type, str) else tuple(str(value) for value in image_type)
    spacing = values.vector(of("PixelSpacing", "PixelMeasuresSequence"), 2)
    content = ("FrameContentSequence",)
    acquired = of("AcquisitionTime", *content, "FrameAcquisitionDateTime") or tags.get("AcquisitionDateTime")
    return Frame(
        path=path,
        instance=values.whole(tags.get("InstanceNumber")) + number,
        position=values.vector(of("ImagePositionPatient", "PlanePositionSequence"), 3) if placed else None,
        orientation=values.vector(of("ImageOrientationPatient", "PlaneOrientationSequence"), 6),
        spacing=None if spacing is None else (spacing[1], spacing[0]),  # DICOM names the row distance first
        size=(values.whole(tags.get("Columns")), values.whole(tags.get("Rows"))),
        image_type=image_type,
        b_value=_b_value(tags, reserved, shared, per_frame),
        damage=header.damage,
        number=number if several else None,
        part=part_by_type(image_type) or _complex_part(tags, reserved, shared, per_frame),
        echo_time=values.number(of("EchoTime", "MREchoSequence", "EffectiveEchoTime")),
        repetition_time=values.number(of("RepetitionTime", "MRTimingAndRelatedParametersSequence")),
        flip_angle=values.number(of("FlipAngle", "MRTimingAndRelatedParametersSequence")),
        concatenation=_concatenation(tags),
        temporal_position=values.whole_or_none(of("TemporalPositionIdentifier", *content, "TemporalPositionIndex")),
        acquisition=values.whole_or_none(of("AcquisitionNumber", *content, "FrameAcquisitionNumber")),
        trigger_time=_delay(tags, shared, per_frame),
        acquisition_time=values.seconds(acquired),
        content_time=values.seconds(tags.get("ContentTime")),
        directionality=_directionality(tags, reserved, shared, per_frame),
        direction=_direction(tags, reserved, shared, per_frame),
        standard_blocks=private_tags.uses_standard_blocks(reserved),
        rescale=_rescale(tags, shared, per_frame),
        scale_slope=_scale_slope(tags, reserved, per_frame),
        color=_color(tags),
        pixels_at=header.pixels_at,
        pixel_type=_pixel_type(tags),
        bits=values.whole(tags.get("BitsStored")),
    )


def _tiles(whole: Frame, slices: list[Dataset]) -> list[Frame]:
    """Return the images of a United Imaging grid, a volume stored as one picture, ceil(sqrt(n)) images wide.

    Source: the vendor's description in the converter's documentation (rordenlab/dcm2niix, folder UIH).
    """
    across = math.ceil(math.sqrt(len(slices)))
    down = math.ceil(len(slices) / across)
    columns, rows = whole.size[0] // across, whole.size[1] // down
    tiles = []
    for number, item in enumerate(slices):
        tile = Frame(**{name: getattr(whole, name) for name in Frame.__slots__})
        tile.tile = (number % across * columns, number // across * rows)
        tile.size = (columns, rows)
        tile.position = values.vector(item.get("ImagePositionPatient"), 3)
        tile.acquisition_time = values.seconds(item.get("AcquisitionTime") or item.get("AcquisitionDateTime"))
        tiles.append(tile)
    return tiles


def functional_groups(header: Dataset, number: int) -> tuple[Dataset | None, Dataset | None]:
    """Return the shared and the per-frame functional groups of frame ``number``; None for a classic file."""
    shared = header.get("SharedFunctionalGroupsSequence")
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    return (
        shared[0] if shared else None,
        per_frame[number] if per_frame and number < len(per_frame) else None,
    )


def nested(shared: Dataset | None, per_frame: Dataset | None, sequence: str, keyword: str) -> Any:
    """Return a value from the per-frame functional group, or else from the shared one, or else None."""
    for groups in (per_frame, shared):
        items = None if groups is None else groups.get(sequence)
        if items and items[0].get(keyword) is not None:
            return items[0].get(keyword)
    return None


def _concatenation(tags: Dataset) -> tuple[int, int] | None:
    """Return the number of a multi-frame file within its concatenation, and the number of files in it."""
    number, total = (values.whole(tags.get(f"InConcatenation{word}")) for word in ("Number", "TotalNumber"))
    return (number, total) if total else None


def _delay(tags: Dataset, shared: Dataset | None, per_frame: Dataset | None) -> float | None:
    """Return the time in ms after a trigger, or in s after the first phase; only the order is used."""
    for sequence, keyword in (
        ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
        ("TemporalPositionSequence", "TemporalPositionTimeOffset"),
    ):
        if (value := values.number(nested(shared, per_frame, sequence, keyword))) is not None:
            return value
    return values.number(tags.get("TriggerTime"))


def _b_value(tags: Dataset, reserved: dict, shared: Dataset | None, per_frame: Dataset | None) -> float | None:
    """Return the b-value [s/mm2] from the standard tag, the vendor's private tag, or the vendor's free text.

    Private elements: Siemens (0019,xx0C); GE (0043,xx39), first of four, to which 1e9 is added when several b-values
    were acquired; Philips (2001,xx03); United Imaging (0065,xx09). A Siemens SequenceName such as ``*ep_b800t``
    survives anonymisers that drop private tags. Canon writes ``b=800(...)`` in the comments.
    """
    standard = nested(shared, per_frame, "MRDiffusionSequence", "DiffusionBValue")
    standard = tags.get("DiffusionBValue") if standard is None else standard
    if standard is not None:
        return values.number(standard)
    if nested(shared, per_frame, "MRDiffusionSequence", "DiffusionDirectionality") == "NONE":
        return 0.0
    for name in ("siemens b", "ge b", "philips b", "united imaging b"):
        value = private_tags.first_number(private_tags.value(tags, reserved, name))
        if value is not None:
            return value % 100_000 if name == "ge b" else value
    vendor = str(tags.get("Manufacturer", "")).upper()
    if vendor.startswith("SIEMENS"):
        name = re.fullmatch(r"\*?ep_b(\d+)(t|#\d+)?", str(tags.get("SequenceName", "")).strip())
        return float(name[1]) if name else None
    if vendor.startswith(("CANON", "TOSHIBA")):
        comment = re.search(r"\bb=([\d.]+)", str(tags.get("ImageComments", "")))
        return values.number(comment[1]) if comment else None
    return None


def _directionality(tags: Dataset, reserved: dict, shared: Dataset | None, per_frame: Dataset | None) -> str:
    """Return the kind of diffusion image: one direction, mean of several, no weighting, or "" if not known."""
    standard = nested(shared, per_frame, "MRDiffusionSequence", "DiffusionDirectionality") or tags.get(
        "DiffusionDirectionality"
    )
    if standard:
        return str(standard).strip().upper()
    if siemens := private_tags.word(private_tags.value(tags, reserved, "siemens directionality")):
        return siemens
    if philips := private_tags.word(private_tags.value(tags, reserved, "philips directionality")):
        return PHILIPS_DIRECTIONALITY.get(philips[:1], "")
    kind = private_tags.first_number(private_tags.value(tags, reserved, "ge diffusion kind"))
    return "" if kind is None else GE_DIRECTIONALITY.get(int(kind), "")


def _direction(
    tags: Dataset, reserved: dict, shared: Dataset | None, per_frame: Dataset | None
) -> tuple[float, ...] | None:
    """Return the unit vector of the diffusion gradient, or None if the header gives none or zero."""
    inner = nested(shared, per_frame, "MRDiffusionSequence", "DiffusionGradientDirectionSequence")
    gradient = inner[0].get("DiffusionGradientOrientation") if inner else tags.get("DiffusionGradientOrientation")
    for name in ("siemens direction", "united imaging direction"):
        gradient = private_tags.value(tags, reserved, name) if gradient is None else gradient
    if isinstance(gradient, bytes):
        gradient = np.frombuffer(gradient, "<f8").tolist() if len(gradient) == 24 else None
    vector = values.vector(gradient, 3)
    length = 0.0 if vector is None else math.sqrt(sum(v * v for v in vector))
    return tuple(round(v / length, 3) for v in vector) if length > 0.1 else None


def _complex_part(tags: Dataset, reserved: dict, shared: Dataset | None, per_frame: Dataset | None) -> str:
    """Return the part of a complex image (phase, real, imaginary) that tags other than the image type name."""
    component = nested(shared, per_frame, "MRImageFrameTypeSequence", "ComplexImageComponent") or tags.get(
        "ComplexImageComponent"
    )
    if part := COMPLEX_PARTS.get(str(component or "").upper(), ""):
        return part
    kind = private_tags.first_number(private_tags.value(tags, reserved, "ge complex part"))
    return "" if kind is None else GE_COMPLEX_PARTS.get(int(kind), "")


def _rescale(tags: Dataset, shared: Dataset | None, per_frame: Dataset | None) -> tuple[float, float]:
    """Return the rescale slope and intercept; 1 and 0 if none is given."""
    slope = nested(shared, per_frame, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = nested(shared, per_frame, "PixelValueTransformationSequence", "RescaleIntercept")
    if slope is None:
        slope, intercept = tags.get("RescaleSlope"), tags.get("RescaleIntercept")
    slope, intercept = values.number(slope), values.number(intercept)
    return (slope or 1.0, intercept or 0.0)


def _scale_slope(tags: Dataset, reserved: dict, per_frame: Dataset | None) -> float | None:
    """Return Philips' scale slope of a classic file or of one frame of an enhanced one; None for other vendors."""
    slope = private_tags.value(tags, reserved, "philips scale slope")
    if slope is None and per_frame is not None:
        inner = private_tags.value(per_frame, private_tags.blocks(per_frame), "philips frame")
        if inner:
            slope = private_tags.value(inner[0], private_tags.blocks(inner[0]), "philips scale slope")
    return private_tags.first_number(slope) or None


def _color(tags: Dataset) -> str:
    """Return the photometric interpretation of colour or inverted images; "" for the plain grey scale of MR."""
    interpretation = str(tags.get("PhotometricInterpretation") or "MONOCHROME2").upper()
    if (values.whole(tags.get("SamplesPerPixel")) or 1) > 1 and interpretation == "MONOCHROME2":
        return "RGB"
    return "" if interpretation == "MONOCHROME2" else interpretation


def _pixel_type(tags: Dataset) -> str:
    """Return the numpy type of uncompressed grey pixels; "" if reading them needs a decoder."""
    allocated, stored = values.whole(tags.get("BitsAllocated")), values.whole(tags.get("BitsStored"))
    signed = values.whole(tags.get("PixelRepresentation")) == 1
    if allocated not in (8, 16) or _color(tags) not in ("", "MONOCHROME1"):
        return ""
    if not 0 < stored <= allocated or values.whole(tags.get("HighBit")) != stored - 1:
        return ""
    order = "<" if tags.original_encoding[1] else ">"
    return f"{order if allocated == 16 else '|'}{'i' if signed else 'u'}{allocated // 8}"

"""The images of one DICOM file, which may have many frames: where they lie, and their b-values."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from hscore.imaging import values
from hscore.imaging.header import GE_B, PHILIPS_B, SIEMENS_B, UNITED_IMAGING_B


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


def frames_of(path: Path, header: Dataset, damage: str) -> list[Frame]:
    """One Frame for a classic file, one for each frame of a multi-frame file."""
    size = (values.whole(header.get("Columns")), values.whole(header.get("Rows")))
    count = len(header.get("PerFrameFunctionalGroupsSequence") or [None])
    frames = []
    for number in range(count):
        shared, own = functional_groups(header, number)
        image_type = nested(shared, own, "MRImageFrameTypeSequence", "FrameType") or header.get("ImageType") or ()
        image_type = (image_type,) if isinstance(image_type, str) else tuple(str(value) for value in image_type)
        position = header.get("ImagePositionPatient") or nested(
            shared, own, "PlanePositionSequence", "ImagePositionPatient"
        )
        orientation = header.get("ImageOrientationPatient") or nested(
            shared, own, "PlaneOrientationSequence", "ImageOrientationPatient"
        )
        spacing = header.get("PixelSpacing") or nested(shared, own, "PixelMeasuresSequence", "PixelSpacing")
        spacing = values.vector(spacing, 2)
        frames.append(
            Frame(
                path=path,
                instance=values.whole(header.get("InstanceNumber")) + number,
                position=values.vector(position, 3),
                orientation=values.vector(orientation, 6),
                spacing=None if spacing is None else (spacing[1], spacing[0]),  # DICOM names the row distance first
                size=size,
                image_type=image_type,
                b_value=_b_value(header, shared, own),
                damage=damage,
                number=number if header.get("PerFrameFunctionalGroupsSequence") else None,
            )
        )
    return frames


def functional_groups(header: Dataset, number: int) -> tuple[Dataset, Dataset]:
    """Shared and own functional groups of frame ``number``; empty for a classic file."""
    shared = header.get("SharedFunctionalGroupsSequence")
    own = header.get("PerFrameFunctionalGroupsSequence")
    return (shared[0] if shared else Dataset(), own[number] if own else Dataset())


def nested(shared: Dataset, own: Dataset, sequence: str, keyword: str) -> Any:
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
        standard = nested(shared, own, "MRDiffusionSequence", "DiffusionBValue")
    if standard is not None:
        return values.number(standard)
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
    return values.number(value)

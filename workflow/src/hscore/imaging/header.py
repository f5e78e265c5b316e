"""One DICOM file's header, with only the tags that the choice of series needs; whether its pixels are all there."""

import os
import struct
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from hscore.imaging import values
from hscore.imaging.privacy import IDENTIFYING, PRIVATE

MULTI_FRAME = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"}  # enhanced MR, converted legacy MR

MR_IMAGES = {"1.2.840.10008.5.1.4.1.1.4", *MULTI_FRAME}

SIEMENS_B = 0x0019100C
GE_B = 0x00431039
PHILIPS_B = 0x20011003
UNITED_IMAGING_B = 0x00651009

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


class UnreadableError(Exception):
    """A file that should be DICOM and cannot be used; the text says why."""


def read(path: Path) -> tuple[Dataset | None, str]:
    """The header of a DICOM file and what is wrong with its pixels ("" = nothing); None for other files.

    Raises:
        UnreadableError: it looks like DICOM (by its first bytes or its name) and cannot be read.
    """
    suffix = path.suffix.lower()
    named_dicom = suffix in {".dcm", ".dicom", ".ima"}
    try:
        with path.open("rb") as file:
            start = file.read(132)
            if not start:
                # without a telling suffix ("IM0001", "1.2.840.113619") an empty file was an image, too
                if named_dicom or not suffix or suffix[1:].isdigit():
                    raise UnreadableError("empty file")
                return None, ""
            # old files start at once with group 0008, without the 128 bytes and the letters DICM
            if start[128:] != b"DICM" and not (start[:2] == b"\x08\x00" and start[3:4] == b"\x00"):
                if named_dicom:
                    raise UnreadableError("not a DICOM file")
                return None, ""
            try:
                header = _read_tags(file)
                intact = _pixels_at_end(file, header)
                if not intact or header.get("SOPClassUID") in MULTI_FRAME:
                    header = _read_tags(file, last_tag=0x7FE00000)
                damage = "" if intact else _pixel_damage(file, header)
            except Exception as error:  # pydicom raises many types on broken bytes; none of them is our bug
                raise UnreadableError(f"header cannot be read ({type(error).__name__})") from None
            return header, damage
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be opened") from None


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
    samples, frames = header.get("SamplesPerPixel") or 1, values.whole(header.get("NumberOfFrames", 1))
    length = rows * columns * (bits // 8) * samples * frames
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

"""Read one DICOM file's header, with only the tags that the choice of series needs; check that its pixels are there."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from hscore.imaging.dicom import values
from hscore.imaging.dicom.privacy import IDENTIFYING, PRIVATE
from hscore.imaging.dicom.private_tags import LAST_TAG, PRIVATE_ELEMENTS

MULTI_FRAME = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"}  # enhanced MR, converted legacy MR
COLOUR_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.4.3"  # enhanced MR colour

MR_IMAGES = {"1.2.840.10008.5.1.4.1.1.4", COLOUR_MULTI_FRAME, *MULTI_FRAME}
DEFLATED = "1.2.840.10008.1.2.1.99"

# First bytes of archives in which hospitals deliver images.
ARCHIVES = {
    b"PK\x03\x04": "zip archive",
    b"\x1f\x8b": "gzip file",
    b"7z\xbc\xaf": "7z archive",
    b"Rar!": "rar archive",
    b"BZh": "bzip2 file",
    b"\xfd7zX": "xz file",
}

ZIPPED_DOCUMENTS = {".docx", ".xlsx", ".pptx", ".odt", ".ods", ".jar"}

TAGS = {
    *(
        Tag(keyword)
        for keyword in (
            *IDENTIFYING,
            *PRIVATE,
            *("StudyInstanceUID", "StudyDate", "AcquisitionDate", "SOPClassUID", "SOPInstanceUID", "Modality"),
            *("SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "AcquisitionNumber"),
            *("SeriesDescription", "ProtocolName", "SequenceName", "ScanningSequence", "EchoPlanarPulseSequence"),
            *("ImageType", "ComplexImageComponent", "ImageComments", "ContrastBolusAgent", "ContrastBolusStartTime"),
            *(
                "Manufacturer",
                "ManufacturerModelName",
                "MagneticFieldStrength",
                "EchoTime",
                "RepetitionTime",
                "FlipAngle",
            ),
            *("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
            *("SliceThickness", "SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames"),
            *("DiffusionBValue", "DiffusionDirectionality", "DiffusionGradientOrientation"),
            *(
                "InConcatenationNumber",
                "InConcatenationTotalNumber",
                "TemporalPositionIdentifier",
                "TriggerTime",
                "AcquisitionTime",
                "AcquisitionDateTime",
                "ContentTime",
            ),
            *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
            *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept"),
            *("ContrastBolusAgentSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
            "SpecificCharacterSet",
        )
    ),
    *PRIVATE_ELEMENTS,
}


class UnreadableError(Exception):
    """A file that should be DICOM and cannot be used; the text says why."""


@dataclass(frozen=True)
class Header:
    """The header of a DICOM file.

    ``damage``: what is wrong with its pixels, "" for nothing. ``pixels_at``: byte at which uncompressed pixels start,
    where they are the end of the file and as many as the header announces; else None.
    """

    tags: Dataset
    damage: str = ""
    pixels_at: int | None = None


def read(path: Path) -> Header | None:
    """Return the header of a DICOM file; None for other files.

    Raises:
        UnreadableError: it looks like DICOM (by its first bytes or its name) and cannot be read, or is an archive.
    """
    suffix = path.suffix.lower()
    named_dicom = suffix in {".dcm", ".dicom", ".ima"}
    try:
        with path.open("rb") as file:
            start = file.read(512)
            if not start:
                # without a telling suffix ("IM0001", "1.2.840.113619") an empty file was an image, too
                if named_dicom or not suffix or suffix[1:].isdigit():
                    raise UnreadableError("empty file")
                return None
            if (kind := _archive(start)) and suffix not in ZIPPED_DOCUMENTS:
                raise UnreadableError(f"{kind}: unpack it into the patient's folder")
            # old files start at once with group 0008, without the 128 bytes and the letters DICM
            if start[128:132] != b"DICM" and not (start[:2] == b"\x08\x00" and start[3:4] == b"\x00"):
                if named_dicom:
                    raise UnreadableError("not a DICOM file")
                return None
            try:
                header = _read_tags(file, LAST_TAG)
                pixels_at = _pixels_at_end(file, header)
                if pixels_at is None or header.get("SOPClassUID") in MULTI_FRAME:
                    header = _read_tags(file, last_tag=0x7FE00000)
                damage = "" if pixels_at is not None else _pixel_damage(file, header)
            except Exception as error:  # pydicom raises many types on broken bytes; none of them is our bug
                raise UnreadableError(f"header cannot be read ({type(error).__name__})") from None
            return Header(header, damage, pixels_at)
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be opened") from None


def _archive(start: bytes) -> str:
    """The kind of archive that begins with these bytes; "" for another file."""
    if start[257:262] == b"ustar":
        return "tar archive"
    return next((kind for magic, kind in ARCHIVES.items() if start.startswith(magic)), "")


def _read_tags(file: BinaryIO, last_tag: int) -> Dataset:
    """The wanted tags up to ``last_tag``.

    After the last one wanted of a classic image come kilobytes of nested private groups, whose reading takes five
    times as long as all before.
    """
    file.seek(0)
    return pydicom.filereader.read_partial(file, lambda tag, *_: tag > last_tag, force=True, specific_tags=TAGS)


def _pixels_at_end(file: BinaryIO, header: Dataset) -> int | None:
    """The byte at which the uncompressed pixels start, if the file ends with exactly those its header announces."""
    rows, columns, bits = header.get("Rows"), header.get("Columns"), header.get("BitsAllocated")
    if not (rows and columns and bits):
        return None
    samples, frames = header.get("SamplesPerPixel") or 1, values.whole(header.get("NumberOfFrames", 1))
    length = rows * columns * (bits // 8) * samples * frames
    length += length % 2
    implicit, little = header.original_encoding
    start = 8 if implicit else 12
    size = file.seek(0, os.SEEK_END)
    if size < length + start:
        return None
    file.seek(-length - start, os.SEEK_END)
    order = "<" if little else ">"
    tag = file.read(start)
    found = tag[:4] == struct.pack(order + "HH", 0x7FE0, 0x10) and tag[-4:] == struct.pack(order + "I", length)
    return size - length if found else None


def _pixel_damage(file: BinaryIO, header: Dataset) -> str:
    """What is wrong with the pixels of a file whose header has been read up to them; "" for nothing."""
    meta = getattr(header, "file_meta", None)
    deflated = meta is not None and meta.get("TransferSyntaxUID") == DEFLATED
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
    # 0xFFFFFFFF: compressed, of a length nobody wrote down; reading the pixels finds out
    return "cut short: pixel data incomplete" if length != 0xFFFFFFFF and there < length else ""

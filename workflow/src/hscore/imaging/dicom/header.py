"""Read the header of one DICOM file as far as the choice of series needs it, and check that its pixels are complete."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pydicom

from hscore.imaging.dicom import values
from hscore.imaging.dicom.private_tags import LAST_TAG, last_tag
from hscore.imaging.dicom.tags import Tags

MULTI_FRAME = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"}  # enhanced MR, converted legacy MR
COLOR_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.4.3"  # enhanced MR colour

MR_IMAGES = {"1.2.840.10008.5.1.4.1.1.4", COLOR_MULTI_FRAME, *MULTI_FRAME}
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


class UnreadableFileError(Exception):
    """A file that should be DICOM but cannot be used; the text gives the reason."""


@dataclass(frozen=True)
class Header:
    """The header of a DICOM file.

    ``damage``: what is wrong with its pixels, "" if nothing. ``pixels_at``: byte offset of uncompressed pixels, if the
    file ends with exactly as many as the header announces; else None.
    """

    tags: Tags
    damage: str = ""
    pixels_at: int | None = None


def read(path: Path, decoded: dict[tuple, Any]) -> Header | None:
    """Return the header of a DICOM file, or None for other files.

    Args:
        path: the file.
        decoded: values decoded for other headers of the folder (see ``Tags``); new ones are added.

    Raises:
        UnreadableFileError: the file looks like DICOM by its first bytes or name but cannot be read, or is an archive.
    """
    suffix = path.suffix.lower()
    named_dicom = suffix in {".dcm", ".dicom", ".ima"}
    try:
        with path.open("rb") as file:
            start = file.read(512)
            if not start:
                # an empty file without a clear suffix ("IM0001", "1.2.840.113619") was an image, too
                if named_dicom or not suffix or suffix[1:].isdigit():
                    raise UnreadableFileError("empty file")
                return None
            if (kind := _archive(start)) and suffix not in ZIPPED_DOCUMENTS:
                raise UnreadableFileError(f"{kind}: unpack it into the patient's folder")
            # old files start directly with group 0008, without the 128 bytes and the letters DICM
            if start[128:132] != b"DICM" and not (start[:2] == b"\x08\x00" and start[3:4] == b"\x00"):
                if named_dicom:
                    raise UnreadableFileError("not a DICOM file")
                return None
            try:
                tags = _read_tags(file, LAST_TAG, decoded)
                pixels_at = _pixels_at_end(file, tags)
                if pixels_at is None or tags.get("SOPClassUID") in MULTI_FRAME:
                    tags = _read_tags(file, 0x7FE00000, decoded)
                elif (last := last_tag(tags)) > LAST_TAG:
                    tags = _read_tags(file, last, decoded)
                damage = "" if pixels_at is not None else _pixel_damage(file, tags)
            except Exception as error:  # pydicom raises many types on broken bytes; none of them is our bug
                raise UnreadableFileError(f"header cannot be read ({type(error).__name__})") from None
            return Header(tags, damage, pixels_at)
    except OSError as error:
        raise UnreadableFileError(error.strerror or "cannot be opened") from None


def _archive(start: bytes) -> str:
    """Return the kind of archive that begins with these bytes; "" for another file."""
    if start[257:262] == b"ustar":
        return "tar archive"
    return next((kind for magic, kind in ARCHIVES.items() if start.startswith(magic)), "")


def _read_tags(file: BinaryIO, last_tag: int, decoded: dict[tuple, Any]) -> Tags:
    """Return the elements up to ``last_tag``.

    In a classic image kilobytes of nested private groups follow the last element needed. Reading them takes five times
    as long as everything before.
    """
    file.seek(0)
    return Tags(pydicom.filereader.read_partial(file, lambda tag, *_: tag > last_tag, force=True), decoded)


def _pixels_at_end(file: BinaryIO, tags: Tags) -> int | None:
    """Return the offset of the uncompressed pixels if the file ends with exactly those its header announces."""
    rows, columns, bits = tags.get("Rows"), tags.get("Columns"), tags.get("BitsAllocated")
    if not (rows and columns and bits):
        return None
    samples, frames = tags.get("SamplesPerPixel") or 1, values.whole(tags.get("NumberOfFrames", 1))
    length = rows * columns * (bits // 8) * samples * frames
    length += length % 2
    implicit, little = tags.original_encoding
    start = 8 if implicit else 12
    size = file.seek(0, os.SEEK_END)
    if size < length + start:
        return None
    file.seek(-length - start, os.SEEK_END)
    order = "<" if little else ">"
    element = file.read(start)
    is_pixel_data = element[:4] == struct.pack(order + "HH", 0x7FE0, 0x10)
    complete = is_pixel_data and element[-4:] == struct.pack(order + "I", length)
    return size - length if complete else None


def _pixel_damage(file: BinaryIO, tags: Tags) -> str:
    """Return what is wrong with the pixels of a file whose header was read up to them; "" if nothing."""
    pictureless = tags.get("Rows") is None and tags.get("SOPClassUID") not in MR_IMAGES
    if pictureless or tags.transfer_syntax == DEFLATED:
        return ""
    implicit, little = tags.original_encoding
    order = "<" if little else ">"
    start = file.read(8 if implicit else 12)
    # (7FE0,0008) and (7FE0,0009) contain floating-point pixels
    if len(start) < 8 or struct.unpack(order + "HH", start[:4]) not in {(0x7FE0, 0x10), (0x7FE0, 8), (0x7FE0, 9)}:
        return "cut short: no pixel data"
    (length,) = struct.unpack(order + "I", start[-4:])
    remaining = os.fstat(file.fileno()).st_size - file.tell()
    # 0xFFFFFFFF: compressed, of unknown length; reading the pixels shows whether they are complete
    return "cut short: pixel data incomplete" if length != 0xFFFFFFFF and remaining < length else ""

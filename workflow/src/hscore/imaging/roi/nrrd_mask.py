"""Read NRRD masks and the segmentations of 3D Slicer (.seg.nrrd).

Source of the fields: https://teem.sourceforge.net/nrrd/format.html; of the segments: the 3D Slicer manual, module
Segmentations, "Segmentation file (.seg.nrrd)".
"""

import re
from pathlib import Path

import numpy as np

from hscore.imaging.dicom import values
from hscore.imaging.grid import Grid
from hscore.imaging.roi.mask_volume import MaskVolume, Segment, UnreadableMaskError, as_array, layers, placed, unpack

TYPES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
TYPE_OF = {name: kind for kind, names in TYPES.items() for name in names.split(", ")}
COMPRESSIONS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}


def read(path: Path) -> MaskVolume:
    """Read an NRRD mask, its voxels inside the file or in a file next to it.

    Raises:
        UnreadableMaskError: the file is damaged, has no position, or has an encoding that is not supported.
    """
    head, data = _parts(path.read_bytes())
    fields, pairs = _fields(head)
    try:
        kind = TYPE_OF[fields["type"].lower()]
        sizes = [int(n) for n in fields["sizes"].split()]
        compression = COMPRESSIONS[fields["encoding"].lower()]
    except (KeyError, ValueError):
        raise UnreadableMaskError("NRRD cannot be read: type, sizes or encoding is missing or not supported") from None
    if len(kind) and kind[1] != "1":
        kind = (">" if fields.get("endian", "little").lower() == "big" else "<") + kind
    if name := fields.get("data file") or fields.get("datafile"):
        data = read_data_file(path, name)
    skip = int(fields.get("byte skip") or fields.get("byteskip") or 0)
    if int(fields.get("line skip") or fields.get("lineskip") or 0):
        raise UnreadableMaskError("NRRD cannot be read: 'line skip' is not supported")
    data = unpack(data, compression)
    if skip < 0:
        count = int(kind[-1]) * int(np.prod(sizes, dtype=object))
        data = data[max(0, len(data) - count) :]
    voxels = as_array(data[max(0, skip) :], kind, tuple(sizes[::-1]))
    grid, list_axes = _grid(fields, sizes)
    for axis in list_axes:  # axes without a direction number layers; the first one in the file varies fastest
        voxels = np.moveaxis(voxels, len(sizes) - 1 - axis, 0)
    return MaskVolume(layers(voxels), grid, _segments(pairs, layers(voxels).shape[0]))


def _parts(content: bytes) -> tuple[str, bytes]:
    """Return header and data."""
    if not content.startswith(b"NRRD"):
        raise UnreadableMaskError("NRRD cannot be read: it does not begin with the letters NRRD")
    end = re.search(rb"\r?\n\r?\n", content)
    head, data = (content[: end.start()], content[end.end() :]) if end else (content, b"")
    return head.decode() if head.isascii() else values.decoded(head), data


def _fields(head: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields ("key: value", keys in lower case) and the free pairs ("key:=value")."""
    fields, pairs = {}, {}
    for line in head.splitlines()[1:]:
        if line.startswith("#"):
            continue
        free, plain = line.find(":="), line.find(": ")
        if free >= 0 and (plain < 0 or free < plain):
            pairs[line[:free]] = line[free + 2 :]
        elif plain >= 0:
            fields[line[:plain].strip().lower()] = line[plain + 2 :].strip()
    return fields, pairs


def read_data_file(path: Path, name: str) -> bytes:
    """Return the content of a data file that a header names; it must be in the header's folder.

    Raises:
        UnreadableMaskError: the file is missing, or there are several.
    """
    data_file = path.with_name(Path(name.replace("\\", "/")).name or "?")
    if name.upper().startswith("LIST") or "%" in name or not data_file.is_file():
        raise UnreadableMaskError("the data file that its header names is not next to it, or there are several")
    return data_file.read_bytes()


def _grid(fields: dict[str, str], sizes: list[int]) -> tuple[Grid, list[int]]:
    """Return the grid in patient coordinates, and the axes that have no direction."""
    signs = TO_LPS.get(fields.get("space", "").lower())
    vectors = re.findall(r"none|\([^)]*\)", fields.get("space directions", ""), re.IGNORECASE)
    if signs is None or not fields.get("space origin") or len(vectors) != len(sizes):
        raise UnreadableMaskError("it has no position (space, space directions or space origin is missing)")
    try:
        columns = [None if text.lower() == "none" else _vector(text) for text in vectors]
        origin = _vector(fields["space origin"])
        spatial = [axis for axis, column in enumerate(columns) if column is not None and np.isfinite(column).all()]
        matrix = np.column_stack([columns[axis] for axis in spatial])
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = matrix, origin
    except ValueError:
        raise UnreadableMaskError("its position cannot be read: it needs three directions and an origin") from None
    affine = np.diag([*signs, 1]) @ affine
    return placed(affine, tuple(sizes[axis] for axis in spatial)), [n for n in range(len(sizes)) if n not in spatial]


def _vector(text: str) -> np.ndarray:
    """Return a vector "(x,y,z)" as three floats."""
    values = np.array([float(value) for value in text.strip("() ").split(",")])
    if values.shape != (3,):
        raise ValueError(text)
    return values


def _segments(pairs: dict[str, str], count: int) -> list[Segment]:
    """Return the segments that 3D Slicer describes. Before version 4.11 each segment had its own layer."""
    if "fractional" in pairs.get("Segmentation_MasterRepresentation", "").lower():
        raise UnreadableMaskError("it contains fractions of voxels (fractional labelmap), not a mask")
    numbers = sorted({int(match[1]) for key in pairs if (match := re.match(r"Segment(\d+)_", key))})
    old = count == len(numbers) > 1 and not any(f"Segment{number}_Layer" in pairs for number in numbers)
    segments = []
    try:
        for index, number in enumerate(numbers):
            name = pairs.get(f"Segment{number}_Name") or pairs.get(f"Segment{number}_ID") or f"segment {number}"
            layer = int(pairs.get(f"Segment{number}_Layer", index if old else 0))
            value = int(pairs.get(f"Segment{number}_LabelValue", 1))
            # terminology: category, type and modifier, each with scheme, code and meaning between "^"
            entry = re.search(r"TerminologyEntry:([^|]*)", pairs.get(f"Segment{number}_Tags", ""))
            meaning = re.sub(r"[~^]+", " ", entry[1]) if entry else ""
            segments.append(Segment(name, layer, value, meaning))
    except ValueError:
        raise UnreadableMaskError("the description of its segments cannot be read") from None
    if any(not 0 <= segment.layer < count for segment in segments):
        raise UnreadableMaskError("its header describes a layer that the file does not have")
    return segments

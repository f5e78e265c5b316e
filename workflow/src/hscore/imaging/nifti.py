"""NIfTI-1 files of one volume or several, read and written with nothing but numpy: SimpleITK takes longer to import.

They are those that dcm2niix and the stages of this project write. Files of other people (masks) are left to SimpleITK,
which knows every dialect.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import igzip

from hscore.files import new_file
from hscore.imaging.grid import Grid

HEADER = 352  # bytes before the voxels
TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2", 768: "<u4"}
CODES = {np.dtype(name): code for code, name in TYPES.items()}
# offset and length of the fields in which dcm2niix leaves times, comments and names
FREE_TEXT = ((14, 18), (148, 80), (228, 24), (328, 16))  # db_name, descrip, aux_file, intent_name
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
GZIP_LEVEL = 2  # of isal: as small as level 1 of zlib in a sixth of its time


@dataclass
class Volume:
    """What a file holds: ``stored`` voxels [(volume,) z, y, x] on ``grid``; value = ``slope`` * stored + ``intercept``.

    ``header`` is the file's, with its free-text fields emptied.
    """

    stored: np.ndarray
    grid: Grid
    slope: float
    intercept: float
    header: bytes

    def values(self, *index: slice | int) -> np.ndarray:
        """A part of the volume as float32, scaled."""
        part = self.stored[index].astype(np.float32)
        return part if (self.slope, self.intercept) == (1, 0) else part * self.slope + np.float32(self.intercept)

    def upright(self, section: np.ndarray) -> np.ndarray:
        """A section [..., y, x] as radiologists look at it: right at the left, front and head at the top."""
        for axis, direction in ((-1, self.grid.affine[:3, 0]), (-2, self.grid.affine[:3, 1])):
            along = int(np.argmax(np.abs(direction)))
            towards_low = direction[along] < 0  # left and back are at the high end of LPS, the head, too
            if towards_low != (along == 2):
                section = np.flip(section, axis)
        return section


def read(path: Path) -> Volume:
    """Read a little-endian NIfTI-1 file, compressed or not; voxels of an uncompressed one are read when looked at.

    Raises:
        ValueError: it is another kind of file, or voxels are missing.
        EOFError, OSError: it is not compressed as its name says.
    """
    compressed = path.suffix == ".gz"
    content = np.frombuffer(igzip.decompress(path.read_bytes()), np.uint8) if compressed else np.memmap(path, mode="r")
    header = bytearray(content[:HEADER].tobytes())
    if len(header) < HEADER:
        raise ValueError(f"{path} is too short for a NIfTI file")
    (length,) = struct.unpack_from("<i", header, 0)
    dimensions = struct.unpack_from("<8h", header, 40)
    (kind,) = struct.unpack_from("<h", header, 70)
    offset, slope, intercept = struct.unpack_from("<3f", header, 108)
    (has_affine,) = struct.unpack_from("<h", header, 254)
    if length != 348 or kind not in TYPES or not has_affine or any(n > 1 for n in dimensions[5 : dimensions[0] + 1]):
        raise ValueError(f"{path} is not a little-endian NIfTI-1 file of real volumes with an affine")
    for start, count in FREE_TEXT:
        header[start : start + count] = bytes(count)
    affine = np.eye(4)
    affine[:3] = np.reshape(struct.unpack_from("<12f", header, 280), (3, 4))
    shape = dimensions[4:0:-1] if dimensions[0] > 3 and dimensions[4] > 1 else dimensions[3:0:-1]
    count = int(np.prod(shape)) * np.dtype(TYPES[kind]).itemsize
    stored = content[int(offset) : int(offset) + count].view(TYPES[kind]).reshape(shape)
    scaled = slope != 0 and np.isfinite([slope, intercept]).all()  # 0 and NaN both say that nothing is scaled
    scale = (slope, intercept) if scaled else (1.0, 0.0)
    return Volume(stored, Grid(dimensions[1:4], RAS_TO_LPS @ affine), *scale, bytes(header))


def new(stored: np.ndarray, grid: Grid) -> Volume:
    """A volume [(volume,) z, y, x] that comes from no file, on ``grid``; its header knows sizes and affine, no more."""
    header = bytearray(HEADER)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8f", header, 76, 1, *grid.spacing, 0, 0, 0, 0)
    header[123] = 2  # mm
    struct.pack_into("<hh", header, 252, 0, 1)  # no quaternion; the affine leads to scanner coordinates
    struct.pack_into("<12f", header, 280, *(RAS_TO_LPS @ grid.affine)[:3].ravel())
    header[344:348] = b"n+1\0"
    return Volume(stored, grid, 1.0, 0.0, bytes(header))


def write(stored: np.ndarray, like: Volume, path: Path, slope: float = 1.0, intercept: float = 0.0) -> None:
    """Write one volume [z, y, x] on the grid of ``like``; compressed where the name ends with .gz.

    Equal voxels and positions give equal bytes, and nothing of the free text in the header of ``like`` is left.
    """
    header = bytearray(like.header)
    struct.pack_into("<8h", header, 40, 3, *stored.shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, CODES[stored.dtype], 8 * stored.itemsize)
    struct.pack_into("<4f", header, 92, 0, 0, 0, 0)  # distances along axes that are no more
    struct.pack_into("<3f", header, 108, HEADER, slope, intercept)
    struct.pack_into("<2f", header, 124, 0, 0)  # the window of the values before
    header[348:] = bytes(HEADER - 348)  # no extensions
    content = b"".join([header, np.ascontiguousarray(stored).data])
    with new_file(path) as temporary:
        temporary.write_bytes(igzip.compress(content, GZIP_LEVEL, mtime=0) if path.suffix == ".gz" else content)


def write_scaled(values: np.ndarray, like: Volume, path: Path) -> None:
    """Write ``values`` [z, y, x] on the grid of ``like`` as 16-bit integers with a scale.

    Half the disk of float32 and read in half the time; the error is at most 1/131068 of the range of values.
    """
    low, high = float(values.min()), float(values.max())
    slope = (high - low) / 65534 or 1.0
    intercept = (low + high) / 2
    write(np.rint((values - intercept) / slope).astype("<i2"), like, path, slope, intercept)

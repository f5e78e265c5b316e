"""The voxels of a mask file in any format, with checks that none is missing or altered.

SimpleITK reads the same formats. It does not report whether a file contains a position, and not always that its
compressed data are damaged. These readers need both, so they are written by hand and tested against SimpleITK.
"""

import bz2
import gzip
import zlib
from dataclasses import dataclass, field

import numpy as np

from hscore.imaging.grid import Grid


class UnreadableMaskError(Exception):
    """A mask file that cannot be used; the text gives the reason, without the file's name."""


@dataclass
class Segment:
    """One segment that a 3D Slicer file describes: its value in one layer of the voxels."""

    name: str
    layer: int
    value: int
    meaning: str = ""


@dataclass
class MaskVolume:
    """Content of a mask file: ``voxels`` [layer, z, y, x] on ``grid``, and the segments it describes, if any."""

    voxels: np.ndarray
    grid: Grid
    segments: list[Segment] = field(default_factory=list)


def unpack(content: bytes, compression: str) -> bytes:
    """Decompress ``content`` (raw, gzip, zlib or bzip2) and verify its checksum.

    Raises:
        UnreadableMaskError: the stream is cut short or altered.
    """
    try:
        if compression == "gzip":
            return gzip.decompress(content)
        if compression == "bzip2":
            return bz2.decompress(content)
        if compression == "zlib":
            stream = zlib.decompressobj()
            content = stream.decompress(content) + stream.flush()
            if not stream.eof or stream.unused_data:
                raise ValueError("cut short, or followed by other data")
        return content
    except (EOFError, OSError, ValueError, zlib.error):
        raise UnreadableMaskError("its compressed data are cut short or altered") from None


def as_array(content: bytes, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the voxels in ``content`` as an array of exactly ``shape``.

    Raises:
        UnreadableMaskError: there are more or fewer bytes than the header announces.
    """
    dtype = np.dtype(kind)
    wanted = dtype.itemsize * int(np.prod([int(n) for n in shape], dtype=object))
    if min(shape) < 1 or len(content) != wanted:
        raise UnreadableMaskError(f"its header announces {wanted} bytes of voxels, but it contains {len(content)}")
    return np.frombuffer(content, dtype).reshape(shape)


def layers(voxels: np.ndarray) -> np.ndarray:
    """Return voxels [..., z, y, x] as [layer, z, y, x]."""
    if voxels.ndim < 3:
        voxels = voxels.reshape((1,) * (3 - voxels.ndim) + voxels.shape)
    return voxels.reshape(-1, *voxels.shape[-3:])


def placed(affine: np.ndarray, size: tuple[int, int, int]) -> Grid:
    """Return the grid of an affine (voxel index -> mm, LPS).

    Raises:
        UnreadableMaskError: the affine flattens the voxels or contains values that are not finite.
    """
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise UnreadableMaskError("its affine is not usable: an axis has no length or a value is not a number")
    return Grid(tuple(int(n) for n in size), affine)

"""The volumes that earlier stages wrote, read with nothing but numpy: SimpleITK would take longer to import."""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2", 768: "<u4"}


@dataclass
class Stored:
    """A volume as it lies on the disk: stored ``voxels`` [z, y, x], ``value = slope * stored + intercept``."""

    voxels: np.ndarray
    slope: float
    intercept: float
    spacing: tuple[float, float, float]  # mm along x, y, z
    axes: np.ndarray  # [3, 3]: columns are the directions of x, y, z in patient coordinates (right, anterior, superior)

    def values(self, *index: slice | int) -> np.ndarray:
        """A part of the volume as float32, scaled."""
        part = self.voxels[index].astype(np.float32)
        return part if (self.slope, self.intercept) == (1, 0) else part * self.slope + np.float32(self.intercept)

    def upright(self, section: np.ndarray) -> np.ndarray:
        """A section [..., y, x] as radiologists look at it: right at the left, front and head at the top."""
        for axis, direction in ((-1, self.axes[:, 0]), (-2, self.axes[:, 1])):
            if direction[int(np.argmax(np.abs(direction)))] > 0:
                section = np.flip(section, axis)
        return section


def read(path: Path) -> Stored:
    """Read a little-endian NIfTI-1 file of one volume, compressed or not, as the stages of this project write it."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dimensions = struct.unpack_from("<8h", content, 40)
    (kind,) = struct.unpack_from("<h", content, 70)
    spacing = struct.unpack_from("<3f", content, 80)
    offset, slope, intercept = struct.unpack_from("<3f", content, 108)
    rows = np.array(struct.unpack_from("<12f", content, 280)).reshape(3, 4)
    shape = dimensions[3:0:-1]
    voxels = np.frombuffer(content, TYPES[kind], int(np.prod(shape)), int(offset)).reshape(shape)
    return Stored(voxels, slope or 1.0, intercept, spacing, rows[:, :3] / np.array(spacing))

"""NIfTI files of one volume or several, as the stages look at them: voxels [z, y, x] on a grid of patient coordinates.

nibabel knows the format. Files of other people (masks) are read elsewhere, with every doubt that they deserve.
"""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from hscore.files import new_file
from hscore.imaging.grid import Grid

FREE_TEXT = ("db_name", "descrip", "aux_file", "intent_name")  # where dcm2niix leaves times, comments and names
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
    header: nib.Nifti1Header

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
    """Read a NIfTI-1 file, compressed or not; voxels of an uncompressed one are read when looked at.

    Raises:
        ValueError: it is another kind of file, it has no affine to scanner coordinates, or voxels are missing.
        EOFError, OSError: it is not compressed as its name says.
    """
    try:
        if path.suffix == ".gz":
            image = nib.Nifti1Image.from_bytes(igzip.decompress(path.read_bytes()))
        else:
            image = nib.Nifti1Image.from_filename(path)
        stored = image.dataobj.get_unscaled().T
    except (ImageFileError, HeaderDataError) as error:
        raise ValueError(f"{path} is not a NIfTI-1 file ({error})") from None
    header = image.header.copy()
    if not header["sform_code"] or stored.ndim > 4 or stored.dtype.kind not in "iuf":
        raise ValueError(f"{path} is not a NIfTI-1 file of real volumes with an affine")
    for field in FREE_TEXT:
        header[field] = b""
    header.extensions.clear()
    if stored.ndim == 4 and len(stored) == 1:
        stored = stored[0]
    grid = Grid(stored.shape[:-4:-1], RAS_TO_LPS @ image.affine)
    return Volume(stored, grid, float(image.dataobj.slope), float(image.dataobj.inter), header)


def new(stored: np.ndarray, grid: Grid) -> Volume:
    """A volume [(volume,) z, y, x] that comes from no file, on ``grid``; its header knows sizes and affine, no more."""
    header = nib.Nifti1Header()
    header.set_data_shape(stored.shape[::-1])
    header.set_zooms((*grid.spacing, *[1.0] * (stored.ndim - 3)))
    header.set_sform(RAS_TO_LPS @ grid.affine, code="scanner")
    header.set_xyzt_units("mm")
    return Volume(stored, grid, 1.0, 0.0, header)


def write(stored: np.ndarray, like: Volume, path: Path, slope: float = 1.0, intercept: float = 0.0) -> None:
    """Write one volume [z, y, x] on the grid of ``like``; compressed where the name ends with .gz.

    Equal voxels and positions give equal bytes, and nothing of the free text in the header of ``like`` is left.
    """
    header = like.header.copy()
    header.set_data_dtype(stored.dtype)
    header.set_data_shape(stored.shape[::-1])
    header["pixdim"][4:] = 0  # distances along axes that are no more
    header["cal_max"] = header["cal_min"] = 0  # the window of the values before
    image = nib.Nifti1Image(stored.T, None, header)
    image.header.set_slope_inter(slope, intercept)  # makes nibabel write the stored values as they are
    content = image.to_bytes()
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

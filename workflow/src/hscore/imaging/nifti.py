"""Read and write NIfTI files of one or several volumes: voxels [z, y, x] on a grid of patient coordinates.

nibabel does the parsing. Masks from other sources are read in ``hscore.imaging.roi``, with more checks.
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

FREE_TEXT = ("db_name", "descrip", "aux_file", "intent_name")  # dcm2niix may write times, comments and names here
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
GZIP_LEVEL = 2  # of isal: as small as level 1 of zlib in a sixth of the time


@dataclass
class Volume:
    """Content of a file: ``stored`` voxels [(volume,) z, y, x] on ``grid``; value = ``slope`` * stored + ``intercept``.

    ``header`` is the file's header with its free-text fields emptied.
    """

    stored: np.ndarray
    grid: Grid
    slope: float
    intercept: float
    header: nib.Nifti1Header

    def values(self, *index: slice | int) -> np.ndarray:
        """Return a part of the volume as scaled float32."""
        part = self.stored[index].astype(np.float32)
        return part if (self.slope, self.intercept) == (1, 0) else part * self.slope + np.float32(self.intercept)

    def upright(self, section: np.ndarray) -> np.ndarray:
        """Return a section [..., y, x] in radiological orientation: right on the left, front and head at the top."""
        for axis, direction in ((-1, self.grid.affine[:3, 0]), (-2, self.grid.affine[:3, 1])):
            along = int(np.argmax(np.abs(direction)))
            towards_low = direction[along] < 0  # left and back are at the high end of LPS, the head, too
            if towards_low != (along == 2):
                section = np.flip(section, axis)
        return section


def read(path: Path) -> Volume:
    """Read a NIfTI-1 file, compressed or not. Voxels of an uncompressed file are read on first access.

    Raises:
        ValueError: the file is of another kind, has no affine to scanner coordinates, or voxels are missing.
        EOFError, OSError: the file is not compressed as its name indicates.
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
    """Return a volume [(volume,) z, y, x] on ``grid`` with a new header that contains only sizes and affine."""
    header = nib.Nifti1Header()
    header.set_data_shape(stored.shape[::-1])
    header.set_zooms((*grid.spacing, *[1.0] * (stored.ndim - 3)))
    header.set_sform(RAS_TO_LPS @ grid.affine, code="scanner")
    header.set_xyzt_units("mm")
    return Volume(stored, grid, 1.0, 0.0, header)


def write(stored: np.ndarray, like: Volume, path: Path, slope: float = 1.0, intercept: float = 0.0) -> None:
    """Write one volume [z, y, x] on the grid of ``like``, compressed if the name ends with .gz.

    Equal voxels and positions give equal bytes. The free text in the header of ``like`` is removed.
    """
    header = like.header.copy()
    header.set_data_dtype(stored.dtype)
    header.set_data_shape(stored.shape[::-1])
    header["pixdim"][4:] = 0  # distances along axes that no longer exist
    header["cal_max"] = header["cal_min"] = 0  # display window of the old values
    image = nib.Nifti1Image(stored.T, None, header)
    image.header.set_slope_inter(slope, intercept)  # makes nibabel write the stored values unchanged
    content = image.to_bytes()
    with new_file(path) as temporary:
        temporary.write_bytes(igzip.compress(content, GZIP_LEVEL, mtime=0) if path.suffix == ".gz" else content)


def write_scaled(values: np.ndarray, like: Volume, path: Path) -> None:
    """Write ``values`` [z, y, x] on the grid of ``like`` as 16-bit integers with a scale.

    The file has half the size of float32 and is read in half the time. The error is at most 1/131068 of the range.
    """
    low, high = float(values.min()), float(values.max())
    slope = (high - low) / 65534 or 1.0
    intercept = (low + high) / 2
    write(np.rint((values - intercept) / slope).astype("<i2"), like, path, slope, intercept)

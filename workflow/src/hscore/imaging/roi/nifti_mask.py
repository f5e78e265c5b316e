"""Read NIfTI masks of every dialect: version 1 and 2, either byte order, position by sform or qform."""

from pathlib import Path

import nibabel as nib
import numpy as np

from hscore.imaging.grid import Grid
from hscore.imaging.nifti import RAS_TO_LPS
from hscore.imaging.roi.mask_volume import MaskVolume, UnreadableMaskError, as_array, layers, placed, unpack

VERSIONS = {348: (nib.Nifti1Header, b"n+1", 344), 540: (nib.Nifti2Header, b"n+2", 4)}  # length: type, magic, its offset
PATIENT_COORDINATES = {1, 2}  # scanner, aligned to another image; higher codes are templates such as MNI
SAME_PLACE = 1.0  # mm
ROUNDED_QUATERNION = -1e-6  # rounding of 1 - b^2 - c^2 - d^2 in single precision, if a is 0


def read(path: Path) -> MaskVolume:
    """Read a NIfTI mask.

    Raises:
        UnreadableMaskError: the file is damaged, has no position, or is not of a kind used for masks.
        HeaderDataError: a value of the header is not valid.
    """
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = unpack(content, "gzip")
    header = _header(content)
    size, kind = header.get_data_shape(), header.get_data_dtype()
    slope, intercept = header.get_slope_inter()
    if not size or kind.kind not in "iuf":
        raise UnreadableMaskError("NIfTI cannot be read: its voxels are not real numbers, or its header is damaged")
    size = (*size, 1, 1)[: max(3, len(size))]
    voxels = as_array(content[header.get_data_offset() :], kind.str, size[::-1])
    if (slope, intercept) not in {(None, None), (1, 0)}:
        voxels = voxels * slope + intercept
    return MaskVolume(layers(voxels), _grid(header, size[:3]))


def _header(content: bytes) -> nib.Nifti1Header:
    """Return the header of either version."""
    for length, (kind, magic, offset) in VERSIONS.items():
        if content[offset : offset + 3] == magic and len(content) >= length:
            header = kind(content[:length], check=False)
            if header["qform_code"] > 0 and not (header["pixdim"][1:4] > 0).all():  # nibabel would read 1 mm
                raise UnreadableMaskError("its affine is not usable: an axis has no length or a value is not a number")
            header.check_fix()
            header.quaternion_threshold = ROUNDED_QUATERNION
            return header
    raise UnreadableMaskError("NIfTI cannot be read: it does not begin with the header of a NIfTI file")


def _grid(header: nib.Nifti1Header, size: tuple[int, int, int]) -> Grid:
    """Return the grid in patient coordinates."""
    sform, qform = header.get_sform(coded=True), header.get_qform(coded=True)
    if qform[1] <= 0 and sform[1] <= 0:
        raise UnreadableMaskError("it has no position (neither qform nor sform is set)")
    grids = [placed(RAS_TO_LPS @ affine, size) for affine, code in (sform, qform) if code in PATIENT_COORDINATES]
    if not grids:
        raise UnreadableMaskError("its position is that of a template such as MNI, not of the patient")
    if len(grids) > 1 and np.abs(grids[0].corners - grids[1].corners).max() > SAME_PLACE:
        raise UnreadableMaskError("its qform and its sform place it differently")
    return grids[0]

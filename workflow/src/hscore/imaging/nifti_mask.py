"""NIfTI masks of every dialect: version 1 and 2, either byte order, positions by sform or qform.

Source of the fields and formulas: the NIfTI-1 and NIfTI-2 headers, https://nifti.nimh.nih.gov.
"""

import struct
from pathlib import Path

import numpy as np

from hscore.imaging.grid import Grid
from hscore.imaging.mask_volume import MaskVolume, UnreadableMaskError, as_array, layers, placed, unpack
from hscore.imaging.nifti import RAS_TO_LPS

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
# name -> (format, offset) in version 1 and in version 2
FIELDS = {
    1: {
        "dim": ("8h", 40),
        "kind": ("h", 70),
        "pixdim": ("8f", 76),
        "offset": ("f", 108),
        "scale": ("2f", 112),
        "codes": ("2h", 252),
        "quaternion": ("6f", 256),
        "rows": ("12f", 280),
    },
    2: {
        "dim": ("8q", 16),
        "kind": ("h", 12),
        "pixdim": ("8d", 104),
        "offset": ("q", 168),
        "scale": ("2d", 176),
        "codes": ("2i", 344),
        "quaternion": ("6d", 352),
        "rows": ("12d", 400),
    },
}
PATIENT_COORDINATES = {1, 2}  # scanner, aligned to another image; higher codes are templates such as MNI
SAME_PLACE = 1.0  # mm


def read(path: Path) -> MaskVolume:
    """Read a NIfTI mask.

    Raises:
        UnreadableMaskError: damaged, without a position, or of a kind that no mask has.
    """
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = unpack(content, "gzip")
    order, version = _dialect(content)
    header = {name: struct.unpack_from(order + code, content, at) for name, (code, at) in FIELDS[version].items()}
    dimensions = header["dim"]
    if not 1 <= dimensions[0] <= 7 or header["kind"][0] not in TYPES:
        raise UnreadableMaskError("NIfTI cannot be read: its voxels are not real numbers, or its header is damaged")
    size = [*dimensions[1 : dimensions[0] + 1], 1, 1][: max(3, dimensions[0])]
    voxels = as_array(content[int(header["offset"][0]) :], order + TYPES[header["kind"][0]], tuple(size[::-1]))
    slope, intercept = header["scale"]
    if slope != 0 and np.isfinite([slope, intercept]).all() and (slope, intercept) != (1, 0):
        voxels = voxels * float(slope) + float(intercept)
    return MaskVolume(layers(voxels), _grid(header, tuple(size[:3])))


def _dialect(content: bytes) -> tuple[str, int]:
    """Return byte order and version."""
    if len(content) >= 348:
        for order in "<>":
            (length,) = struct.unpack_from(order + "i", content, 0)
            if length == 348 and content[344:347] == b"n+1":
                return order, 1
            if length == 540 and content[4:7] == b"n+2" and len(content) >= 540:
                return order, 2
    raise UnreadableMaskError("NIfTI cannot be read: it does not begin with the header of a NIfTI file")


def _grid(header: dict, size: tuple[int, int, int]) -> Grid:
    """Return the grid in patient coordinates."""
    q_code, s_code = header["codes"]
    if q_code <= 0 and s_code <= 0:
        raise UnreadableMaskError("it has no position (neither qform nor sform is set)")
    grids = []
    if s_code in PATIENT_COORDINATES:
        affine = np.eye(4)
        affine[:3] = np.reshape(header["rows"], (3, 4))
        grids.append(placed(RAS_TO_LPS @ affine, size))
    if q_code in PATIENT_COORDINATES:
        grids.append(placed(RAS_TO_LPS @ _from_quaternion(header), size))
    if not grids:
        raise UnreadableMaskError("its position is that of a template such as MNI, not of the patient")
    if len(grids) > 1 and np.abs(grids[0].corners - grids[1].corners).max() > SAME_PLACE:
        raise UnreadableMaskError("its qform and its sform place it differently")
    return grids[0]


def _from_quaternion(header: dict) -> np.ndarray:
    """Return the affine of the qform (RAS)."""
    b, c, d, *origin = header["quaternion"]
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handedness, *spacing = header["pixdim"][:4]
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.array(spacing) * [1, 1, -1 if handedness < 0 else 1]
    affine[:3, 3] = origin
    return affine

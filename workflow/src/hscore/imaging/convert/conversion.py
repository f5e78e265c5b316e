"""Convert a series to voxels with dcm2niix, and verify every voxel against the frames that the headers name."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hscore.errors import UserError
from hscore.imaging import nifti
from hscore.imaging.dicom import pixels
from hscore.imaging.dicom.frames import Frame
from hscore.imaging.grid import Grid

# Tolerance (in voxels) between the converter's grid and that of the headers: headers are rounded.
SAME_VOXEL = 0.05


@dataclass
class Converted:
    """Volumes of one series.

    ``stored``: pixels [volume, slice, row, column] in the order of the headers' grid, each from its own file.
    ``scales``: slope and intercept [volume, slice, 2]. ``volume``: the first volume, in the converter's order of rows
    and slices, or in the headers' order if ``by_converter`` is False. ``b_values``: b-value of each volume [s/mm2] from
    the converter, None if it gives none.
    """

    stored: np.ndarray
    scales: np.ndarray
    volume: nifti.Volume
    order: tuple[slice, slice, slice]
    b_values: list[float | None]
    by_converter: bool

    def values(self) -> np.ndarray:
        """Return the values [volume, slice, row, column] as float32, in the order of the headers' grid."""
        slopes, intercepts = np.moveaxis(self.scales.astype(np.float32), -1, 0)[..., None, None]
        return self.stored * slopes + intercepts

    def arranged(self, array: np.ndarray) -> np.ndarray:
        """Return an array [slice, row, column] on the headers' grid in the order of ``volume``."""
        return array[self.order]


def convert(volumes: list[list[Frame]], grid: Grid) -> Converted:
    """Convert the volumes of one series.

    A volume from dcm2niix is used only if it has the position given by the headers and every voxel equals that of the
    frame named by the headers. Its file names carry no information, and additional outputs (isotropic images, phases,
    overlays, resampled volumes) are ignored. If any volume is missing, all volumes are assembled from the headers.

    Args:
        volumes: the frames of each volume, by slice of ``grid``.
        grid: the grid given by the headers.

    Raises:
        UnreadablePixelsError: the pixels of a frame cannot be read.
    """
    stored = pixels.stored(volumes)
    scales = pixels.scales(volumes)
    with tempfile.TemporaryDirectory(prefix="hscore-convert-") as folder:
        match = _match(stored, grid, _outputs(volumes, Path(folder)))
        if match is None:
            return _by_headers(stored, scales, grid)
        output, order, b_values = match
        volume = nifti.Volume(np.array(output.stored), output.grid, 1.0, 0.0, output.header)
    (volume.slope, volume.intercept), same_scale = scales[0, 0].tolist(), _one_scale(scales[0])
    if not same_scale:
        return _by_headers(stored, scales, grid)
    return Converted(stored, scales, volume, order, b_values, by_converter=True)


def _outputs(volumes: list[list[Frame]], folder: Path) -> Iterator[tuple[nifti.Volume, float | None]]:
    """Yield each volume that dcm2niix writes for the files of these frames, with its b-value."""
    source, target = folder / "dicom", folder / "nifti"
    source.mkdir()
    target.mkdir()
    for count, path in enumerate(dict.fromkeys(frame.path for frames in volumes for frame in frames)):
        os.symlink(os.path.abspath(path), source / f"{count:06d}.dcm")
    options = ["-g", "i", "-z", "n", "-b", "n", "-f", "series", "-o", str(target), str(source)]
    # Its messages contain names of series and paths, so they are not logged. Its files count, not its exit code.
    subprocess.run([_program(), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path in sorted(target.glob("*.nii")):
        try:
            whole = nifti.read(path)
        except (ValueError, EOFError, OSError):  # a colour picture or another dialect: none of our volumes
            continue
        parts = whole.stored if whole.stored.ndim == 4 else whole.stored[None]
        b_values = _read_bval(path.with_suffix(".bval"), len(parts))
        for number, part in enumerate(parts):
            b_value = None if b_values is None else b_values[number]
            yield nifti.Volume(part, whole.grid, whole.slope, whole.intercept, whole.header), b_value


def _read_bval(path: Path, count: int) -> list[float] | None:
    """Return the b-values of a .bval file of dcm2niix; None if there is no file or not one value per volume."""
    try:
        b_values = [float(text) for text in path.read_text().split()]
    except (OSError, ValueError):
        return None
    return b_values if len(b_values) == count else None


def _match(
    stored: np.ndarray, grid: Grid, outputs: Iterator[tuple[nifti.Volume, float | None]]
) -> tuple[nifti.Volume, tuple, list[float | None]] | None:
    """Match the outputs of dcm2niix with the volumes, voxel for voxel.

    Returns:
        The first volume as dcm2niix wrote it, its order of slices, rows and columns, and the b-values of all volumes.
        None unless every volume is among the outputs and all have the same order.
    """
    waiting = list(range(len(stored)))
    b_values: list[float | None] = [None] * len(stored)
    first, orders = None, set()
    for output, b_value in outputs:
        order = _order(output.grid, grid)
        if order is None:
            continue
        number = next((n for n in waiting if np.array_equal(output.stored[order], stored[n])), None)
        if number is None:
            continue
        waiting.remove(number)
        b_values[number] = b_value
        orders.add(tuple((part.start, part.step) for part in order))
        if number == 0:
            first = output, order
    if waiting or first is None or len(orders) > 1:
        return None
    return *first, b_values


def _order(actual: Grid, expected: Grid) -> tuple[slice, slice, slice] | None:
    """Return the index that reorders an array [z, y, x] from one grid to another; None if the voxels differ."""
    if actual.size != expected.size:
        return None
    to_expected = np.linalg.inv(expected.affine) @ actual.affine  # the converter's affine may be singular
    steps = np.rint(np.diag(to_expected)[:3])
    if not (np.abs(steps) == 1).all():
        return None
    exact = np.eye(4)
    exact[:3, :3] = np.diag(steps)
    exact[:3, 3] = [0 if step > 0 else n - 1 for step, n in zip(steps, actual.size, strict=True)]
    corners = np.array(
        [
            [i, j, k, 1]
            for i in (0, actual.size[0] - 1)
            for j in (0, actual.size[1] - 1)
            for k in (0, actual.size[2] - 1)
        ]
    )
    if not np.abs((to_expected - exact) @ corners.T).max() <= SAME_VOXEL:
        return None
    return tuple(slice(None, None, int(step)) for step in steps[::-1])


def _by_headers(stored: np.ndarray, scales: np.ndarray, grid: Grid) -> Converted:
    """Return the volumes at the positions given by the headers, for a series that the converter did not make."""
    first = stored[0]
    if _one_scale(scales[0]):
        volume = nifti.new(first, grid)
        volume.slope, volume.intercept = scales[0, 0].tolist()
    else:
        slopes, intercepts = scales[0].astype(np.float32).T[..., None, None]
        volume = nifti.new(first * slopes + intercepts, grid)
    return Converted(stored, scales, volume, (slice(None),) * 3, [None] * len(stored), by_converter=False)


def _one_scale(scales: np.ndarray) -> bool:
    """Return whether all slices have the same slope and intercept."""
    return bool((scales == scales[0]).all())


def _program() -> str:
    """Return the dcm2niix binary of the Python package, or else on PATH. The package's launcher would start Python."""
    try:
        import dcm2niix
    except ImportError:
        program = shutil.which("dcm2niix")
        if program is None:
            raise UserError("dcm2niix is not installed: install the Python package 'dcm2niix' or the program") from None
        return program
    return dcm2niix.bin


def fingerprint(volume: nifti.Volume, salt: str) -> str | None:
    """Return 16 hexadecimal digits that depend only on the stored voxels; None for a blank volume."""
    return digest(salt, np.ascontiguousarray(volume.stored)) if volume.stored.any() else None


def digest(salt: str, content: bytes | np.ndarray) -> str:
    """Return a salted 64-bit hash: comparable within one study, and not reversible."""
    return hashlib.blake2b(content, digest_size=8, key=salt.encode()[:64]).hexdigest()

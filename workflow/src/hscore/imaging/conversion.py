"""DICOM series to NIfTI by dcm2niix, and NIfTI files without traces of the patient."""

import gzip
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom

from hscore.errors import UserError
from hscore.files import new_file
from hscore.imaging.dicom import Frame, Series
from hscore.imaging.geometry import Grid

if TYPE_CHECKING:  # SimpleITK takes a fifth of a second to import, which is spent while dcm2niix works
    import SimpleITK

# NIfTI-1 header fields in which dcm2niix leaves times, comments and names: offset, length
FREE_TEXT = {"db_name": (14, 18), "descrip": (148, 80), "aux_file": (228, 24), "intent_name": (328, 16)}
GZIP_LEVEL = 1  # MR volumes are half noise: 1.5 % larger than level 3 or 6, in 0.6 and 0.3 of their time


@dataclass
class Converted:
    """What dcm2niix made of one series."""

    path: Path  # uncompressed NIfTI in a temporary folder
    b_values: list[float] | None  # s/mm2, one a volume


@contextmanager
def convert(series: list[Series]) -> Iterator[dict[str, Converted]]:
    """Convert all series in one call of dcm2niix; yields them by SeriesInstanceUID while the files exist.

    Only the images of these series are shown to dcm2niix, as links in a temporary folder. A series that it
    cannot read, or splits or resamples (its ``_Eq`` files), is left out.
    """
    with tempfile.TemporaryDirectory(prefix="hscore-convert-") as folder:
        source, target = Path(folder, "dicom"), Path(folder, "nifti")
        target.mkdir()
        for number, one in enumerate(series):
            (source / str(number)).mkdir(parents=True)
            for count, path in enumerate(dict.fromkeys(frame.path for frame in one.frames)):
                (source / str(number) / f"{count:06d}.dcm").symlink_to(path.resolve())
        options = ["-g", "i", "-z", "n", "-b", "n", "-f", "%j", "-o", str(target), str(source)]
        # its messages name series and paths: they are not for the log. Exit codes: files that are missing tell.
        process = subprocess.Popen([_program(), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        import SimpleITK  # noqa: F401

        process.wait()
        yield _collect(target, [one.uid for one in series])


def _program() -> str:
    """The dcm2niix binary of the Python package, whose launcher would cost a start of Python; else on PATH."""
    try:
        import dcm2niix
    except ImportError:
        program = shutil.which("dcm2niix")
        if program is None:
            raise UserError("dcm2niix is not installed: install the Python package 'dcm2niix' or the program") from None
        return program
    return dcm2niix.bin


def _collect(folder: Path, uids: list[str]) -> dict[str, Converted]:
    """The outputs by series UID, leaving out every series with more or other outputs than one volume file."""
    outputs: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.nii")):
        # the longest UID that the name begins with: one UID may begin another
        matching = [uid for uid in uids if path.name.startswith(uid)]
        outputs.setdefault(max(matching, key=len), []).append(path)
    converted = {}
    for uid, paths in outputs.items():
        if [path.stem for path in paths] == [uid] and uids.count(uid) == 1:
            bval = folder / f"{uid}.bval"
            values = [float(text) for text in bval.read_text().split()] if bval.exists() else None
            converted[uid] = Converted(paths[0], values)
    return converted


def read(path: Path) -> "SimpleITK.Image":
    """Read a NIfTI file (3D or 4D) with SimpleITK, on one thread."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    return sitk.ReadImage(str(path))


def voxels(image: "SimpleITK.Image") -> np.ndarray:
    """The voxels of a 3D or 4D image as [volume, slice, row, column]."""
    import SimpleITK as sitk

    values = sitk.GetArrayFromImage(image)
    return values[None] if values.ndim == 3 else values


def grid_of(image: "SimpleITK.Image") -> Grid:
    """The grid of an image; of a 4D image that of its volumes."""
    size = image.GetSize()
    dimension = len(size)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3] * image.GetSpacing()[:3]
    affine[:3, 3] = image.GetOrigin()[:3]
    return Grid(tuple(size[:3]), affine)


STORED = {2: np.uint8, 4: np.int16, 512: np.uint16}  # NIfTI-1 data type codes of whole numbers


def in_place(path: Path, grid: Grid, expected: Grid, volumes: list[list[Frame]]) -> bool:
    """True unless images are found in another volume or slice than the headers say.

    dcm2niix sorts the frames of some multi-frame dialects wrongly without an error. Stored values must be those of
    the DICOM images: in every image of a multi-frame file, in the middle slice of every volume of other files.
    Where values cannot be compared (dcm2niix changed them to floats, or pydicom cannot unpack them) it is True.

    Args:
        path: the NIfTI file; ``grid``: its grid.
        expected: the grid by the headers; ``volumes``: the images by volume and slice of that grid.
    """
    content = np.memmap(path, np.uint8, "r")
    kind = STORED.get(int(content[70:72].view(np.int16)[0]))
    if kind is None:
        return True
    voxels = content[352:].view(kind).reshape(len(volumes), *grid.size[::-1])
    count = expected.size[2]
    decoded: dict[Path, np.ndarray] = {}
    for volume, frames in zip(voxels, volumes, strict=True):
        for number in range(count) if frames[0].number is not None else [count // 2]:
            frame = frames[number]
            try:
                if frame.path not in decoded:
                    decoded[frame.path] = pydicom.dcmread(frame.path).pixel_array
            except Exception:  # no decoder here: dcm2niix has its own
                return True
            pixels = decoded[frame.path] if frame.number is None else decoded[frame.path][frame.number]
            # where the first, the next column's and the next row's pixel of this image lie in the NIfTI
            corner = np.array([[0, 0, number], [1, 0, number], [0, 1, number]])
            index = np.rint(grid.index(corner @ expected.affine[:3, :3].T + expected.affine[:3, 3])).astype(int)
            plane = volume[index[0, 2]]
            plane = plane[:, ::-1] if index[1, 0] < index[0, 0] else plane
            plane = plane[::-1] if index[2, 1] < index[0, 1] else plane
            if not np.array_equal(plane, pixels):
                return False
    return True


def fingerprint(path: Path, salt: str) -> str | None:
    """16 letters that two equal sets of stored voxels share, whatever their headers say; None for an empty picture."""
    stored = np.memmap(path, np.uint8, "r")[352:]
    return digest(salt, stored) if stored.any() else None


def digest(salt: str, content: bytes | np.ndarray) -> str:
    """A salted hash of 64 bits: it can be compared within one study and not be turned back."""
    return hashlib.blake2b(content, digest_size=8, key=salt.encode()[:64]).hexdigest()


def compress(source: Path, target: Path) -> None:
    """Write a .nii as .nii.gz: same voxels and geometry, free-text fields emptied, equal bytes every time."""
    content = bytearray(source.read_bytes())
    for offset, length in FREE_TEXT.values():
        content[offset : offset + length] = bytes(length)
    with new_file(target) as temporary:
        temporary.write_bytes(gzip.compress(bytes(content), GZIP_LEVEL, mtime=0))


def image(voxels: np.ndarray, grid: Grid) -> "SimpleITK.Image":
    """A SimpleITK image of voxels [slice, row, column] on ``grid``."""
    import SimpleITK as sitk

    result = sitk.GetImageFromArray(voxels)
    result.SetSpacing(grid.spacing)
    result.SetOrigin(grid.affine[:3, 3].tolist())
    result.SetDirection((grid.affine[:3, :3] / grid.spacing).ravel().tolist())
    return result


def write(voxels: np.ndarray, grid: Grid, target: Path) -> None:
    """Write voxels [slice, row, column] on ``grid`` as .nii.gz."""
    import SimpleITK as sitk

    with tempfile.TemporaryDirectory(prefix="hscore-convert-") as folder:
        path = Path(folder, "image.nii")
        sitk.WriteImage(image(voxels, grid), str(path))
        compress(path, target)

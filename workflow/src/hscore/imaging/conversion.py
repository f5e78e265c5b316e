"""DICOM series to NIfTI by dcm2niix, and the check that every image is where the headers say."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from hscore.errors import UserError
from hscore.imaging import nifti
from hscore.imaging.dicom import Frame, Series
from hscore.imaging.grid import Grid


class UnreadableError(Exception):
    """A series that cannot be converted; the text says why."""


@dataclass
class Converted:
    """One series as voxels."""

    volume: nifti.Volume  # of a file in a temporary folder, which is read when it is looked at
    b_values: list[float] | None  # s/mm2, one a volume, as dcm2niix reads them
    by_dcm2niix: bool = True  # else put together by the headers


@contextmanager
def convert(series: list[Series]) -> Iterator[dict[str, Converted]]:
    """Convert all series in one call of dcm2niix; yields them by SeriesInstanceUID while the files exist.

    Only the images of these series are shown to dcm2niix, as links in a temporary folder. A series that it
    cannot read, or splits or resamples (its ``_Eq`` files), is left out.
    """
    if not series:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="hscore-convert-") as folder:
        source, target = Path(folder, "dicom"), Path(folder, "nifti")
        target.mkdir()
        for number, one in enumerate(series):
            (source / str(number)).mkdir(parents=True)
            for count, path in enumerate(dict.fromkeys(frame.path for frame in one.frames)):
                os.symlink(os.path.abspath(path), source / str(number) / f"{count:06d}.dcm")
        options = ["-g", "i", "-z", "n", "-b", "n", "-f", "%j", "-o", str(target), str(source)]
        # its messages name series and paths: they are not for the log. Exit codes: files that are missing tell.
        subprocess.run([_program(), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
            converted[uid] = Converted(nifti.read(paths[0]), values)
    return converted


def in_place(volume: nifti.Volume, expected: Grid, images: list[list[Frame]]) -> bool:
    """True unless images are found in another volume or slice than the headers say.

    dcm2niix sorts the frames of some multi-frame dialects wrongly without an error. Stored values must be those of
    the DICOM images: in every image of a multi-frame file, in the middle slice of every volume of other files.
    Where values cannot be compared (dcm2niix changed them to floats, or pydicom cannot unpack them) it is True.

    Args:
        volume: what dcm2niix wrote.
        expected: the grid by the headers; ``images``: those of each volume by slice of that grid.
    """
    if volume.stored.dtype.kind == "f":
        return True
    count = expected.size[2]
    decoded: dict[Path, np.ndarray] = {}
    for voxels, frames in zip(volume.stored.reshape(len(images), *volume.grid.size[::-1]), images, strict=True):
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
            index = volume.grid.index(corner @ expected.affine[:3, :3].T + expected.affine[:3, 3])
            index = np.rint(index).astype(int)
            plane = voxels[index[0, 2]]
            plane = plane[:, ::-1] if index[1, 0] < index[0, 0] else plane
            plane = plane[::-1] if index[2, 1] < index[0, 1] else plane
            if not np.array_equal(plane, pixels):
                return False
    return True


def assemble(expected: Grid, images: list[list[Frame]]) -> Converted:
    """The volumes of one multi-frame file, put together by the positions in its headers: what dcm2niix could not.

    Values are those of the modality: stored ones, or float32 where the frames have a rescale slope and intercept.

    Args:
        expected: the grid by the headers; ``images``: those of each volume by slice of that grid.

    Raises:
        UnreadableError: the file has no pixels that can be unpacked.
    """
    try:
        dataset = pydicom.dcmread(images[0][0].path)
        pixels = dataset.pixel_array
    except Exception as error:  # pydicom raises many types on broken or unknown pixels; none of them is our bug
        raise UnreadableError(f"its pixels cannot be unpacked ({type(error).__name__})") from None
    order = [[frame.number for frame in frames] for frames in images]
    scales = [_rescale(dataset, number) for number in range(len(pixels))]
    if set(scales) != {(1.0, 0.0)}:
        slopes, intercepts = np.array(scales, np.float32).T[:, :, None, None]
        pixels = pixels * slopes + intercepts
    stored = pixels[order]
    return Converted(nifti.new(stored if len(order) > 1 else stored[0], expected), None, by_dcm2niix=False)


def _rescale(dataset: pydicom.Dataset, number: int) -> tuple[float, float]:
    """Rescale slope and intercept of a frame; 1 and 0 where none is given."""
    for groups in (dataset.PerFrameFunctionalGroupsSequence[number], *dataset.SharedFunctionalGroupsSequence[:1]):
        if transformation := groups.get("PixelValueTransformationSequence"):
            return float(transformation[0].RescaleSlope), float(transformation[0].RescaleIntercept)
    return float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))


def fingerprint(volume: nifti.Volume, salt: str) -> str | None:
    """16 letters that two equal sets of stored voxels share, whatever their headers say; None for an empty picture."""
    return digest(salt, np.ascontiguousarray(volume.stored)) if volume.stored.any() else None


def digest(salt: str, content: bytes | np.ndarray) -> str:
    """A salted hash of 64 bits: it can be compared within one study and not be turned back."""
    return hashlib.blake2b(content, digest_size=8, key=salt.encode()[:64]).hexdigest()

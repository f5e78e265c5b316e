"""Read the pixels of frames, each from its own file, and the scale from stored values to intensities."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from hscore.imaging.dicom.frames import Frame


class UnreadablePixelsError(Exception):
    """Pixels that cannot be read; the text gives the reason."""


def stored(volumes: list[list[Frame]]) -> np.ndarray:
    """Return the stored pixels [volume, slice, row, column], each from the file and frame that its header names.

    Raises:
        UnreadablePixelsError: a file cannot be decoded, or its pixels do not match its header.
    """
    decoded: dict[Path, np.ndarray] = {}
    planes = [[_plane(frame, decoded) for frame in frames] for frames in volumes]
    kinds = {plane.dtype for row in planes for plane in row}
    kind = np.result_type(*kinds)
    if kind.kind not in "iu" or kind.itemsize > 4:
        raise UnreadablePixelsError(f"its pixels are not whole numbers of 8 to 32 bits ({kind})")
    return np.array(planes, dtype=kind)


def _plane(frame: Frame, decoded: dict[Path, np.ndarray]) -> np.ndarray:
    """Return the pixels [row, column] of one frame; ``decoded`` caches files that contain several."""
    if frame.path not in decoded:
        whole = _uncompressed(frame) if frame.number is None and frame.tile is None else None
        if whole is not None:
            return whole
        decoded[frame.path] = _decoded(frame)
    pixels = decoded[frame.path]
    if frame.number is not None and frame.number >= len(pixels):
        raise UnreadablePixelsError(f"a file contains {len(pixels)} frames, its header names more")
    plane = pixels[frame.number or 0]
    if frame.tile is not None:
        column, row = frame.tile
        plane = plane[row : row + frame.size[1], column : column + frame.size[0]]
    if plane.shape != (frame.size[1], frame.size[0]):
        raise UnreadablePixelsError("its pixels have another matrix than its header announces")
    return plane


def _uncompressed(frame: Frame) -> np.ndarray | None:
    """Return uncompressed pixels directly from the file; None if unused bits or the encoding need a decoder."""
    if frame.pixels_at is None or not frame.pixel_type or frame.damage:
        return None
    columns, rows = frame.size
    plane = np.fromfile(frame.path, frame.pixel_type, columns * rows, offset=frame.pixels_at).reshape(rows, columns)
    return _used_bits(plane.astype(plane.dtype.newbyteorder("="), copy=False), frame.bits)


def _used_bits(plane: np.ndarray, bits: int) -> np.ndarray:
    """Return the pixels without the bits above their highest bit, which once stored overlays (DICOM PS3.5, 8.1.1)."""
    unused = 8 * plane.itemsize - bits
    if unused == 0:
        return plane
    return plane << unused >> unused if plane.dtype.kind == "i" else plane & plane.dtype.type((1 << bits) - 1)


def _decoded(frame: Frame) -> np.ndarray:
    """Return all frames of a file [frame, row, column], by pydicom or, if it has no decoder, by SimpleITK (GDCM)."""
    try:
        dataset = pydicom.dcmread(frame.path)
    except Exception as error:  # pydicom raises many types on broken files; none of them is our bug
        raise UnreadablePixelsError(f"a file cannot be read ({type(error).__name__})") from None
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    try:
        pixels = dataset.pixel_array
        return pixels if int(dataset.get("NumberOfFrames") or 1) > 1 else pixels[None]
    except Exception as error:  # ... or on broken or unknown pixels
        pixels = _by_simpleitk(frame) if syntax is not None and syntax.is_encapsulated else None
        if pixels is None:
            packed = f"; {syntax.name}" if syntax is not None else ""
            raise UnreadablePixelsError(f"its pixels cannot be unpacked ({type(error).__name__}{packed})") from None
        return pixels


def _by_simpleitk(frame: Frame) -> np.ndarray | None:
    """Return the pixels [frame, row, column] read by SimpleITK, its rescaling undone; None if that is not possible."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(frame.path)))
    except RuntimeError:  # SimpleITK's only error
        return None
    slope, intercept = frame.rescale
    if (slope, intercept) != (1.0, 0.0):
        if frame.number is not None:  # each frame may have its own scale, of which SimpleITK uses the first
            return None
        pixels = np.rint((pixels - intercept) / slope).astype(np.int32)
    return pixels if pixels.dtype.kind in "iu" else None


def scales(volumes: list[list[Frame]]) -> np.ndarray:
    """Return slope and intercept of every frame [volume, slice, 2]: value = slope * stored + intercept.

    Displayed values follow DICOM's modality rescale. Philips scales every scan to the range of its pixels, so its
    displayed values cannot be compared between scans. Its scale slope (2005,xx0E) gives comparable values: displayed /
    (rescale slope * scale slope). Source: Chenevert TL et al. Transl Oncol 2014;7(1):65-71. It is used if every frame
    has one.
    """
    floating = all(frame.scale_slope for frames in volumes for frame in frames)

    def scale(frame: Frame) -> tuple[float, float]:
        slope, intercept = frame.rescale
        factor = slope * frame.scale_slope if floating else 1.0
        return slope / factor, intercept / factor

    return np.array([[scale(frame) for frame in frames] for frames in volumes])


def scales_differ(frames: Iterable[Frame]) -> bool:
    """Return whether frames have different rescale slopes and no vendor's scale makes their values comparable."""
    frames = list(frames)
    return len({frame.rescale for frame in frames}) > 1 and not all(frame.scale_slope for frame in frames)


def same_pixels(first: Frame, second: Frame) -> bool:
    """Return whether two images that claim to be the same have the same pixels, or neither can be read."""
    try:
        return bool(np.array_equal(stored([[first]]), stored([[second]])))
    except (UnreadablePixelsError, OSError):
        return bool(first.damage and second.damage)

"""Read the regions in a mask file: NIfTI, NRRD, 3D Slicer's .seg.nrrd, MetaImage."""

from pathlib import Path

import numpy as np
from nibabel.spatialimages import HeaderDataError

from hscore.imaging.dicom.privacy import in_true_alphabet, name_in_words
from hscore.imaging.roi import metaimage_mask, nifti_mask, nrrd_mask
from hscore.imaging.roi.mask_volume import MaskVolume, Segment, UnreadableMaskError
from hscore.imaging.roi.region import Region, RoiError, file_in_words

# A mask has few whole numbers; a picture has many.
MOST_LABELS = 64
READERS = {
    ".nii": ("NIfTI", nifti_mask.read),
    ".nii.gz": ("NIfTI", nifti_mask.read),
    ".nrrd": ("NRRD", nrrd_mask.read),
    ".nhdr": ("NRRD", nrrd_mask.read),
    ".mha": ("MetaImage", metaimage_mask.read),
    ".mhd": ("MetaImage", metaimage_mask.read),
}
ROUNDING = 1e-3
NO_MASK = "it is a picture or a map of probabilities, not a mask"
HOW_TO_PLACE = "export it with the position of the images it was drawn on, or as DICOM-SEG"


def read(path: Path, label: int | None = None, folder: Path | None = None) -> list[Region]:
    """Read the regions of a mask file: its only label, the chosen one, or the segments that the file describes.

    Args:
        path: the file.
        label: label of the tumour in files that describe no segments; None uses the only one.
        folder: the patient's folder. The names of the folders below it may identify an unnamed region.

    Raises:
        RoiError: ``unreadable_roi``, also for a picture that is not a mask.
    """
    suffix = next(suffix for suffix in sorted(READERS, key=len, reverse=True) if path.name.lower().endswith(suffix))
    kind, reader = READERS[suffix]
    stem = in_true_alphabet(path.name[: -len(suffix)])
    above = in_true_alphabet(path.relative_to(folder).parent.as_posix()) if folder else ""
    try:
        volume = reader(path)
        if volume.segments:
            regions = [
                (segment.name, segment.name, segment.meaning, f"{above}/{stem}", inside)
                for segment, inside in _segments(volume)
            ]
        else:
            regions = [(name_in_words(Path(stem)), stem, "", above, _mask(volume, label))]
    except UnreadableMaskError as error:
        text = f"{file_in_words(path)}: {error}"
        raise RoiError("unreadable_roi", f"{text}; {HOW_TO_PLACE}" if "position" in text else text) from None
    except (ArithmeticError, LookupError, MemoryError, ValueError, HeaderDataError):  # the header is not valid
        raise RoiError("unreadable_roi", f"{file_in_words(path)}: {kind} cannot be read: header damaged") from None
    except OSError as error:
        raise RoiError("unreadable_roi", f"{file_in_words(path)}: {error.strerror or 'cannot be opened'}") from None
    return [
        Region(name, kind, inside, volume.grid, matched=matched, meaning=meaning, context=context, source=path)
        for name, matched, meaning, context, inside in regions
    ]


def _segments(volume: MaskVolume) -> list[tuple[Segment, np.ndarray]]:
    """Return the described segments with their voxels, without the background.

    Raises:
        UnreadableMaskError: a voxel has a value that no segment has, or two segments share one.
    """
    described = [(segment.layer, segment.value) for segment in volume.segments]
    if len(set(described)) < len(described):
        raise UnreadableMaskError("two of its segments share one label")
    for layer, voxels in enumerate(volume.voxels):
        values = {value for layer_index, value in described if layer_index == layer} | {0}
        if unknown := set(_labels(voxels)) - values:
            raise UnreadableMaskError(f"no segment of its header has the label {min(unknown)} of its voxels")
    return [
        (segment, volume.voxels[segment.layer] == segment.value)
        for segment in volume.segments
        if segment.value != 0 and segment.name.strip().lower() != "background"
    ]


def _mask(volume: MaskVolume, label: int | None) -> np.ndarray:
    """Return the voxels of the chosen label, or of the only one.

    Raises:
        UnreadableMaskError: there are several labels and none is chosen, the chosen one is missing, or the file is not
            a mask.
    """
    labels = _labels(volume.voxels)
    if len(volume.voxels) > 1:
        raise UnreadableMaskError(f"it contains {len(volume.voxels)} volumes, and a mask is one")
    voxels = volume.voxels[0]
    counts = {value: count for value, count in labels.items() if value != 0}
    listed = ", ".join(f"{value} ({count} voxels)" for value, count in counts.items())
    if label is not None and counts:
        if label not in counts:
            raise UnreadableMaskError(f"it has no label {label} ('convert.roi.label'), only {listed}")
        return np.rint(voxels) == label
    if len(counts) > 1:
        text = f"it contains {len(counts)} labels: {listed}; set 'convert.roi.label' to the number of the tumour"
        raise UnreadableMaskError(text)
    return np.rint(voxels) != 0


def _labels(voxels: np.ndarray) -> dict[int, int]:
    """Return the labels of a mask, a few whole numbers from 0, and the number of voxels of each.

    Raises:
        UnreadableMaskError: the file is a picture, or contains probabilities.
    """
    values, counts = _distinct(voxels)
    # integers that were stored with a scale are read with a small rounding error
    if values is None or not (values >= -ROUNDING).all() or not (np.abs(values - np.round(values)) <= ROUNDING).all():
        raise UnreadableMaskError(f"{NO_MASK} of whole numbers")
    labels: dict[int, int] = {}
    for value, count in zip(np.rint(values), counts, strict=True):
        labels[int(value)] = labels.get(int(value), 0) + int(count)
    return labels


def _distinct(voxels: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the distinct values and their counts; None if there are too many for a mask. Avoid sorting if possible."""
    if len(np.unique(voxels.ravel()[:: max(1, voxels.size // 10_000)])) > MOST_LABELS:
        return None, None
    if voxels.dtype.kind in "iu" and voxels.min() >= 0 and voxels.max() < 2**16:  # much faster than sorting
        counts = np.bincount(voxels.ravel().astype(np.intp))
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(voxels, return_counts=True)
    return (values, counts) if len(values) <= MOST_LABELS else (None, None)

"""Read one patient's folder: image series, ROI objects, mask files, and the files that cannot be read.

This is one pass over the headers. Pixels are read only if two files claim to be the same image.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom

from hscore.imaging.dicom import header as headers
from hscore.imaging.dicom import pixels, privacy, values
from hscore.imaging.dicom.frames import frames_of
from hscore.imaging.dicom.grouping import Image, Series, group, image
from hscore.imaging.dicom.header import Header, UnreadableFileError
from hscore.imaging.roi import region_files

SEGMENTATION = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}  # bit masks; label maps
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DIRECTORY = "1.2.840.10008.1.3.10"  # a DICOMDIR: a list of files, not an object of its own


@dataclass(frozen=True)
class Unreadable:
    """A file that was skipped: its path below the patient's folder (never written out), and the reason."""

    path: Path
    reason: str
    place: int = 0  # position among the files of the folder in path order, from 1; 0 for a folder
    series: int | None = None  # its series number, if the header could be read


@dataclass
class Contents:
    """The contents of one patient's folder."""

    series: list[Series] = field(default_factory=list)
    segmentations: list[Path] = field(default_factory=list)
    structure_sets: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)  # NIfTI, NRRD, MetaImage
    other_regions: list[Path] = field(default_factory=list)  # files that look like regions but are not read
    folder: Path | None = None
    instances: dict[str, str] = field(default_factory=dict)  # SOPInstanceUID of an image -> SeriesInstanceUID
    files: int = 0  # number of files in the folder
    unreadable: list[Unreadable] = field(default_factory=list)
    patients: dict[str, set[int]] = field(default_factory=dict)  # PatientID -> its series numbers
    studies: set[str] = field(default_factory=set)  # StudyInstanceUIDs
    drawn_in: set[str] = field(default_factory=set)  # StudyInstanceUIDs of the ROI objects
    private: Counter[str] = field(default_factory=Counter)  # keyword of a tag that names the patient -> files with it
    identifiers: set[str] = field(default_factory=set)  # words that must not appear in any output
    seen: set[str] = field(default_factory=set)  # SeriesInstanceUIDs whose identifiers were collected


def read_folder(folder: Path, pseudonym: str = "") -> Contents:
    """Read every header below ``folder``, with any folder structure and any file names.

    Links are followed, each folder once. A file stored twice (same SOP Instance UID, instance, position and pixels)
    counts once.

    Args:
        folder: the patient's folder.
        pseudonym: the study's name of the patient, which identifies nobody where a header contains it.
    """
    # Odd but readable values (too long, wrong characters) are common in hospital files: no warnings, no checks.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    contents = Contents(folder=folder)
    images: dict[tuple, Image] = {}
    decoded: dict[tuple, Any] = {}
    for path in _files(folder, contents):
        contents.files += 1
        below = path.relative_to(folder)
        if region_files.is_mask(path):
            contents.masks.append(path)
            continue
        try:
            header = headers.read(path, decoded)
            if header is None:
                if region_files.looks_like_region(path):
                    contents.other_regions.append(path)
                continue
            _sort_in(path, header, contents, images)
            if study := header.tags.get("StudyInstanceUID"):
                contents.studies.add(str(study))
            contents.private.update(privacy.telling_tags(header.tags, pseudonym))
        except UnreadableFileError as error:
            contents.unreadable.append(Unreadable(below, str(error), contents.files))
            continue
        if header.damage:
            number = values.whole_or_none(header.tags.get("SeriesNumber"))
            contents.unreadable.append(Unreadable(below, header.damage, contents.files, number))
    contents.series = group(images.values())
    return contents


def _files(folder: Path, contents: Contents) -> Iterator[Path]:
    """Yield all files below ``folder`` in the order of their names, each folder once even if it is linked."""
    seen = set()

    def denied(error: OSError) -> None:
        path = Path(os.path.relpath(error.filename, folder))
        contents.unreadable.append(Unreadable(path, error.strerror or "cannot be opened"))

    for root, folders, names in os.walk(folder, followlinks=True, onerror=denied):
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            # hidden files belong to the system (a Mac's ._x, Snakemake's stamp); sockets and broken links are no files
            if not name.startswith(".") and path.is_file():
                yield path


def _sort_in(path: Path, header: Header, contents: Contents, images: dict[tuple, Image]) -> None:
    """Add one file to its list in ``contents`` or, if it is an image, to ``images``."""
    tags = header.tags
    try:
        kind = str(tags.get("SOPClassUID", ""))
        if DIRECTORY in {kind, tags.stored_class}:
            return
        if (uid := values.uid(tags, "SeriesInstanceUID")) not in contents.seen:
            contents.seen.add(uid)
            contents.identifiers.update(privacy.identifiers(tags))
        segmentation = kind in SEGMENTATION or tags.get("Modality") == "SEG"
        if segmentation or kind == STRUCTURE_SET or tags.get("Modality") == "RTSTRUCT":
            (contents.segmentations if segmentation else contents.structure_sets).append(path)
            contents.drawn_in.add(str(tags.get("StudyInstanceUID") or ""))
            return
        if not uid:
            raise UnreadableFileError("no SeriesInstanceUID in its header")
        item = image(tags, frames_of(path, header))
    except UnreadableFileError:
        raise
    except Exception as error:  # values are decoded on access, so broken bytes show up only here
        raise UnreadableFileError(f"header cannot be read ({type(error).__name__})") from None
    patient = str(tags.get("PatientID") or "").strip()
    if patient:
        contents.patients.setdefault(patient, set()).add(item.series.number)
    instance = values.uid(tags, "SOPInstanceUID")
    contents.instances[instance] = item.series.uid
    _add_once(item, instance or path, images)


def _add_once(item: Image, identity: str | Path, images: dict[tuple, Image]) -> None:
    """Add an image unless it is a copy; an intact copy replaces a damaged one.

    Images that share identity, instance and position but not their pixels are different images.
    """
    first = item.frames[0]
    key = (identity, first.instance, first.position)
    known = images.get(key)
    if known is None or known.frames[0].damage:
        images[key] = item
    elif not first.damage and not pixels.same_pixels(known.frames[0], first):
        images[(*key, first.path)] = item

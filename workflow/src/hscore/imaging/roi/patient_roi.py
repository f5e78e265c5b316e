"""Find the region of interest (ROI), the patient's tumour, in DICOM-SEG, RTSTRUCT and mask files.

The result is a verified mask or an error with the reason why there is none. All positions are patient coordinates (LPS,
mm).
"""

from collections.abc import Callable
from pathlib import Path

from hscore.imaging.dicom.grouping import Series
from hscore.imaging.dicom.patient_folder import Contents
from hscore.imaging.dicom.privacy import in_true_alphabet
from hscore.imaging.grid import Grid
from hscore.imaging.roi import dicom_seg, mask_file, plausibility, region_files, rtstruct
from hscore.imaging.roi.region import Region, RoiError, file_in_words
from hscore.imaging.roi.region_choice import RegionChoice, Rules, choose
from hscore.imaging.roi.resampling import carry, interpolate, outside_fraction

__all__ = [
    "IGNORE",
    "NEGLIGIBLE",
    "RegionChoice",
    "Rules",
    "carry",
    "find",
    "interpolate",
    "outside_fraction",
    "same_frame",
]

# Share of the ROI's volume outside a sequence that counts as rounding at its edge.
NEGLIGIBLE = 0.01
MOST_FILES_NAMED = 10
IGNORE = (
    "if the anonymiser wrote new UIDs and the positions are still valid, set 'convert.roi.frame_of_reference: ignore'"
)


def find(contents: Contents, settings: dict) -> RegionChoice:
    """Find the patient's ROI in all files that may contain it.

    A single region is used unless its name is that of a node, an organ or a margin. Of several regions, the one named
    as the tumour is used. If several files agree on the same tumour, the first in the order DICOM-SEG, RTSTRUCT, mask
    file is used.

    Args:
        contents: the patient's folder.
        settings: section ``convert.roi`` of the config.

    Raises:
        RoiError: ``no_roi``, ``unreadable_roi``, ``foreign_roi`` or ``empty_roi``.
    """
    rules = Rules(**settings)
    grids = plausibility.series_grids(contents.series)
    readers: list[tuple[list[Path], Callable[[Path], list[Region]]]] = [
        (contents.segmentations, dicom_seg.read),
        (
            contents.structure_sets,
            lambda path: rtstruct.read(path, contents.series, rules.strict, contents.instances),
        ),
        (contents.masks, lambda path: mask_file.read(path, rules.label, contents.folder)),
    ]
    if not any(paths for paths, _ in readers):
        raise RoiError("no_roi", _nothing_found(contents))
    files: list[list[Region]] = []
    problems: list[RoiError] = []
    for paths, read in readers:
        for path in paths:
            try:
                files.append([_checked(region, path, contents, grids, rules) for region in read(path)])
            except RoiError as error:
                problems.append(error)
    files = [file for file in files if file]
    if not files:
        raise _refusal(problems, contents)
    unreadable = [problem.text for problem in problems if problem.code == "unreadable_roi"]
    try:
        roi = choose(files, rules, all(mask_file.NO_MASK in text for text in unreadable))
        _check_shape(roi, grids)
    except RoiError as error:
        raise _refusal([error, *problems], contents) from None
    roi.unreadable += unreadable
    roi.notes += [problem.text for problem in problems if problem.code != "unreadable_roi"]
    roi.rejected |= {file_in_words(path): "files of its kind are not read" for path in contents.other_regions}
    return roi


def _nothing_found(contents: Contents) -> str:
    """Return the message that there is no region, with the files that look like one but are not read."""
    text = f"no region of interest in the patient's folder (read are {region_files.READ})"
    names = list(dict.fromkeys(file_in_words(path) for path in contents.other_regions))
    if not names:
        return text
    more = f" and {len(names) - MOST_FILES_NAMED} more" if len(names) > MOST_FILES_NAMED else ""
    return f"{text}; not read: {', '.join(names[:MOST_FILES_NAMED])}{more}; export the region in one of these formats"


def _refusal(problems: list[RoiError], contents: Contents) -> RoiError:
    """Return one error that names every problem, problems of real masks first."""
    if not problems:
        return RoiError("no_roi", "the files for regions contain none")
    problems = sorted(problems, key=lambda problem: mask_file.NO_MASK in problem.text)
    texts = list(dict.fromkeys(problem.text for problem in problems))
    more = f"; and {len(texts) - MOST_FILES_NAMED} more" if len(texts) > MOST_FILES_NAMED else ""
    others = ", ".join(dict.fromkeys(file_in_words(path) for path in contents.other_regions[:MOST_FILES_NAMED]))
    unread = f"; not read: {others}" if others else ""
    return RoiError(problems[0].code, "; ".join(texts[:MOST_FILES_NAMED]) + more + unread)


def _checked(region: Region, path: Path, contents: Contents, grids: list[tuple[Series, Grid]], rules: Rules) -> Region:
    """Return a region that belongs to this patient's images, with the series it was drawn on if known.

    Raises:
        RoiError: ``foreign_roi``, or ``unreadable_roi`` for a mask file without a true position.
    """
    if not region.is_dicom:
        if problem := plausibility.position_problem(region, grids):
            raise RoiError("unreadable_roi", f"{file_in_words(path)}: {problem}")
        region.series = {series.uid for series, grid in grids if region.grid.same_as(grid)}
        return region
    if contents.folder:
        region.context = f"{in_true_alphabet(path.relative_to(contents.folder).parent.as_posix())}/{region.context}"
    known = {patient.casefold() for patient in contents.patients}
    if region.patient and known and region.patient.casefold() not in known:
        text = (
            f"{file_in_words(path)} has another PatientID than the images; if it is this patient's, correct its header"
        )
        raise RoiError("foreign_roi", text)
    if on_images := {contents.instances[uid] for uid in region.images if uid in contents.instances}:
        region.series = on_images
    frames = {series.frame_of_reference for series in contents.series} - {""}
    uids = {series.uid for series in contents.series}
    if rules.strict and not (region.frames_of_reference & frames or region.series & uids):
        if region.frames_of_reference or region.series or region.images:
            why = "refers to other images: neither its frame of reference nor its series is the patient's"
        else:
            why = "names no frame of reference and no series, so the images it was drawn on are unknown"
        raise RoiError("foreign_roi", f"{file_in_words(path)} {why}; {IGNORE}")
    return region


def _check_shape(roi: RegionChoice, grids: list[tuple[Series, Grid]]) -> None:
    """Check that the chosen regions may be a tumour, and the whole of it.

    Raises:
        RoiError: ``unreadable_roi``.
    """
    names = ", ".join(region.where for region in roi.regions)
    if problem := plausibility.view_problem(roi.regions, grids):
        raise RoiError("unreadable_roi", f"{names}: {problem}")
    empty, forgotten = plausibility.gap(roi.regions)
    if forgotten:
        raise RoiError("unreadable_roi", f"{names}: {empty}; outline every slice of the tumour")
    if empty:
        roi.notes.append(f"{names}: {empty}; interpreted as the distance between two lesions")


def same_frame(region: Region, series: Series, all_series: list[Series]) -> bool:
    """Return whether a region's positions are valid for a series: same frame of reference, or one is unknown."""
    drawn_on = {item.frame_of_reference for item in all_series if item.uid in region.series}
    drawn_on |= region.frames_of_reference
    drawn_on.discard("")
    if not drawn_on or not series.frame_of_reference:
        return True
    return series.frame_of_reference in drawn_on or series.uid in region.series

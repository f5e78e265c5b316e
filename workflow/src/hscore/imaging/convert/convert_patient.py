"""Convert one patient's DICOM folder to NIfTI volumes, an ADC map and masks, or record why they cannot be used."""

from pathlib import Path

from hscore.contracts import converted_series
from hscore.contracts.status import Status
from hscore.errors import UserError
from hscore.imaging.convert import conversion
from hscore.imaging.convert.examinations import drawn_on, examination_days
from hscore.imaging.convert.series_choice import Chosen, choose, describe
from hscore.imaging.convert.write_sequences import write_sequences
from hscore.imaging.dicom.patient_folder import Contents, read_folder
from hscore.imaging.dicom.privacy import Hider, kind_of_file, tags_in_words
from hscore.imaging.roi import patient_roi
from hscore.imaging.roi.region import RoiError

MOST_REASONS_NAMED = 20
# Findings whose texts quote names of files and of regions. The others contain only our own words and numbers.
QUOTING = {"unreadable_file", "unreadable_sequence", "unreadable_roi", "foreign_roi", "no_roi", "empty_roi", "roi_rule"}


def convert_patient(patient: str, center: str, images: Path, settings: dict, output: Path, study: str = "") -> None:
    """Write status and list of series, and for each usable sequence its volume, sidecar and mask.

    Args:
        patient: the study's name of the patient, part of all file names.
        center: name of the centre.
        images: the patient's folder, which may not exist.
        settings: section ``convert`` of the config.
        output: an existing, empty folder.
        study: name of the study, the salt of the hashes that detect duplicate patients.

    Raises:
        UserError: files identify the patient and ``privacy`` is "stop", or a pattern is not a regular expression.
    """
    status = Status(patient, center, "convert")
    contents = read_folder(images, patient) if images.is_dir() else Contents()
    if +contents.private and settings["privacy"] == "stop":
        tags = tags_in_words(contents.private)
        raise UserError(f"patient {patient} of {center}: {tags}; 'convert.privacy: stop' forbids it")
    hide = Hider(contents.identifiers, keep=patient)
    chosen, regions, usable = Chosen(), patient_roi.RegionChoice([]), []
    same_images: dict[str, str] = {}
    _note_unreadable_files(status, contents)
    if reason := _why_excluded(patient, images, contents, settings):
        status.add(*reason)
    else:
        if +contents.private:
            status.add("private_tags", tags_in_words(contents.private))
        regions = _find_roi(status, contents, settings["roi"])
        drawn = drawn_on(regions.regions, contents.drawn_in, contents.series)
        chosen = choose(contents.series, settings, drawn)
        status.findings.extend(chosen.findings)
        _mention_archives(status, contents)
    for series in contents.series:  # after matching, and before anything is written
        series.description, series.protocol = hide(series.description), hide(series.protocol)
    if not reason:
        usable = write_sequences(status, contents, chosen, regions.regions, settings, output, (study, same_images))
    status.usable = usable
    for finding in status.findings:
        if finding.code in QUOTING:
            finding.text = hide(finding.text)
    content = converted_series.ConvertedSeries(
        series=_list_series(contents, chosen),
        roi=hide(_list_roi(regions)),
        private_tags=dict(sorted((+contents.private).items())),
        same_study=sorted(conversion.digest(study, uid.encode()) for uid in contents.studies),
        same_images=same_images,
    )
    converted_series.write(output, content)
    status.write(output)


def _why_excluded(patient: str, images: Path, contents: Contents, settings: dict) -> tuple[str, str] | None:
    """Return code and text of the finding that excludes all of a patient's images; None if there is none."""
    if not images.is_dir():
        return "no_images", f"no folder of images for patient {patient}"
    if not contents.series:
        packed = any("unpack" in unreadable.reason for unreadable in contents.unreadable)
        archives = "; it contains archives: unpack them there" if packed else ""
        return "no_dicom", f"no readable DICOM image in the patient's folder{archives}"
    if len(contents.patients) > 1:
        return "wrong_patient", _several_patients(contents)
    if settings["patient_id"] == "table" and set(contents.patients) != {patient}:
        return "wrong_patient", f"the PatientID of the images is not {patient}, the name in the clinical table"
    if +contents.private and settings["privacy"] == "exclude":
        return "private_data", tags_in_words(contents.private)
    return None


def _note_unreadable_files(status: Status, contents: Contents) -> None:
    """Add one note per reason, series and kind of file, without file names, which may identify the patient."""
    groups: dict[tuple, list[int]] = {}
    for file in contents.unreadable:
        groups.setdefault((file.reason, file.series, kind_of_file(file.path)), []).append(file.place)
    for (reason, series, kind), places in list(groups.items())[:MOST_REASONS_NAMED]:
        counted = f"{len(places)} {kind}file{'s' if len(places) > 1 else ''}"
        where = "" if series is None else f" of series {series}"
        first = f" ({'first: ' if len(places) > 1 else ''}number {places[0]} of {contents.files} by path)"
        status.add("unreadable_file", f"{counted}{where}{first if places[0] else ''}: {reason}")
    if (more := sum(len(places) for places in list(groups.values())[MOST_REASONS_NAMED:])) > 0:
        status.add("unreadable_file", f"and {more} more files")


def _mention_archives(status: Status, contents: Contents) -> None:
    """Add to each missing sequence that it may be in an archive."""
    if any("unpack" in file.reason for file in contents.unreadable):
        for finding in status.findings:
            if finding.code == "missing_sequence":
                finding.text += "; the patient's folder also contains archives, which are not read: unpack them there"


def _several_patients(contents: Contents) -> str:
    """Return which series belong to which identity, without naming it."""
    groups = [", ".join(str(n) for n in sorted(numbers)) for numbers in contents.patients.values()]
    listed = "; ".join(f"patient {chr(65 + i % 26)}: series {numbers}" for i, numbers in enumerate(groups))
    return f"the folder contains images of {len(groups)} patients (by PatientID): {listed}"


def _find_roi(status: Status, contents: Contents, settings: dict) -> patient_roi.RegionChoice:
    """Return the patient's ROI; without one, add a finding and return no region."""
    try:
        roi = patient_roi.find(contents, settings)
    except RoiError as error:
        status.add(error.code, error.text)
        return patient_roi.RegionChoice([])
    for text in roi.unreadable:
        status.add("unreadable_file", text)
    for text in roi.notes:
        status.add("roi_rule", text)
    return roi


def _list_series(contents: Contents, chosen: Chosen) -> list[dict]:
    """Return every series: its description, the sequence it was chosen for, or for each sequence why not."""
    listed = []
    for number, (series, day) in enumerate(zip(contents.series, examination_days(contents.series), strict=True)):
        chosen_as = [
            name for name, choice in chosen.choices.items() if any(series is member for member in choice.series)
        ]
        outcome = {"chosen_as": chosen_as[0] if chosen_as else None, "why_not": chosen.reasons.get(number, {})}
        listed.append({"day": day} | describe(series) | outcome)
    return listed


def _list_roi(roi: patient_roi.RegionChoice) -> list[dict]:
    """Return every region: those used, and those not used."""
    used = [
        {"name": region.name, "kind": region.kind, "volume_mm3": round(region.volume_mm3, 1), "used": True}
        for region in roi.regions
    ]
    return used + [{"name": name, "used": False, "why_not": why} for name, why in roi.rejected.items()]

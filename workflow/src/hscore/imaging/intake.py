"""One patient's way from a folder of DICOM files to NIfTI volumes, an ADC map and masks, or to the reasons why not."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from hscore.files import write_json
from hscore.imaging import conversion, roi
from hscore.imaging.conversion import Converted
from hscore.imaging.dicom import Contents, read_folder
from hscore.imaging.diffusion import BadDiffusionError, fit_adc, fit_residual, scanner_adc
from hscore.imaging.geometry import Grid
from hscore.imaging.series import Choice, Chosen, choose, describe, too_few_b_values
from hscore.status import Status

MOST_FILES_NAMED = 20
# Median relative residual of the ADC fit above which a radiologist should look. A real pelvic series (b = 50, 400, 800)
# has 0.05, of which part is perfusion; two exchanged b-values give twice this limit and more.
POOR_FIT = 0.12
HIDDEN = "[hidden]"
# Findings whose texts quote names of files and of regions; the others consist of our own words and numbers.
QUOTING = {"unreadable_file", "unreadable_sequence", "unreadable_roi", "foreign_roi", "empty_roi"}


class _UnusableError(Exception):
    """A chosen sequence cannot be used: a finding's code and a text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def convert_patient(patient: str, center: str, images: Path, settings: dict, output: Path, study: str = "") -> None:
    """Write status, list of series, and for each usable sequence volume, sidecar and mask.

    Args:
        patient: the study's name of the patient; all file names contain it.
        center: the centre's name.
        images: the patient's folder, which may not exist.
        settings: the ``convert`` section of the config.
        output: an existing, empty folder.
        study: the study's name, the salt of the hashes that tell whether one patient is in two places.
    """
    status = Status(patient, center, "convert")
    contents = read_folder(images, patient) if images.is_dir() else Contents()
    chosen, regions, usable = Chosen(), roi.Found([]), []
    same_images: dict[str, str] = {}
    hide = _Hider(contents.identifiers, keep=patient)
    _note_unreadable_files(status, contents)
    if not images.is_dir():
        status.add("no_images", f"no folder of images for patient {patient}")
    elif not contents.series:
        status.add("no_dicom", "no readable DICOM image in the patient's folder")
    elif len(contents.patients) > 1:
        status.add("wrong_patient", _several_patients(contents))
    elif +contents.private and settings.get("privacy") == "stop":
        status.add("private_data", _private_tags(contents))
    else:
        if +contents.private:
            status.add("private_tags", _private_tags(contents))
        chosen = choose(contents.series, settings)
        status.findings.extend(chosen.findings)
        parts = [one for choice in chosen.choices.values() for one in choice.series if one.phase_of]
        for one in contents.series + parts:  # now that they were matched, and before anything is written
            one.description, one.protocol = hide(one.description), hide(one.protocol)
        regions = _find_roi(status, contents, settings["roi"])
        usable = _write_sequences(status, contents, chosen, regions.regions, settings, output, (study, same_images))
    status.usable = usable
    for finding in status.findings:
        if finding.code in QUOTING:
            finding.text = hide(finding.text)
    found = {
        "series": _list_series(contents, chosen),
        "roi": hide(_list_roi(regions)),
        "private_tags": dict(sorted((+contents.private).items())),
        "same_study": sorted(conversion.digest(study, uid.encode()) for uid in contents.studies),
        "same_images": same_images,
    }
    write_json(output / "series.json", found)
    status.write(output)


def _note_unreadable_files(status: Status, contents: Contents) -> None:
    for name, why in contents.unreadable[:MOST_FILES_NAMED]:
        status.add("unreadable_file", f"{name}: {why}")
    if (more := len(contents.unreadable) - MOST_FILES_NAMED) > 0:
        status.add("unreadable_file", f"and {more} more files")


def _private_tags(contents: Contents) -> str:
    """Which tags say who the patient is and how many files carry each; never what they say."""
    listed = ", ".join(f"{keyword} ({count} files)" for keyword, count in sorted((+contents.private).items()))
    return f"files still carry {listed}"


def _several_patients(contents: Contents) -> str:
    """Which series carry which identity, without telling it."""
    groups = [", ".join(str(n) for n in sorted(numbers)) for numbers in contents.patients.values()]
    listed = "; ".join(f"patient {chr(65 + i % 26)}: series {numbers}" for i, numbers in enumerate(groups))
    return f"images of {len(groups)} patients (by PatientID) lie in the folder: {listed}"


def _find_roi(status: Status, contents: Contents, settings: dict) -> roi.Found:
    """The patient's ROI; without one a finding, and no region."""
    try:
        found = roi.find(contents, settings["segment"], settings.get("frame_of_reference") != "ignore")
    except roi.RoiError as error:
        status.add(error.code, error.text)
        return roi.Found([])
    for text in found.unreadable:
        status.add("unreadable_file", text)
    return found


def _write_sequences(
    status: Status,
    contents: Contents,
    chosen: Chosen,
    regions: list[roi.Region],
    settings: dict,
    output: Path,
    fingerprints: tuple[str, dict[str, str]],
) -> list[str]:
    """Write volume, sidecar and mask of every sequence that allows it; returns those that have all three.

    ``fingerprints``: their salt, and where to put the one of every sequence written.
    """
    salt, same_images = fingerprints
    choices = [choice for choice in chosen.choices.values() if not choice.problem]
    series = {id(one): one for choice in choices for one in choice.series}
    usable = []
    if not series:
        return usable
    with conversion.convert(list(series.values())) as converted:
        for choice in choices:
            path = output / f"sub-{status.patient}_{choice.sequence}.nii.gz"
            try:
                grid = _write_volume(status, choice, converted, settings, path)
                if same := conversion.fingerprint(converted[choice.series[0].uid].path, salt):
                    same_images[choice.sequence] = same
                if regions:
                    _write_mask(status, choice, contents, regions, grid, path, settings["roi"])
                    usable.append(choice.sequence)
            except _UnusableError as error:
                status.add(error.code, error.text, choice.sequence)
    return usable


def _write_volume(status: Status, choice: Choice, converted: dict[str, Converted], settings: dict, path: Path) -> Grid:
    """Write a sequence's volume and sidecar; returns the grid of the voxels as written.

    Raises:
        _UnusableError: dcm2niix and the headers do not agree on the volume, or no ADC can be fitted.
    """
    images = []
    for one, volumes in zip(choice.series, choice.volumes, strict=True):
        if one.uid not in converted:
            text = f"series {one.number}: dcm2niix cannot make one volume of it"
            raise _UnusableError("unreadable_sequence", text)
        image = conversion.read(converted[one.uid].path)
        count = image.GetSize()[3] if image.GetDimension() == 4 else 1
        if count != len(volumes) or not conversion.grid_of(image).same_as(choice.grid):
            text = f"series {one.number}: size or position of the converted volume contradict the DICOM headers"
            raise _UnusableError("unreadable_sequence", text)
        checked = count > 1 or volumes[0][0].number is not None
        if checked and not conversion.in_place(
            converted[one.uid].path, conversion.grid_of(image), choice.grid, volumes
        ):
            text = f"series {one.number}: the conversion puts images into the wrong volume or slice"
            raise _UnusableError("unreadable_sequence", text)
        images.append(image)
    grid = conversion.grid_of(images[0])
    sidecar = _sidecar(choice)
    source = settings["sequences"][choice.sequence].get("source")
    if source == "diffusion":
        b_values = _b_values(choice, converted)
        signal = np.concatenate([conversion.voxels(image) for image in images])
        try:
            if text := too_few_b_values(b_values, settings["diffusion"]):
                raise BadDiffusionError(text)
            adc = fit_adc(signal, b_values, settings["diffusion"]["zero_below"], settings["diffusion"]["range"])
        except BadDiffusionError as error:
            raise _UnusableError("bad_diffusion", f"{choice.name}: {error}") from None
        conversion.write(adc, grid, path)
        residual = fit_residual(signal, b_values, settings["diffusion"]["zero_below"])
        if residual is not None and residual > POOR_FIT:
            text = f"{choice.name}: the signal lies {100 * residual:.0f} % off one exponential (median of tissue)"
            status.add("poor_adc_fit", text, choice.sequence)
        sidecar |= {"BValues": [round(b, 3) for b in b_values], "Units": "1e-6 mm2/s", "Source": "fit"}
        sidecar["FitResidual"] = None if residual is None else round(residual, 4)
    elif source == "scanner":
        try:
            adc, factor = scanner_adc(conversion.voxels(images[0])[0], settings["diffusion"]["range"])
        except BadDiffusionError as error:
            raise _UnusableError("bad_diffusion", f"{choice.name}: {error}") from None
        conversion.write(adc, grid, path)
        sidecar |= {"Units": "1e-6 mm2/s", "Source": "scanner", "MultipliedBy": factor}
    else:
        conversion.compress(converted[choice.series[0].uid].path, path)
    write_json(path.with_name(path.name.replace(".nii.gz", ".json")), sidecar)
    return grid


def _b_values(choice: Choice, converted: dict[str, Converted]) -> list[float]:
    """b-value of each volume (s/mm2): what dcm2niix says, or the headers where it says nothing or all zero.

    Raises:
        _UnusableError: ``bad_diffusion`` when neither knows or they contradict each other.
    """
    values: list[float] = []
    by_header = iter(choice.b_values)
    for one, volumes in zip(choice.series, choice.volumes, strict=True):
        known = [next(by_header) for _ in volumes]
        told = converted[one.uid].b_values
        if told and len(told) == len(volumes) and any(told):
            if any(b is not None and abs(a - b) > max(5, 0.05 * b) for a, b in zip(told, known, strict=True)):
                listed = [", ".join("?" if b is None else f"{b:g}" for b in values) for values in (told, known)]
                text = f"series {one.number}: b-values {listed[0]} by dcm2niix, {listed[1]} by the headers"
                raise _UnusableError("bad_diffusion", text)
            known = told
        if None in known:
            text = f"series {one.number}: b-values of {known.count(None)} of {len(known)} volumes unknown"
            raise _UnusableError("bad_diffusion", text)
        values.extend(known)
    return values


def _write_mask(
    status: Status,
    choice: Choice,
    contents: Contents,
    regions: list[roi.Region],
    grid: Grid,
    volume: Path,
    settings: dict,
) -> None:
    """Carry the ROI to a sequence and write it beside its volume.

    Raises:
        _UnusableError: it was drawn in another frame of reference, lies outside, or is smaller than the voxels.
    """
    sequence = choice.sequence
    strict = settings.get("frame_of_reference") != "ignore"
    if strict and not all(roi.same_frame(region, choice.series[0], contents.series) for region in regions):
        text = f"{choice.name} ({sequence}) has another frame of reference than the images the ROI was drawn on"
        raise _UnusableError("foreign_roi", text)
    outside = roi.outside_fraction(regions, grid)
    if outside > 1 - roi.NEGLIGIBLE:
        raise _UnusableError("roi_outside_image", f"the ROI lies outside the images of {sequence} ({choice.name})")
    mask = roi.carry(regions, grid)
    if not mask.any():
        raise _UnusableError("empty_roi", f"the ROI is smaller than the voxels of {sequence} ({choice.name})")
    if outside > roi.NEGLIGIBLE:
        text = f"{100 * outside:.0f} % of the ROI's volume lie outside the images of {sequence} ({choice.name})"
        status.add("roi_partly_outside", text, sequence)
    conversion.write(mask, grid, volume.with_name(volume.name.replace(".nii.gz", "_mask.nii.gz")))


def _sidecar(choice: Choice) -> dict:
    """What later stages and readers need of the acquisition, under BIDS names; no dates, names or UIDs."""
    one = choice.series[0]
    return {
        "Sequence": choice.sequence,
        "SeriesDescription": one.description,
        "ProtocolName": one.protocol,
        "Manufacturer": one.vendor,
        "ManufacturersModelName": one.model,
        "MagneticFieldStrength": one.field_strength,
        "EchoTime": None if one.echo_time is None else round(one.echo_time / 1000, 6),
        "RepetitionTime": None if one.repetition_time is None else round(one.repetition_time / 1000, 6),
        "SliceThickness": one.thickness,
        "Spacing": [round(value, 4) for value in choice.grid.spacing],
    }


def _list_series(contents: Contents, chosen: Chosen) -> list[dict]:
    """Every series found: what it is, what it was chosen as, or for each sequence why not."""
    listed = []
    for number, one in enumerate(contents.series):
        taken = [
            name for name, choice in chosen.choices.items() if any(one is member.whole for member in choice.series)
        ]
        listed.append(
            describe(one) | {"chosen_as": taken[0] if taken else None, "why_not": chosen.reasons.get(number, {})}
        )
    return listed


def _list_roi(found: roi.Found) -> list[dict]:
    """Every region found: those used, and those passed over."""
    used = [
        {"name": region.name, "kind": region.kind, "volume_mm3": round(region.volume_mm3, 1), "used": True}
        for region in found.regions
    ]
    return used + [{"name": name, "used": False, "why_not": why} for name, why in found.passed_over.items()]


class _Hider:
    """Replaces words that identify the patient in everything that is written.

    Such words turn up in file names, descriptions and segment names. Chinese names stand without spaces, so they are
    replaced wherever they occur; other words only whole. The study's own name of the patient stays.
    """

    def __init__(self, words: set[str], keep: str) -> None:
        parts = []
        for word in sorted(words - {keep}, key=lambda word: (-len(word), word)):
            pattern = re.escape(word)
            parts.append(rf"(?<![^\W_]){pattern}(?![^\W_])" if word.isascii() else pattern)
        self.pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __call__(self, content: Any) -> Any:
        """The same content (text, list or dict) without these words in its texts."""
        if isinstance(content, str):
            return self.pattern.sub(HIDDEN, content) if self.pattern else content
        if isinstance(content, dict):
            return {key: self(value) for key, value in content.items()}
        return [self(value) for value in content] if isinstance(content, list) else content

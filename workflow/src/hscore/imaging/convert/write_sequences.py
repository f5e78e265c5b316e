"""Write a patient's chosen series: volume or ADC map, sidecar, and the tumour mask on each sequence's grid."""

from pathlib import Path

import numpy as np

from hscore.contracts import sidecar
from hscore.contracts.status import FindingError, Status
from hscore.imaging import nifti
from hscore.imaging.convert import conversion
from hscore.imaging.convert.candidates import Choice
from hscore.imaging.convert.conversion import Converted
from hscore.imaging.convert.diffusion import BadDiffusionError, fit_adc, fit_residual, scanner_adc
from hscore.imaging.convert.diffusion_series import too_few_b_values
from hscore.imaging.convert.series_choice import Chosen
from hscore.imaging.dicom import pixels
from hscore.imaging.dicom.frames import Frame
from hscore.imaging.dicom.grouping import Series
from hscore.imaging.dicom.patient_folder import Contents
from hscore.imaging.roi import patient_roi
from hscore.imaging.roi.plausibility import body_problem
from hscore.imaging.roi.region import Region

# Median relative residual of the ADC fit above which a radiologist should check the images. A real pelvic series (b =
# 50, 400, 800) has 0.05, partly from perfusion. Two exchanged b-values give at least twice this limit.
POOR_FIT = 0.12


class _UnusableError(FindingError):
    """A chosen sequence cannot be used."""


def write_sequences(
    status: Status,
    contents: Contents,
    chosen: Chosen,
    regions: list[Region],
    settings: dict,
    output: Path,
    fingerprints: tuple[str, dict[str, str]],
) -> list[str]:
    """Write volume, sidecar and mask of every usable sequence, and return the sequences that have all three.

    Args:
        status: status of the patient; findings are added.
        contents: the patient's folder.
        chosen: the choice for each sequence.
        regions: the regions of interest.
        settings: section ``convert`` of the config.
        output: folder for the files.
        fingerprints: salt of the fingerprints, and a dictionary to which the one of every written sequence is added.
    """
    salt, same_images = fingerprints
    usable = []
    for choice in chosen.choices.values():
        if choice.problem:
            continue
        path = output / f"sub-{status.patient}_{choice.sequence}.nii.gz"
        try:
            volume = _write_volume(status, choice, settings, path)
            if same := conversion.fingerprint(volume, salt):
                same_images[choice.sequence] = same
            if regions:
                _write_mask(status, choice, contents, regions, volume, path, settings["roi"])
                usable.append(choice.sequence)
        except _UnusableError as error:
            status.add(error.code, error.text, choice.sequence)
    return usable


def _write_volume(status: Status, choice: Choice, settings: dict, path: Path) -> nifti.Volume:
    """Write a sequence's volume and sidecar, and return the (first) volume as converted.

    Raises:
        _UnusableError: pixels cannot be read, or no ADC can be fitted.
    """
    converted = [
        _converted(series, images, choice) for series, images in zip(choice.series, choice.volumes, strict=True)
    ]
    first = converted[0].volume
    if not all(part.by_converter for part in converted):
        text = (
            f"{choice.name}: dcm2niix does not give these volumes; they were assembled from the headers of the frames"
        )
        status.add("assembled", text, choice.sequence)
    acquisition = _acquisition(choice)
    source = settings["sequences"][choice.sequence].get("source")
    try:
        if source == "diffusion":
            adc, facts = _fitted(status, choice, converted, settings["diffusion"])
        elif source == "scanner":
            adc, factor = scanner_adc(first.values(), settings["diffusion"]["range"])
            facts = {"Units": "1e-6 mm2/s", "Source": "scanner", "MultipliedBy": factor}
    except BadDiffusionError as error:
        raise _UnusableError("bad_diffusion", f"{choice.name}: {error}") from None
    if source in {"diffusion", "scanner"}:
        nifti.write(adc, first, path)
        acquisition |= facts
    else:
        nifti.write(first.stored, first, path, first.slope, first.intercept)
    sidecar.write(path, acquisition)
    return first


def _converted(series: Series, volumes: list[list[Frame]], choice: Choice) -> Converted:
    """Return a series as voxels, verified against its frames and the positions in its headers.

    Raises:
        _UnusableError: pixels cannot be read (``unreadable_sequence``).
    """
    try:
        return conversion.convert(volumes, choice.grid)
    except pixels.UnreadablePixelsError as error:
        raise _UnusableError("unreadable_sequence", f"series {series.number}: {error}") from None


def _fitted(status: Status, choice: Choice, converted: list[Converted], settings: dict) -> tuple[np.ndarray, dict]:
    """Return the ADC map of a diffusion series, or of one series per b-value, and the sidecar's entries on the fit.

    Raises:
        BadDiffusionError: no ADC can be fitted.
    """
    b_values = _b_values(choice, converted)
    if text := too_few_b_values(b_values, settings):
        raise BadDiffusionError(text)
    signal = np.concatenate([part.values() for part in converted])
    adc = fit_adc(signal, b_values, settings["zero_below"], settings["range"], settings["fit"])
    residual = fit_residual(signal, b_values, settings["zero_below"])
    if residual is not None and residual > POOR_FIT:
        text = f"{choice.name}: the signal deviates from one exponential by {100 * residual:.0f} % (median of tissue)"
        status.add("poor_adc_fit", text, choice.sequence)
    facts = {"BValues": [round(b, 3) for b in b_values], "Units": "1e-6 mm2/s", "Source": f"{settings['fit']} fit"}
    facts |= {"FitResidual": None if residual is None else round(residual, 4)}
    return converted[0].arranged(adc), facts


def _b_values(choice: Choice, converted: list[Converted]) -> list[float]:
    """Return the b-value of each volume [s/mm2]: from dcm2niix, or from the headers if it gives none or only zeros.

    dcm2niix reads private tags in their usual block, so its values do not count if another creator uses that block. Its
    zero for a volume whose header has no b-value may mean "not found". It counts only if the headers of all volumes
    have none.

    Raises:
        BadDiffusionError: both are unknown, or they contradict each other.
    """
    values: list[float] = []
    by_header = iter(choice.b_values)
    for series, volumes, part in zip(choice.series, choice.volumes, converted, strict=True):
        known = [next(by_header) for _ in volumes]
        usual = all(frame.standard_blocks for volume in volumes for frame in volume)
        by_converter = part.b_values if any(part.b_values) and usual else [None] * len(known)
        if any(b is not None for b in known):
            by_converter = [a if b is not None or a else None for a, b in zip(by_converter, known, strict=True)]
        pairs = list(zip(by_converter, known, strict=True))
        if any(None not in pair and abs(pair[0] - pair[1]) > max(5, 0.05 * pair[1]) for pair in pairs):
            listed = [", ".join("?" if b is None else f"{b:g}" for b in column) for column in (by_converter, known)]
            text = f"in series {series.number} they are {listed[0]} by dcm2niix, {listed[1]} by the headers"
            raise BadDiffusionError(f"b-values contradict each other: {text}")
        agreed = [b if a is None else a for a, b in pairs]
        if None in agreed:
            text = f"b-values of {agreed.count(None)} of {len(agreed)} volumes of series {series.number} are unknown"
            raise BadDiffusionError(text)
        values.extend(agreed)
    return values


def _write_mask(
    status: Status,
    choice: Choice,
    contents: Contents,
    regions: list[Region],
    volume: nifti.Volume,
    path: Path,
    settings: dict,
) -> None:
    """Carry the ROI to a sequence and write it next to the volume ``path``.

    Raises:
        _UnusableError: the ROI was drawn in another frame of reference, is outside by more than ``most_outside``, is
            smaller than the voxels, or covers most of the body.
    """
    sequence = choice.sequence
    rules = patient_roi.Rules(**settings)
    if rules.strict and not all(
        patient_roi.same_frame(region, choice.series[0], contents.series) for region in regions
    ):
        text = f"{choice.name} ({sequence}) has another frame of reference than the images the ROI was drawn on"
        text += f"; {patient_roi.IGNORE}"
        raise _UnusableError("foreign_roi", text)
    outside = patient_roi.outside_fraction(regions, volume.grid)
    share = f"{100 * outside:.0f} % of the ROI's volume is outside the images of {sequence} ({choice.name})"
    if outside > max(rules.most_outside, patient_roi.NEGLIGIBLE):
        limit = f"the limit is {100 * rules.most_outside:g} % ('convert.roi.most_outside')"
        raise _UnusableError("roi_outside_image", f"{share}, {limit}")
    mask = patient_roi.carry(regions, volume.grid)
    if not mask.any():
        raise _UnusableError("empty_roi", f"the ROI is smaller than the voxels of {sequence} ({choice.name})")
    if text := body_problem(mask, volume.values(0) if volume.stored.ndim == 4 else volume.values()):
        raise _UnusableError("unreadable_roi", f"{choice.name} ({sequence}): {text}")
    if outside > patient_roi.NEGLIGIBLE:
        status.add("roi_partly_outside", share, sequence)
    nifti.write(mask, volume, path.with_name(path.name.replace(".nii.gz", "_mask.nii.gz")))


def _acquisition(choice: Choice) -> dict:
    """Return the acquisition's values that later stages and readers need, under BIDS names; no dates, names or UIDs."""
    series = choice.series[0]
    return {
        "Sequence": choice.sequence,
        "SeriesDescription": series.description,
        "ProtocolName": series.protocol,
        "Manufacturer": series.vendor,
        "ManufacturersModelName": series.model,
        "MagneticFieldStrength": series.field_strength,
        "EchoTime": None if series.echo_time is None else round(series.echo_time / 1000, 6),
        "RepetitionTime": None if series.repetition_time is None else round(series.repetition_time / 1000, 6),
        "SliceThickness": series.thickness,
        "Spacing": [round(value, 4) for value in choice.grid.spacing],
    }

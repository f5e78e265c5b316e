"""A patient's chosen series to files: volume or ADC map, sidecar, and the tumour mask on each sequence's grid."""

from pathlib import Path

import numpy as np

from hscore.files import write_json
from hscore.imaging import conversion, nifti, roi
from hscore.imaging.conversion import Converted
from hscore.imaging.dicom import Contents, Frame, Series
from hscore.imaging.diffusion import BadDiffusionError, fit_adc, fit_residual, scanner_adc
from hscore.imaging.grid import SAME_POSITION, Grid
from hscore.imaging.placement import body_problem
from hscore.imaging.region import Region
from hscore.imaging.series import Choice, Chosen, too_few_b_values
from hscore.status import Status

# Median relative residual of the ADC fit above which a radiologist should look. A real pelvic series (b = 50, 400, 800)
# has 0.05, of which part is perfusion; two exchanged b-values give twice this limit and more.
POOR_FIT = 0.12


class _UnusableError(Exception):
    """A chosen sequence cannot be used: a finding's code and a text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def write_sequences(
    status: Status,
    contents: Contents,
    chosen: Chosen,
    regions: list[Region],
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
    by_dcm2niix = [one for one in series.values() if not (one.phase_of and one.frames[0].number is not None)]
    with conversion.convert(by_dcm2niix) as converted:
        for choice in choices:
            path = output / f"sub-{status.patient}_{choice.sequence}.nii.gz"
            try:
                volume = _write_volume(status, choice, converted, settings, path)
                if same := conversion.fingerprint(volume, salt):
                    same_images[choice.sequence] = same
                if regions:
                    _write_mask(status, choice, contents, regions, volume, path, settings["roi"])
                    usable.append(choice.sequence)
            except _UnusableError as error:
                status.add(error.code, error.text, choice.sequence)
    return usable


def _write_volume(
    status: Status, choice: Choice, converted: dict[str, Converted], settings: dict, path: Path
) -> nifti.Volume:
    """Write a sequence's volume and sidecar; returns the (first) volume as dcm2niix made it.

    Raises:
        _UnusableError: dcm2niix and the headers do not agree on the volume, or no ADC can be fitted.
    """
    checked = [
        _checked(one, images, choice.grid, converted) for one, images in zip(choice.series, choice.volumes, strict=True)
    ]
    first = checked[0].volume
    if not all(one.by_dcm2niix for one in checked):
        status.add("assembled", f"{choice.name}: put together by the positions of its frames", choice.sequence)
    sidecar = _sidecar(choice)
    source = settings["sequences"][choice.sequence].get("source")
    try:
        if source == "diffusion":
            adc, facts = _fitted(status, choice, checked, settings["diffusion"])
        elif source == "scanner":
            adc, factor = scanner_adc(first.values(), settings["diffusion"]["range"])
            facts = {"Units": "1e-6 mm2/s", "Source": "scanner", "MultipliedBy": factor}
    except BadDiffusionError as error:
        raise _UnusableError("bad_diffusion", f"{choice.name}: {error}") from None
    if source in {"diffusion", "scanner"}:
        nifti.write(adc, first, path)
        sidecar |= facts
    else:
        nifti.write(first.stored, first, path, first.slope, first.intercept)
    write_json(path.with_name(path.name.replace(".nii.gz", ".json")), sidecar)
    return first


def _checked(series: Series, images: list[list[Frame]], grid: Grid, converted: dict[str, Converted]) -> Converted:
    """A series as voxels that are where the headers say.

    What dcm2niix gets wrong of a multi-frame file, or one phase of such a file, is put together by the headers.

    Raises:
        _UnusableError: ``unreadable_sequence``.
    """
    multi_frame = images[0][0].number is not None
    problem = None
    if not (multi_frame and series.phase_of):
        if series.uid not in converted:
            problem = "dcm2niix cannot make one volume of it"
        else:
            volume = converted[series.uid].volume
            count = len(volume.stored) if volume.stored.ndim == 4 else 1
            if count != len(images) or not volume.grid.same_as(grid):
                problem = "size or position of the converted volume contradict the DICOM headers"
            elif (count > 1 or multi_frame) and not conversion.in_place(volume, grid, images):
                problem = "the conversion puts images into the wrong volume or slice"
            else:
                return converted[series.uid]
    if multi_frame:
        try:
            return conversion.assemble(grid, images)
        except conversion.UnreadableError as error:
            problem = problem or str(error)
    raise _UnusableError("unreadable_sequence", f"series {series.number}: {problem}")


def _fitted(status: Status, choice: Choice, converted: list[Converted], settings: dict) -> tuple[np.ndarray, dict]:
    """The ADC map of a diffusion series, or of one series for each b-value, and what the sidecar says of the fit.

    Raises:
        BadDiffusionError: no ADC can be fitted.
    """
    b_values = _b_values(choice, converted)
    if text := too_few_b_values(b_values, settings):
        raise BadDiffusionError(text)
    volumes = [one.volume for one in converted]
    if any(np.abs(volume.grid.affine - volumes[0].grid.affine).max() > SAME_POSITION for volume in volumes):
        raise BadDiffusionError("its series differ in the order of slices or rows")
    signal = np.concatenate([volume.values().reshape(-1, *volume.grid.size[::-1]) for volume in volumes])
    adc = fit_adc(signal, b_values, settings["zero_below"], settings["range"], settings["fit"])
    residual = fit_residual(signal, b_values, settings["zero_below"])
    if residual is not None and residual > POOR_FIT:
        text = f"{choice.name}: the signal lies {100 * residual:.0f} % off one exponential (median of tissue)"
        status.add("poor_adc_fit", text, choice.sequence)
    facts = {"BValues": [round(b, 3) for b in b_values], "Units": "1e-6 mm2/s", "Source": f"{settings['fit']} fit"}
    return adc, facts | {"FitResidual": None if residual is None else round(residual, 4)}


def _b_values(choice: Choice, converted: list[Converted]) -> list[float]:
    """b-value of each volume (s/mm2): what dcm2niix says of its series, or the headers where it is silent or all zero.

    Raises:
        BadDiffusionError: neither knows, or they contradict each other.
    """
    values: list[float] = []
    by_header = iter(choice.b_values)
    for one, volumes, told in zip(choice.series, choice.volumes, [one.b_values for one in converted], strict=True):
        known = [next(by_header) for _ in volumes]
        if told and len(told) == len(volumes) and any(told):
            if any(b is not None and abs(a - b) > max(5, 0.05 * b) for a, b in zip(told, known, strict=True)):
                listed = [", ".join("?" if b is None else f"{b:g}" for b in values) for values in (told, known)]
                text = f"in series {one.number} they are {listed[0]} by dcm2niix, {listed[1]} by the headers"
                raise BadDiffusionError(f"b-values contradict each other: {text}")
            known = told
        if None in known:
            text = f"b-values of {known.count(None)} of {len(known)} volumes of series {one.number} are unknown"
            raise BadDiffusionError(text)
        values.extend(known)
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
    """Carry the ROI to a sequence and write it beside its volume, whose file is ``path``.

    Raises:
        _UnusableError: it was drawn in another frame of reference, lies outside by more than ``most_outside``, is
            smaller than the voxels, or covers most of the body.
    """
    sequence = choice.sequence
    rules = roi.Rules(**settings)
    if rules.strict and not all(roi.same_frame(region, choice.series[0], contents.series) for region in regions):
        text = f"{choice.name} ({sequence}) has another frame of reference than the images the ROI was drawn on"
        text += f"; {roi.IGNORE}"
        raise _UnusableError("foreign_roi", text)
    outside = roi.outside_fraction(regions, volume.grid)
    share = f"{100 * outside:.0f} % of the ROI's volume lie outside the images of {sequence} ({choice.name})"
    if outside > max(rules.most_outside, roi.NEGLIGIBLE):
        limit = f"at most {100 * rules.most_outside:g} % may ('convert.roi.most_outside')"
        raise _UnusableError("roi_outside_image", f"{share}, {limit}")
    mask = roi.carry(regions, volume.grid)
    if not mask.any():
        raise _UnusableError("empty_roi", f"the ROI is smaller than the voxels of {sequence} ({choice.name})")
    if text := body_problem(mask, volume.values(0) if volume.stored.ndim == 4 else volume.values()):
        raise _UnusableError("unreadable_roi", f"{choice.name} ({sequence}): {text}")
    if outside > roi.NEGLIGIBLE:
        status.add("roi_partly_outside", share, sequence)
    nifti.write(mask, volume, path.with_name(path.name.replace(".nii.gz", "_mask.nii.gz")))


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

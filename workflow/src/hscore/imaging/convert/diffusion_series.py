"""Find the diffusion measurements among a patient's series: the images of each, and those that enter the fit."""

import re
from collections.abc import Sequence

from hscore.imaging.convert.candidates import Choice, broken, with_grid
from hscore.imaging.convert.diffusion import distinct
from hscore.imaging.convert.recognition import measured
from hscore.imaging.convert.volumes import weighted
from hscore.imaging.dicom import pixels
from hscore.imaging.dicom.frames import Frame
from hscore.imaging.dicom.geometry import BrokenGeometryError
from hscore.imaging.dicom.grouping import Series

FEWEST_DIRECTIONS = 3
SAME_TIME = 0.01  # relative difference of echo and repetition times that counts as rounding


def diffusion_candidates(sequence: str, series: Sequence[Series], settings: dict) -> list[Choice]:
    """Return every series with several b-values, and every set of single-b-value series that form one measurement.

    A series whose headers give no b-values is a candidate, too, because the conversion may provide them.

    Args:
        sequence: the study's name of the sequence.
        series: series that meet the rules of the sequence.
        settings: section ``convert.diffusion`` of the config.
    """
    candidates, single = [], []
    for item in sorted(series, key=lambda item: item.acquired):
        candidate = _candidate(sequence, item, settings["zero_below"])
        known = distinct(item.b_values, settings["zero_below"])
        (single if len(known) == 1 and not candidate.problem else candidates).append(candidate)
    candidates.extend(_pooled(single, settings["zero_below"]))
    for candidate in candidates:
        if candidate.problem:
            continue
        text = None if None in candidate.b_values else too_few_b_values(candidate.b_values, settings)
        text = text or _too_few_directions(candidate, settings["zero_below"])
        frames = [frame for volumes in candidate.volumes for volume in volumes for frame in volume]
        if text is None and pixels.scales_differ(frames):
            slopes = ", ".join(f"{slope:g}" for slope in sorted({frame.rescale[0] for frame in frames})[:4])
            text = f"its images have different rescale slopes ({slopes}) and no scale of the vendor to compare them by"
        if text:
            others = f"; {candidate.why_separate}" if candidate.why_separate else ""
            candidate.problem = ("bad_diffusion", f"{candidate.name}: {text}{others}")
    return candidates


def _candidate(sequence: str, series: Series, zero_below: float) -> Choice:
    """Return one series with those of its volumes that show the mean of the directions."""
    frames = [frame for frame in series.frames if measured(frame.image_type, frame.directionality)]
    choice, slices = with_grid(sequence, series, frames)
    if choice.problem:
        return choice
    try:
        volumes = weighted(slices)
    except BrokenGeometryError as error:
        return broken(choice, f"series {series.number}: {error}")
    choice.volumes = [_mean_of_directions(volumes, zero_below)]
    return choice


def _mean_of_directions(volumes: list[list[Frame]], zero_below: float) -> list[list[Frame]]:
    """Return at each b-value the isotropic (combined, trace-weighted) images, or all directions if there are none.

    The scanner computes the isotropic images from the directions. Using both would count the data twice.
    """
    isotropic = {_level(volume, zero_below) for volume in volumes if volume[0].directionality == "ISOTROPIC"}
    return [
        volume
        for volume in volumes
        if volume[0].directionality == "ISOTROPIC" or _level(volume, zero_below) not in isotropic - {0.0, None}
    ]


def _level(volume: list[Frame], zero_below: float) -> float | None:
    """Return the b-value of a volume [s/mm2], zero or rounded as in ``diffusion.levels_of``; None if unknown."""
    b = volume[0].b_value
    return None if b is None else 0.0 if b < zero_below else float(round(b))


def _pooled(single: Sequence[Choice], zero_below: float) -> list[Choice]:
    """Combine series of one b-value each, on one grid, into measurements.

    They must agree in frame of reference, echo and repetition time and protocol. A b-value that occurs again in the
    same direction starts the next measurement, in the order of times or numbers. Repetitions are never mixed.
    """
    sets: list[list[Choice]] = []
    for candidate in single:
        weighting = _weighting(candidate, zero_below)
        for members in reversed(sets):
            if _why_separate(members[0], candidate) is None:
                if all(_weighting(member, zero_below) != weighting for member in members):
                    members.append(candidate)
                else:
                    sets.append([candidate])
                break
        else:
            sets.append([candidate])
    pooled = []
    for members in sets:
        choice = _joined(members, zero_below)
        others = [candidate for candidate in single if not any(candidate is member for member in members)]
        reasons = [
            f"{candidate.name} is not of the same measurement: {why}"
            for candidate in others
            if (why := _why_separate(members[0], candidate))
        ]
        choice.why_separate = "; ".join(reasons)
        pooled.append(choice)
    return pooled


def _joined(members: Sequence[Choice], zero_below: float) -> Choice:
    """Return the series of one measurement as one candidate, without directions that have an isotropic image."""
    every = [volume for member in members for volume in member.volumes[0]]
    kept = {id(volume) for volume in _mean_of_directions(every, zero_below)}
    volumes = [[volume for volume in member.volumes[0] if id(volume) in kept] for member in members]
    used = [(member.series[0], remaining) for member, remaining in zip(members, volumes, strict=True) if remaining]
    return Choice(
        members[0].sequence,
        [series for series, _ in used],
        members[0].grid,
        [remaining for _, remaining in used],
    )


def _weighting(candidate: Choice, zero_below: float) -> tuple:
    """Return b-value, directionality and direction of a series of one b-value."""
    first = candidate.volumes[0][0]
    return _level(first, zero_below), first[0].directionality, first[0].direction


def _too_few_directions(candidate: Choice, zero_below: float) -> str | None:
    """Return why the directions of a b-value do not give the mean diffusion; None if they do or are unknown."""
    directions: dict[float, list] = {}
    for volumes in candidate.volumes:
        for volume in volumes:
            level = _level(volume, zero_below)
            if volume[0].directionality == "DIRECTIONAL" and level:
                directions.setdefault(level, []).append(volume[0].direction)
    for level, vectors in directions.items():
        count = len(set(vectors) - {None}) or len(vectors)
        if count < FEWEST_DIRECTIONS:
            return f"at b = {level:g} s/mm2 there are {count} diffusion directions; the mean needs {FEWEST_DIRECTIONS}"
    return None


def _why_separate(first_choice: Choice, second_choice: Choice) -> str | None:
    """Return why two series of one b-value each are not one measurement; None if they are."""
    first, second = first_choice.series[0], second_choice.series[0]
    if first.frame_of_reference != second.frame_of_reference:
        return "another frame of reference"
    if not first_choice.grid.same_as(second_choice.grid):
        return "other positions or pixels"
    for name in ("echo_time", "repetition_time"):
        a, b = getattr(first, name), getattr(second, name)
        if (a is None) != (b is None) or (a is not None and abs(a - b) > SAME_TIME * max(a, b)):
            return f"{name.replace('_', ' ')} {'unknown' if b is None else f'{b:g} ms'}, not {a} ms"
    if _protocol(first) != _protocol(second):
        return "another protocol"
    return None


def _protocol(series: Series) -> str:
    """Return the protocol name without b-values and numbers, which differ between the series of one measurement."""
    return re.sub(r"(?<![a-z])b[ =_-]?\d+|[\d\W_]+", "", series.protocol.lower())


def too_few_b_values(b_values: list[float], settings: dict) -> str | None:
    """Return why an ADC cannot be fitted to these b-values [s/mm2]; None if it can."""
    known = distinct(b_values, settings["zero_below"])
    if not known:
        return "its b-values are unknown: no standard tag and no vendor's tag contains them"
    if len(known) == 1:
        return f"all images have b = {known[0]:g} s/mm2; at least two different ones are needed"
    if known[-1] - known[0] < settings["minimum_b_difference"]:
        listed = ", ".join(f"{b:g}" for b in known)
        return f"b-values {listed} s/mm2 are closer than {settings['minimum_b_difference']:g} s/mm2"
    return None

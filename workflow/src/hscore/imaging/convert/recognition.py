"""Recognise a series by its header content: the rules of the config, and a guess for readers of the inventory."""

import re

from hscore.errors import UserError
from hscore.imaging.dicom import vocabulary as words
from hscore.imaging.dicom.geometry import perpendicular, plane
from hscore.imaging.dicom.grouping import Series

# Image types that exclude a series as the source of an anatomical sequence.
NOT_ANATOMICAL = r"localizer|mosaic|projection|(?<![a-z])(m|min|mini)ip(?![a-z])|mpr|reformat|\\sub|secondary|screen"
# Words of a description that exclude a series as a source, regardless of the config.
NEVER_A_SOURCE = {
    "an overview": words.LOCALIZER,
    "a subtraction": words.SUBTRACTION,
    "a projection or reformat": words.PROJECTION,
    "inverted": words.INVERTED,
    "synthetic": words.SYNTHETIC,
    "a parameter map": words.MAP,
}
USABLE_PARTS = {"", "water", "in-phase"}

# Words of the exponential ADC, which is not the scanner's ADC map.
NOT_SCANNER_ADC = r"localizer|screen|(?<![a-z])e-?adc|expo"
NOT_DIFFUSION = r"localizer|mosaic|\\exp|calc|comput|synth|screen"
# DERIVED images that are means of measured images.
TRACE = r"trace|isotropic|combined|average|mean"

# Words that `guess` looks for in description and image type; the first match decides.
WORDS = {
    "localizer": words.LOCALIZER,
    "exponential ADC": r"(?<![a-z])e-?adc|expo",
    "ADC map of the scanner": words.ADC_MAP,
    "calculated b-value": words.COMPUTED_DIFFUSION,
    "fractional anisotropy": r"\\fa(?![a-z])|fractional",
    "subtraction": words.SUBTRACTION,
    "projection": words.PROJECTION,
    "diffusion": r"dwi|diff|difu|dti|弥散|扩散|拡散|дифф",
    "T2": r"t2",
    "T1": r"t1|vibe|lava|thrive|quick3d|flash|fspgr",
    "proton density": r"(?<![a-z])pd(?![a-z])|proton",
    "inversion recovery": r"flair|stir|tirm",
}
# Echo and repetition times (ms) of spin-echo T2 and of T1, for series without a matching word.
T2_TIMES = ((60, 200), (1500, 30_000))
T1_TIMES = ((0, 30), (0, 1200))

# mm: a diagnostic series of the pelvis is finer. Below: the slices that a series without a name needs.
COARSEST_PIXEL = 5.0
WIDEST_SLICE_DISTANCE = 8.5
FEWEST_UNNAMED_SLICES = 6
WIDEST_UNNAMED_DISTANCE = 7.5
# Number of slices per plane up to which a series of several planes is a localizer.
MOST_LOCALIZER_SLICES = 6
# Cycles by which fat lags behind water in 1 ms at 1 T: 3.5 ppm of 42.577 MHz/T.
FAT_CYCLES = 3.5e-6 * 42.577e6 * 1e-3


def mismatch(series: Series, rule: dict) -> str | None:
    """Return the first rule of a sequence that a series does not meet, in words; None if it meets all.

    Patterns are searched in the SeriesDescription, or in the ProtocolName if there is no description. A description
    that names no sequence at all does not exclude a series whose content is clear: b-values for a diffusion series,
    otherwise the times under ``unnamed``.
    """
    kind = "\\".join(series.image_type)
    if series.modality != "MR":
        return f"modality {series.modality or 'unknown'}, not MR"
    if color := series.frames[0].color:
        return "inverted grey scale (MONOCHROME1)" if color == "MONOCHROME1" else f"a colour picture ({color})"
    if series.frames[0].tile is None and (word := checked_match("mosaic|vframe", kind)):
        return f"image type contains '{word}': a volume as one picture; export its slices as single images"
    scanner = rule.get("source") == "scanner"
    reason = _no_scanner_map(series, kind) if scanner else _no_source(series, kind, rule)
    if reason:
        return reason
    if (wanted := rule.get("image_type")) and not checked_match(wanted, kind):
        return f"image type does not match '{wanted}'"
    if reason := _wrong_times(series, rule):
        return reason
    if rule.get("contrast") and (reason := _no_contrast(series)):
        return reason
    orientation = series.frames[0].orientation
    if orientation is None:
        return "its images have no position"
    if not perpendicular(orientation):
        return "the directions of its rows and columns are not perpendicular unit vectors"
    if rule.get("orientation") and plane(orientation) != rule["orientation"]:
        return f"{plane(orientation)}, not {rule['orientation']}"
    return None


def _no_source(series: Series, kind: str, rule: dict) -> str | None:
    """Return why a series is not the source of a sequence; None if it is."""
    diffusion = rule.get("source") == "diffusion"
    if not checked_match(rule["description"], series.text):
        weighted = any(b > 0 for b in series.b_values)
        if not (weighted if diffusion else _times_match(series, kind, rule)):
            return _unrecognized(series, rule, diffusion)
    if rule.get("exclude") and (word := checked_match(rule["exclude"], series.text)):
        return f"description contains '{word}'"
    reason = _not_measured(series, kind) if diffusion else _not_anatomical(series, kind, rule)
    if reason:
        return reason
    if rule.get("exclude_image_type") and (word := checked_match(rule["exclude_image_type"], kind)):
        return f"image type contains '{word}'"
    return None


def _unrecognized(series: Series, rule: dict, diffusion: bool) -> str:
    """Return why a series whose description does not match is not recognised by its content either."""
    lacking = f"description does not match '{rule['description']}'" if series.text else "it has no description"
    if diffusion:
        return lacking if series.text else "it has no description and no b-values"
    if series.text and _names_a_sequence(series, "\\".join(series.image_type)) or not rule.get("unnamed"):
        return lacking
    reason = _wrong_times(series, rule["unnamed"]) or _overview(series) or "it is echo-planar"
    return f"{lacking}, and {reason}"


def _not_anatomical(series: Series, kind: str, rule: dict) -> str | None:
    """Return why the images are not measured magnitude images of one anatomical sequence; None if they are."""
    part = part_of(series)
    if part == "unknown":
        return f"one of {series.echoes} echoes; without a field strength, in phase and opposed phase look alike"
    if part not in USABLE_PARTS:
        return f"it shows the {part} image"
    for what, pattern in NEVER_A_SOURCE.items():
        if word := checked_match(pattern, series.text):
            return f"it is {what}: its description contains '{word}'"
    if (word := checked_match(NOT_ANATOMICAL, kind)) and not (part and word.lower() == "secondary"):
        return f"image type contains '{word.strip(chr(92))}'"
    if reason := _coarse(series):
        return reason
    if series.echoes > 1 and (limits := rule.get("unnamed")) and (reason := _wrong_times(series, limits)):
        return f"one of {series.echoes} echoes: {reason}"
    return None


def _not_measured(series: Series, kind: str) -> str | None:
    """Return why the images of a diffusion series were not measured; None if they were."""
    if series.part:
        return f"it shows the {series.part} image"
    if word := checked_match(words.COMPUTED_DIFFUSION, series.text):
        return f"its images were computed, not measured: its description contains '{word}'"
    if word := checked_match(words.INVERTED, series.text) or checked_match(words.PROJECTION, series.text):
        return f"its images were derived, not measured: its description contains '{word}'"
    if (word := checked_match(words.ADC_MAP, series.text)) and len(series.b_values) < 2:
        return f"it is an ADC map: its description contains '{word}' and it does not have two b-values"
    if not any(measured(frame.image_type, frame.directionality) for frame in series.frames):
        if word := checked_match(NOT_DIFFUSION, kind):
            return f"image type contains '{word.strip(chr(92))}'"
        return f"its images were computed, not measured: image type {kind}"
    return None


def measured(image_type: tuple[str, ...], directionality: str = "") -> bool:
    """Return whether diffusion images were measured or are means of measured ones (trace-weighted, isotropic)."""
    if checked_match(NOT_DIFFUSION, "\\".join(image_type)):
        return False
    derived = bool(image_type) and image_type[0].strip().upper() == "DERIVED"
    return not derived or directionality == "ISOTROPIC" or bool(checked_match(TRACE, "\\".join(image_type)))


def part_of(series: Series) -> str:
    """Return the part of an acquisition that a series shows, by its types and words or by its echo time.

    The echo time counts only for a series of several echoes. Fat and water are in phase after whole cycles and opposed
    after half cycles.
    """
    if series.part or series.echoes == 1 or not series.echo_time or series.echo_time > T1_TIMES[0][1]:
        return series.part
    if not series.field_strength:
        return "unknown"
    cycle = FAT_CYCLES * series.echo_time * series.field_strength % 1
    return "opposed-phase" if 0.25 < cycle < 0.75 else "in-phase"


def is_dixon(series: Series) -> bool:
    """Return whether description or image type name a Dixon acquisition."""
    return bool(checked_match(words.DIXON, f"{series.text}\\{chr(92).join(series.image_type)}"))


def _coarse(series: Series) -> str | None:
    """Return why a series is too coarse to be more than an overview; None if it is not."""
    places = {frame.position for frame in series.frames}
    if series.planes > 1 and len(places) <= MOST_LOCALIZER_SLICES:
        return f"a localizer: {series.planes} planes in one series, {len(places)} slices in this one"
    spacing, distance = series.frames[0].spacing, series.slice_distance or series.thickness
    if spacing and max(spacing) > COARSEST_PIXEL:
        return f"an overview: pixels of {max(spacing):.1f} mm"
    if distance and distance > WIDEST_SLICE_DISTANCE:
        return f"an overview: slices {distance:.1f} mm apart"
    return None


def _overview(series: Series) -> str | None:
    """Return why a series without a name may be a localizer; None if it is none. A name would be trusted."""
    places = {frame.position for frame in series.frames}
    if series.planes > 1:
        return f"it has {series.planes} planes, like a localizer"
    if len(places) < FEWEST_UNNAMED_SLICES:
        return f"it has only {len(places)} slices, like a localizer"
    if series.slice_distance and series.slice_distance > WIDEST_UNNAMED_DISTANCE:
        return f"its slices are {series.slice_distance:g} mm apart, like a localizer's"
    if series.thickness and series.slice_distance and series.slice_distance > 1.6 * series.thickness:
        return f"its slices of {series.thickness:g} mm are {series.slice_distance:g} mm apart, like a localizer's"
    return _coarse(series)


def _times_match(series: Series, kind: str, rule: dict) -> bool:
    """Return whether the description names no sequence and echo and repetition time are those under ``unnamed``."""
    diffusion = series.echo_planar or any(b > 0 for b in series.b_values)
    times = rule.get("unnamed")
    return bool(times) and not (
        _names_a_sequence(series, kind) or diffusion or _wrong_times(series, times) or _overview(series)
    )


def _names_a_sequence(series: Series, kind: str) -> bool:
    """Return whether description or image type contain a word for any kind of series."""
    return any(checked_match(pattern, f"{series.text}\\{kind}") for pattern in WORDS.values())


def _wrong_times(series: Series, limits: dict) -> str | None:
    """Return why the times are outside ``echo_time_ms`` and ``repetition_time_ms``; None if inside or not given."""
    for key, value in (("echo_time_ms", series.echo_time), ("repetition_time_ms", series.repetition_time)):
        name = key.removesuffix("_ms").replace("_", " ")
        if (bounds := limits.get(key)) and value is None:
            return f"{name} unknown"
        if bounds and not bounds[0] <= value <= bounds[1]:
            return f"{name} {value:g} ms, not {bounds[0]:g} to {bounds[1]:g} ms"
    return None


def _no_scanner_map(series: Series, kind: str) -> str | None:
    """Return why a series is not an ADC map made by the scanner; None if it is. Patterns of the config do not apply."""
    derived = checked_match("derived", kind) and checked_match(words.ADC_MAP, series.text)
    if not (derived or series.part == "ADC" or checked_match(words.ADC_MAP, kind)):
        return "not an ADC map made by the scanner"
    if word := checked_match(NOT_SCANNER_ADC, f"{kind}\\{series.text}"):
        return f"image type or description contains '{word}'"
    return None


def named_as_enhanced(series: Series) -> bool:
    """Return whether the description says that the images are contrast-enhanced."""
    return words.enhanced_by(series.text) is not None


def has_contrast(series: Series) -> bool:
    """Return whether header or description name a contrast agent and the description does not deny it."""
    return _no_contrast(series) is None


def _no_contrast(series: Series) -> str | None:
    """Return why a series is not contrast-enhanced; None if it is."""
    if word := words.without_agent(series.text):
        return f"without contrast agent: its description contains '{word}'"
    if series.before_contrast:
        return "acquired before the contrast agent was given"
    given = not re.fullmatch(words.NO_AGENT, series.contrast_agent.strip(), re.IGNORECASE)
    return None if given or words.enhanced_by(series.text) else "no contrast agent"


def guess(series: Series) -> str:
    """Return what a series seems to be, for readers of the inventory only; "" if unknown. No decision uses it."""
    kind = "\\".join(series.image_type)
    name = next((name for name, pattern in WORDS.items() if checked_match(pattern, f"{series.text}\\{kind}")), "")
    if not name and any(b > 0 for b in series.b_values):
        name = "diffusion"
    if not name and not series.echo_planar:
        times = {"T2": T2_TIMES, "T1": T1_TIMES}
        name = next((label for label, (echo, repetition) in times.items() if _within(series, echo, repetition)), "")
    return f"{name}, contrast-enhanced" if name == "T1" and has_contrast(series) else name


def _within(series: Series, echo: tuple, repetition: tuple) -> bool:
    """Return whether echo and repetition time are within limits [ms]."""
    return not _wrong_times(series, {"echo_time_ms": echo, "repetition_time_ms": repetition})


def checked_match(pattern: str, text: str) -> str | None:
    """Return the first match of a pattern of the config in a text, ignoring case, or None.

    Raises:
        UserError: the pattern is not a regular expression.
    """
    try:
        return words.first_match(pattern, text)
    except re.error as error:
        raise UserError(f"config, convert: '{pattern}' is not a regular expression ({error})") from None

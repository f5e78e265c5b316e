"""What a series is, by the content of its headers: the rules of the config, and a guess for people."""

import re

from hscore.errors import UserError
from hscore.imaging.dicom import Series
from hscore.imaging.geometry import plane

# Contrast-enhanced, in the words of descriptions: "t1+c", "T1 CE", "post gad", "nach KM", "T1 inj", "增强", "造影".
CONTRAST = (
    r"\+\s*(c|km|gd|k)(?![a-z])|(?<![a-z])(c\+|ce|gd|gad[a-z]*|post[a-z]*|km|inj[a-z]*|[ck]ontrast[a-z]*)(?![a-z])"
    r"|增强|造影|контраст|к/у"
)
# ... and without it, in the same languages; it wins, because "sans injection" holds the word, too
NO_CONTRAST = (
    r"(?<![a-z])(pre|native?|nativo|plain|unenhanced|(w/?o|non?|without|ohne|sans|sin|senza|sem|vor|avant|antes|prima)"
    r"[ _-]*(de +|di +|d')?(ce|gd|gad[a-z]*|km|inj[a-z]*|[ck]ontrast[a-z]*))(?![a-z])|平扫|单纯|単純|без"
)

# Image types that are no source of a sequence: pictures made from others, and parts of a Dixon or complex image.
NOT_ANATOMICAL = (
    r"localizer|mosaic|projection|(?<![a-z])m?(in)?ip(?![a-z])|mpr|reformat|\\sub|secondary|screen"
    r"|\\(f|fat|op|p|r|i|phase map)(?![a-z ])|(in|opp|out)_phase"
)
# A scanner's own ADC map, by its image type or, where that is vague, its description; and its exponential cousin.
SCANNER_ADC = r"(?<![a-z])adc(?![a-z])|apparent|表观"
NOT_SCANNER_ADC = r"localizer|screen|(?<![a-z])e-?adc|expo"
NOT_DIFFUSION = r"localizer|mosaic|adc|\\fa(?![a-z])|\\exp|calc|screen"

# Words of a description that say what a series is, for `guess`: the first that is found, in its description or type.
WORDS = {
    "localizer": r"local|scout|survey|定位",
    "exponential ADC": r"(?<![a-z])e-?adc|expo",
    "ADC map of the scanner": SCANNER_ADC,
    "calculated b-value": r"calc|comp(uted)?[ _-]*b",
    "fractional anisotropy": r"\\fa(?![a-z])|fractional",
    "subtraction": r"(?<![a-z])subt?r?|减影",
    "projection": r"(?<![a-z])m?(in)?ip(?![a-z])|projection",
    "reformat": r"mpr|reformat",
    "diffusion": r"dwi|diff|difu|dti|弥散|扩散|拡散|дифф",
    "T2": r"t2",
    "T1": r"t1|vibe|lava|thrive|quick3d|flash|fspgr",
    "proton density": r"(?<![a-z])pd(?![a-z])|proton",
    "inversion recovery": r"flair|stir|tirm",
}
# Echo and repetition times (ms) of spin-echo T2 and of T1, where no word helps.
T2_TIMES = ((60, 200), (1500, 30_000))
T1_TIMES = ((0, 30), (0, 1200))


def mismatch(series: Series, rule: dict) -> str | None:
    """The first rule of a sequence that a series breaks, in words; None when it meets them all.

    Patterns are searched in the SeriesDescription; in the ProtocolName only where there is no description, because
    GE writes the name of the whole examination there. A description that names no sequence at all is no obstacle where
    the content tells: b-values for a diffusion series, else the times under ``unnamed``.
    """
    text = series.description or series.protocol
    if series.modality != "MR":
        return f"modality {series.modality or 'unknown'}, not MR"
    kind = "\\".join(series.image_type)
    scanner = rule.get("source") == "scanner"
    reason = _no_scanner_map(text, kind) if scanner else _no_source(series, text, kind, rule)
    if reason:
        return reason
    if (wanted := rule.get("image_type")) and not found(wanted, kind):
        return f"image type does not match '{wanted}'"
    if reason := _wrong_times(series, rule):
        return reason
    if rule.get("contrast") and not has_contrast(series):
        return "no contrast agent"
    orientation = series.frames[0].orientation
    if orientation is None:
        return "its images carry no position"
    if rule.get("orientation") and plane(orientation) != rule["orientation"]:
        return f"{plane(orientation)}, not {rule['orientation']}"
    return None


def _no_source(series: Series, text: str, kind: str, rule: dict) -> str | None:
    """Why a series is not the source images of a sequence; None when it is."""
    diffusion = rule.get("source") == "diffusion"
    if not found(rule["description"], text) and not (
        any(b > 0 for b in series.b_values) if diffusion else _told_by_times(series, text, kind, rule)
    ):
        return f"description does not match '{rule['description']}'"
    if rule.get("exclude") and (word := found(rule["exclude"], text)):
        return f"description contains '{word}'"
    if word := found(NOT_DIFFUSION if diffusion else NOT_ANATOMICAL, kind):
        return f"image type contains '{word.strip(chr(92))}'"
    if rule.get("exclude_image_type") and (word := found(rule["exclude_image_type"], kind)):
        return f"image type contains '{word}'"
    return None


def _told_by_times(series: Series, text: str, kind: str, rule: dict) -> bool:
    """True where the description names no sequence and echo and repetition time are those under ``unnamed``."""
    named = any(found(pattern, f"{text}\\{kind}") for pattern in WORDS.values())
    diffusion = series.echo_planar or any(b > 0 for b in series.b_values)
    times = rule.get("unnamed")
    return bool(times) and not (named or diffusion or _wrong_times(series, times))


def _wrong_times(series: Series, limits: dict) -> str | None:
    """Why echo or repetition time do not lie within ``echo_time_ms`` and ``repetition_time_ms``, if these are given."""
    for key, value in (("echo_time_ms", series.echo_time), ("repetition_time_ms", series.repetition_time)):
        name = key.removesuffix("_ms").replace("_", " ")
        if (bounds := limits.get(key)) and value is None:
            return f"{name} unknown"
        if bounds and not bounds[0] <= value <= bounds[1]:
            return f"{name} {value:g} ms, not {bounds[0]:g} to {bounds[1]:g} ms"
    return None


def _no_scanner_map(text: str, kind: str) -> str | None:
    """Why a series is no ADC map made by the scanner; None when it is one. The patterns of the config do not count."""
    derived = found("derived", kind) and found(SCANNER_ADC, text)
    if not (derived or found(SCANNER_ADC, kind)):
        return "not an ADC map made by the scanner"
    if word := found(NOT_SCANNER_ADC, f"{kind}\\{text}"):
        return f"image type or description contains '{word}'"
    return None


def has_contrast(series: Series) -> bool:
    """True when the header names a contrast agent or the description says so, and it does not say the opposite."""
    text = series.description or series.protocol
    agent = series.contrast_agent.strip().lower()
    return not found(NO_CONTRAST, text) and (agent not in {"", "no", "none", "0", "n"} or bool(found(CONTRAST, text)))


def guess(series: Series) -> str:
    """What a series seems to be, for people who read the inventory; "" where nothing tells. It decides nothing."""
    text, kind = series.description or series.protocol, "\\".join(series.image_type)
    name = next((name for name, pattern in WORDS.items() if found(pattern, f"{text}\\{kind}")), "")
    if not name and any(b > 0 for b in series.b_values):
        name = "diffusion"
    if not name and not series.echo_planar:
        times = {"T2": T2_TIMES, "T1": T1_TIMES}
        name = next((one for one, (echo, repetition) in times.items() if _within(series, echo, repetition)), "")
    return f"{name}, contrast-enhanced" if name == "T1" and has_contrast(series) else name


def _within(series: Series, echo: tuple, repetition: tuple) -> bool:
    return not _wrong_times(series, {"echo_time_ms": echo, "repetition_time_ms": repetition})


def found(pattern: str, text: str) -> str | None:
    """What ``pattern`` finds in ``text``, without regard to case; None for nothing.

    Raises:
        UserError: it is not a regular expression.
    """
    try:
        match = re.search(pattern, text, re.IGNORECASE)
    except re.error as error:
        raise UserError(f"config, convert: '{pattern}' is not a regular expression ({error})") from None
    return match[0] if match else None

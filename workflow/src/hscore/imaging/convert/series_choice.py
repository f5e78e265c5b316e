"""Choose the series of each sequence from a patient's folder by the content of the headers.

Rules come from the config (``convert.sequences``). Every series that is not chosen gets a reason in words.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hscore.contracts.status import Finding
from hscore.imaging.convert.candidates import Choice, anatomical_candidate
from hscore.imaging.convert.diffusion_series import diffusion_candidates
from hscore.imaging.convert.examinations import Drawn, examination_days, examinations
from hscore.imaging.convert.recognition import guess, is_dixon, mismatch, named_as_enhanced, part_of
from hscore.imaging.dicom import pixels
from hscore.imaging.dicom.geometry import plane
from hscore.imaging.dicom.grouping import Series
from hscore.imaging.dicom.values import HALF_A_DAY
from hscore.imaging.dicom.vocabulary import SINGLE_SHOT, first_match

TIE = (
    "in this order: drawn on by the ROI, in its frame of reference, water before in-phase, original before derived, "
    "no overview or single shot, most slices, finest pixels, latest"
)
# A candidate coarser than another by this factor counts as an overview.
COARSER = 1.5


@dataclass
class Chosen:
    """The outcome: a choice for each sequence that has one, findings, and why the other series were not chosen."""

    choices: dict[str, Choice] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[int, dict[str, str]] = field(default_factory=dict)  # index of series -> sequence -> reason


def choose(series: Sequence[Series], settings: dict, drawn: Drawn | None = None) -> Chosen:
    """Choose a series for every sequence of ``settings["sequences"]``, all from one examination.

    If several series meet the rules, whole ones rank before broken ones, and then the order of ``TIE`` decides. A
    ``several_series`` note reports it. Among several examinations the one that the region was drawn in is used, then
    the one with most sequences, then the ``first`` or ``last`` as set in ``settings["examination"]``. A
    ``several_examinations`` note reports it.

    Args:
        series: the series of one patient's folder.
        settings: section ``convert`` of the config.
        drawn: the images that the region of interest was drawn on.
    """
    drawn = drawn or Drawn()
    groups = examinations(series, settings["roi"].get("frame_of_reference") != "ignore")
    if len(groups) < 2:
        return _choose_of_one(series, settings, range(len(series)), drawn)
    outcomes = [_choose_of_one(series, settings, members, drawn) for members in groups]
    order = range(len(groups)) if settings["examination"] == "first" else range(len(groups))[::-1]

    def near(place: int) -> tuple:
        return drawn.nearness(series[number] for number in groups[place])

    def rank(place: int) -> tuple:
        usable = sum(not choice.problem for choice in outcomes[place].choices.values())
        return near(place), usable, -list(order).index(place)

    best = max(range(len(groups)), key=rank)
    outcome = outcomes[best]
    days = examination_days(series)
    for place, members in enumerate(groups):
        if place != best:
            away = _away(days, members, groups[best])
            for number in members:
                outcome.reasons[number] = dict.fromkeys(settings["sequences"], f"of another examination{away}")
    nearest = sorted((near(place) for place in range(len(groups))), reverse=True)
    why = "the ROI belongs to it" if nearest[0] > nearest[1] else f"most sequences, then the {settings['examination']}"
    known = [day for day in days if day is not None]
    span = f"within {max(known)} days" if known and max(known) > 0 else "by study and frame of reference"
    text = f"{len(groups)} examinations {span}; number {best + 1} was used ({why})"
    outcome.findings.insert(0, Finding("several_examinations", text))
    return outcome


def _away(days: Sequence[int | None], members: Sequence[int], best: Sequence[int]) -> str:
    """Return the distance in time of an examination from the chosen one, in words."""
    day, chosen = (next((days[n] for n in group if days[n] is not None), None) for group in (members, best))
    if day is None:
        return ", without a date"
    if chosen is None or day == chosen:
        return ", in another frame of reference"
    return f", {abs(day - chosen)} days {'later' if day > chosen else 'earlier'}"


def _choose_of_one(series: Sequence[Series], settings: dict, members: Sequence[int], drawn: Drawn) -> Chosen:
    """Choose among the ``series`` of one examination, whose indices are ``members``."""
    outcome = Chosen(reasons={number: {} for number in members})
    for sequence, rule in settings["sequences"].items():
        matching = _matching(sequence, rule, series, members, outcome)
        if rule.get("source") == "diffusion":
            candidates = diffusion_candidates(sequence, matching, settings["diffusion"])
        else:
            candidates = [anatomical_candidate(sequence, item, rule.get("phase")) for item in matching]
            _refuse_nameless(candidates)
            _refuse_unnamed_twins(candidates, rule)
        if not candidates:
            outcome.findings.append(Finding("missing_sequence", _why_none(sequence, outcome.reasons), sequence))
            continue
        best = max(candidates, key=lambda candidate: _rank(candidate, candidates, drawn))
        if rule.get("contrast"):
            _refuse_a_draw(best, candidates, drawn)
        for number in members:
            item = series[number]
            if any(item is fitting for fitting in matching) and not any(item is used for used in best.series):
                outcome.reasons[number][sequence] = _why_second(item, candidates, best)
        if len(candidates) > 1:
            names = "; ".join(candidate.name for candidate in candidates)
            text = f"{names} all fit {sequence}; {best.name} was chosen ({TIE})"
            outcome.findings.append(Finding("several_series", text, sequence))
        outcome.findings.extend(Finding(*note, sequence) for note in best.notes)
        if best.problem:
            outcome.findings.append(Finding(*best.problem, sequence))
        outcome.choices[sequence] = best
    return outcome


def _matching(
    sequence: str, rule: dict, series: Sequence[Series], members: Sequence[int], outcome: Chosen
) -> list[Series]:
    """Return the series that meet all rules of a sequence; ``outcome`` gets the reasons of the others.

    If some are named as contrast-enhanced, the others are not candidates. A header lists the agent as soon as it is
    entered at the console, even for images acquired before it was given.
    """
    matching = []
    for number in members:
        if reason := mismatch(series[number], rule):
            outcome.reasons[number][sequence] = reason
        else:
            matching.append(number)
    named = [number for number in matching if named_as_enhanced(series[number])] if rule.get("contrast") else []
    for number in set(matching) - set(named) if named else ():
        text = f"not named as contrast-enhanced, as series {series[named[0]].number} is"
        outcome.reasons[number][sequence] = text
    return [series[number] for number in named or matching]


def _rank(candidate: Choice, candidates: Sequence[Choice], drawn: Drawn) -> tuple:
    """Return the sort key of a candidate: whole before broken, then the stated order for ties."""
    spacings = [choice.grid.spacing for choice in candidates]
    finest = min(min(spacing[:2]) for spacing in spacings), min(spacing[2] for spacing in spacings)
    coarse = min(candidate.grid.spacing[:2]) > COARSER * finest[0] or candidate.grid.spacing[2] > COARSER * finest[1]
    nameless = is_dixon(candidate.series[0]) and not part_of(candidate.series[0])
    return (
        candidate.problem is None,
        any(series.uid in drawn.series for series in candidate.series),
        any(series.frame_of_reference in drawn.frames for series in candidate.series),
        not (candidate.in_phase or nameless),
        not candidate.derived,
        not coarse,
        not first_match(SINGLE_SHOT, candidate.series[0].text),
        candidate.grid.size[2],
        -min(candidate.grid.spacing[:2]),
        _acquired(candidate, candidates),
    )


def _acquired(candidate: Choice, candidates: Sequence[Choice]) -> tuple[float, int]:
    """Return the acquisition time, if all candidates have one (also past midnight), and the series number."""
    moments = [max(series.acquired for series in choice.series) for choice in candidates]
    time, number = max(series.acquired for series in candidate.series)
    times = [moment for moment, _ in moments]
    if min(times) < 0:
        return 0.0, number
    passed = max(times) - min(times) > HALF_A_DAY and time < HALF_A_DAY
    return time + 2 * HALF_A_DAY * passed, number


def _refuse_a_draw(best: Choice, candidates: Sequence[Choice], drawn: Drawn) -> None:
    """Mark the best candidate as unusable if equal ones have the same time and number.

    Of equal contrast-enhanced series the latest is used. If nothing shows which one that is, it may be the first.
    """
    rank = _rank(best, candidates, drawn)
    equals = [candidate for candidate in candidates if _rank(candidate, candidates, drawn) == rank]
    if best.problem is None and any(
        candidate is not best and not _same_middle(candidate, best) for candidate in equals
    ):
        text = f"{len(equals)} series of one number: neither times nor numbers show which was acquired last"
        best.problem = ("unreadable_sequence", text)


def _refuse_nameless(candidates: Sequence[Choice]) -> None:
    """Mark unnamed parts of one acquisition as unusable, because any of them may be the fat image."""
    nameless = [candidate for candidate in candidates if not part_of(candidate.series[0])]
    dixon = [candidate for candidate in nameless if is_dixon(candidate.series[0])]
    twins = [
        candidate
        for candidate in nameless
        if any(_same_acquisition(candidate, twin) for twin in nameless if twin is not candidate)
    ]
    for candidate in {id(candidate): candidate for candidate in (*dixon, *twins)}.values():
        text = f"{candidate.name}: part of a Dixon or multi-echo acquisition; nothing names it as water, fat or a phase"
        candidate.problem = candidate.problem or ("unreadable_sequence", text)


def _refuse_unnamed_twins(candidates: Sequence[Choice], rule: dict) -> None:
    """Mark unnamed series as unusable that are alike in positions and times but not in signal.

    They may be diffusion images.
    """
    unnamed = [candidate for candidate in candidates if not first_match(rule["description"], candidate.series[0].text)]

    def alike(first_choice: Choice, second_choice: Choice) -> bool:
        first, second = first_choice.series[0], second_choice.series[0]
        times = (first.echo_time, first.repetition_time) == (second.echo_time, second.repetition_time)
        return times and first_choice.grid.same_as(second_choice.grid) and not _same_middle(first_choice, second_choice)

    for candidate in unnamed:
        if candidate.problem is None and any(twin is not candidate and alike(candidate, twin) for twin in unnamed):
            text = f"{candidate.name}: one of several series without a name that differ only in their signal"
            candidate.problem = ("unreadable_sequence", text)


def _same_acquisition(first_choice: Choice, second_choice: Choice) -> bool:
    """Return whether two series agree in name, type, echo, grid and time but differ in their pixels."""
    first, second = first_choice.series[0], second_choice.series[0]
    moments = [series.frames[0].acquisition_time for series in (first, second)]
    alike = (
        None not in moments
        and moments[0] == moments[1]
        and (first.text, first.image_type, first.echo_time) == (second.text, second.image_type, second.echo_time)
        and first_choice.grid.same_as(second_choice.grid)
    )
    return alike and not _same_middle(first_choice, second_choice)


def _same_middle(first: Choice, second: Choice) -> bool:
    """Return whether the middle images of two candidates have the same pixels."""
    middle = [choice.volumes[0][0][len(choice.volumes[0][0]) // 2] for choice in (first, second) if choice.volumes[0]]
    return len(middle) == 2 and pixels.same_pixels(*middle)


def describe(series: Series) -> dict:
    """Return the entry of a series in ``series.json``, without anything that identifies the patient."""
    first = series.frames[0]
    heights = {frame.position for frame in series.frames}
    return {
        "number": series.number,
        "guess": guess(series),
        "description": series.description,
        "protocol": series.protocol,
        "modality": series.modality,
        "vendor": series.vendor,
        "model": series.model,
        "field_strength_t": series.field_strength,
        "image_type": "\\".join(series.image_type),
        "part": series.part,
        "orientation": plane(first.orientation) if first.orientation else None,
        "matrix": list(first.size),
        "spacing_mm": [round(v, 4) for v in first.spacing] if first.spacing else None,
        "slice_thickness_mm": series.thickness,
        "slices": len(heights),
        "images": len(series.frames),
        "echo_time_ms": series.echo_time,
        "repetition_time_ms": series.repetition_time,
        "contrast_agent": bool(series.contrast_agent),
        "b_values": [round(b, 3) for b in series.b_values],
    }


def _why_none(sequence: str, reasons: dict[int, dict[str, str]]) -> str:
    """Return why no series fits, most frequent reason first."""
    counts = Counter(reason[sequence] for reason in reasons.values())
    listed = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common(4))
    return f"none of {len(reasons)} series is {sequence}: {listed}"


def _why_second(series: Series, candidates: Sequence[Choice], best: Choice) -> str:
    """Return why a series that meets all rules was not chosen."""
    candidate = next(choice for choice in candidates if any(series is item for item in choice.series))
    return candidate.problem[1] if candidate.problem else f"{best.name} was preferred ({TIE})"

"""Choose, by what the headers say, the series of each sequence among all that a patient's folder holds.

Rules come from the config (``convert.sequences``); every series that is not chosen gets a reason in words.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hscore.imaging.convert.candidates import Choice, anatomical_candidate
from hscore.imaging.convert.diffusion_series import diffusion_candidates
from hscore.imaging.convert.examinations import Drawn, examination_days, examinations
from hscore.imaging.convert.recognition import guess, is_dixon, mismatch, named_as_enhanced, part_of
from hscore.imaging.dicom import pixels
from hscore.imaging.dicom.geometry import plane
from hscore.imaging.dicom.grouping import Series
from hscore.imaging.dicom.values import HALF_A_DAY
from hscore.imaging.dicom.vocabulary import SINGLE_SHOT, found
from hscore.status import Finding

TIE = (
    "in this order: drawn on by the ROI, in its frame of reference, water before in-phase, original before derived, "
    "no overview or single shot, most slices, finest pixels, latest"
)
# A candidate this much coarser than another is an overview beside it.
COARSER = 1.5


@dataclass
class Chosen:
    """The outcome: a choice for each sequence that has one, findings, and for each series why it was not chosen."""

    choices: dict[str, Choice] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[int, dict[str, str]] = field(default_factory=dict)  # index of series -> sequence -> reason


def choose(series: Sequence[Series], settings: dict, drawn: Drawn | None = None) -> Chosen:
    """Choose a series for every sequence of ``settings["sequences"]``, all of one examination.

    Of several that meet the rules the order of ``TIE`` decides after whole before broken, and a ``several_series`` note
    says so. Of several examinations the one that the region was drawn in is taken, then the one with most sequences,
    then the ``first`` or ``last`` as ``settings["examination"]`` says; a ``several_examinations`` note says so.

    Args:
        series: those of one patient's folder.
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
    apart = f"within {max(known)} days" if known and max(known) > 0 else "by study and frame of reference"
    text = f"{len(groups)} examinations {apart}; number {best + 1} was used ({why})"
    outcome.findings.insert(0, Finding("several_examinations", text))
    return outcome


def _away(days: Sequence[int | None], other: Sequence[int], best: Sequence[int]) -> str:
    """How far an examination is from the one chosen, in words."""
    day, chosen = (next((days[n] for n in members if days[n] is not None), None) for members in (other, best))
    if day is None:
        return ", without a date"
    if chosen is None or day == chosen:
        return ", in another frame of reference"
    return f", {abs(day - chosen)} days {'later' if day > chosen else 'earlier'}"


def _choose_of_one(series: Sequence[Series], settings: dict, members: Sequence[int], drawn: Drawn) -> Chosen:
    """Choose among those ``series`` whose numbers are ``members``: the images of one examination."""
    outcome = Chosen(reasons={number: {} for number in members})
    for sequence, rule in settings["sequences"].items():
        matching = _matching(sequence, rule, series, members, outcome)
        if rule.get("source") == "diffusion":
            candidates = diffusion_candidates(sequence, matching, settings["diffusion"])
        else:
            candidates = [anatomical_candidate(sequence, one, rule.get("phase")) for one in matching]
            _refuse_nameless(candidates)
            _refuse_unnamed_twins(candidates, rule)
        if not candidates:
            outcome.findings.append(Finding("missing_sequence", _why_none(sequence, outcome.reasons), sequence))
            continue
        best = max(candidates, key=lambda candidate: _rank(candidate, candidates, drawn))
        if rule.get("contrast"):
            _refuse_a_draw(best, candidates, drawn)
        for number in members:
            one = series[number]
            if any(one is other for other in matching) and not any(one is other for other in best.series):
                outcome.reasons[number][sequence] = _why_second(one, candidates, best)
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
    """The series that meet all rules of a sequence; ``outcome`` gets the reasons of the others.

    If some are named as contrast-enhanced, the others are not candidates: a header lists the agent from the moment it
    is entered at the console, also for the images before it was given.
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


def _rank(candidate: Choice, others: Sequence[Choice], drawn: Drawn) -> tuple:
    """What makes a candidate better: whole before broken, then the stated order for ties."""
    finest = min(min(one.grid.spacing[:2]) for one in others), min(one.grid.spacing[2] for one in others)
    coarse = min(candidate.grid.spacing[:2]) > COARSER * finest[0] or candidate.grid.spacing[2] > COARSER * finest[1]
    nameless = is_dixon(candidate.series[0]) and not part_of(candidate.series[0])
    return (
        candidate.problem is None,
        any(one.uid in drawn.series for one in candidate.series),
        any(one.frame_of_reference in drawn.frames for one in candidate.series),
        not (candidate.in_phase or nameless),
        not candidate.derived,
        not coarse,
        not found(SINGLE_SHOT, candidate.series[0].text),
        candidate.grid.size[2],
        -min(candidate.grid.spacing[:2]),
        _acquired(candidate, others),
    )


def _acquired(candidate: Choice, others: Sequence[Choice]) -> tuple[float, int]:
    """When a candidate was acquired: by time where all have one (also past midnight), then by series number."""
    moments = [max(series.acquired for series in one.series) for one in others]
    time, number = max(series.acquired for series in candidate.series)
    times = [moment for moment, _ in moments]
    if min(times) < 0:
        return 0.0, number
    passed = max(times) - min(times) > HALF_A_DAY and time < HALF_A_DAY
    return time + 2 * HALF_A_DAY * passed, number


def _refuse_a_draw(best: Choice, candidates: Sequence[Choice], drawn: Drawn) -> None:
    """Of equal contrast-enhanced series the latest counts; where nothing says which that is, it may be the first."""
    equals = [one for one in candidates if _rank(one, candidates, drawn) == _rank(best, candidates, drawn)]
    if best.problem is None and any(one is not best and not _same_middle(one, best) for one in equals):
        text = f"{len(equals)} series of one number: neither times nor numbers say which was acquired last"
        best.problem = ("unreadable_sequence", text)


def _refuse_nameless(candidates: Sequence[Choice]) -> None:
    """Parts of one acquisition that nothing names: any of them may be the fat image."""
    nameless = [one for one in candidates if not part_of(one.series[0])]
    dixon = [one for one in nameless if is_dixon(one.series[0])]
    twins = [one for one in nameless if any(_same_acquisition(one, other) for other in nameless if other is not one)]
    for one in {id(one): one for one in (*dixon, *twins)}.values():
        text = f"{one.name}: part of a Dixon or multi-echo acquisition; nothing names it as water, fat or a phase"
        one.problem = one.problem or ("unreadable_sequence", text)


def _refuse_unnamed_twins(candidates: Sequence[Choice], rule: dict) -> None:
    """Series without a name that are alike in positions and times but not in signal may be images of diffusion."""
    unnamed = [one for one in candidates if not found(rule["description"], one.series[0].text)]

    def alike(one: Choice, other: Choice) -> bool:
        first, second = one.series[0], other.series[0]
        times = (first.echo_time, first.repetition_time) == (second.echo_time, second.repetition_time)
        return times and one.grid.same_as(other.grid) and not _same_middle(one, other)

    for one in unnamed:
        if one.problem is None and any(other is not one and alike(one, other) for other in unnamed):
            text = f"{one.name}: one of several series without a name that differ in nothing but their signal"
            one.problem = ("unreadable_sequence", text)


def _same_acquisition(one: Choice, other: Choice) -> bool:
    """True for two series of one name, type, echo, grid and moment that differ in their pixels."""
    first, second = one.series[0], other.series[0]
    moments = [series.frames[0].acquisition_time for series in (first, second)]
    alike = (
        None not in moments
        and moments[0] == moments[1]
        and (first.text, first.image_type, first.echo_time) == (second.text, second.image_type, second.echo_time)
        and one.grid.same_as(other.grid)
    )
    return alike and not _same_middle(one, other)


def _same_middle(one: Choice, other: Choice) -> bool:
    """True when the middle images of two candidates have the same pixels."""
    middle = [choice.volumes[0][0][len(choice.volumes[0][0]) // 2] for choice in (one, other) if choice.volumes[0]]
    return len(middle) == 2 and pixels.same_pixels(*middle)


def describe(series: Series) -> dict:
    """Return what ``series.json`` says of a series; nothing that identifies the patient."""
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
    """Why no series fits, most frequent reason first."""
    counts = Counter(reason[sequence] for reason in reasons.values())
    listed = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common(4))
    return f"none of {len(reasons)} series is {sequence}: {listed}"


def _why_second(series: Series, candidates: Sequence[Choice], best: Choice) -> str:
    """Why a series that meets all rules was not taken."""
    own = next(candidate for candidate in candidates if any(series is one for one in candidate.series))
    return own.problem[1] if own.problem else f"{best.name} was preferred ({TIE})"

"""Choose, by what the headers say, the series of each sequence among all that a patient's folder holds.

Rules come from the config (``convert.sequences``); every series that is not chosen gets a reason in words.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from hscore.imaging.dicom import Frame, Series
from hscore.imaging.diffusion import distinct
from hscore.imaging.geometry import BrokenGeometryError, plane, stack
from hscore.imaging.grid import Grid
from hscore.imaging.recognition import guess, mismatch
from hscore.status import Finding

TIE = "most slices, then finest pixels, then latest series number"


@dataclass
class Choice:
    """The series of one sequence: one, or for diffusion possibly one for each b-value, all on one grid."""

    sequence: str
    series: list[Series]
    grid: Grid
    volumes: list[list[list[Frame]]]  # for each series its volumes, each a list of frames by slice
    problem: tuple[str, str] | None = None  # finding code and text that make it unusable
    note: tuple[str, str] | None = None  # finding code and text that are worth knowing

    @property
    def b_values(self) -> list[float | None]:
        """b-value of each volume (s/mm2) by the headers; None where they leave it open or mix it."""
        values = []
        for volumes in self.volumes:
            for volume in volumes:
                known = {frame.b_value for frame in volume}
                values.append(known.pop() if len(known) == 1 else None)
        return values

    @property
    def name(self) -> str:
        """The series' numbers, for texts."""
        numbers = [str(series.number) for series in self.series]
        return f"series {numbers[0]}" if len(numbers) == 1 else f"series {', '.join(numbers)}"

    @property
    def rank(self) -> tuple:
        """What makes a candidate better: whole before broken, then the stated rules for ties."""
        numbers = [series.number for series in self.series]
        return (self.problem is None, self.grid.size[2], -min(self.grid.spacing[:2]), max(numbers))


@dataclass
class Chosen:
    """The outcome: a choice for each sequence that has one, findings, and for each series why it was not chosen."""

    choices: dict[str, Choice] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[int, dict[str, str]] = field(default_factory=dict)  # index of series -> sequence -> reason


def choose(series: list[Series], settings: dict, drawn_in: Iterable[str] = ()) -> Chosen:
    """Choose a series for every sequence of ``settings["sequences"]``, all of one examination.

    Of several that meet the rules the one with unbroken geometry, most slices, finest pixels and latest series
    number is taken, in this order, and a ``several_series`` note says so. Of several examinations (by their day) the
    one that the ROI belongs to is taken (``drawn_in``: StudyInstanceUIDs of the ROI objects), then the one with most
    sequences, then the ``first`` or ``last`` as ``settings["examination"]`` says; a ``several_examinations`` note says
    so.
    """
    days = examination_days(series)
    known = sorted(set(days) - {None})
    if len(known) < 2:
        return _choose_of_one(series, settings, range(len(series)))
    outcomes = {
        day: _choose_of_one(series, settings, [number for number, own in enumerate(days) if own == day])
        for day in known
    }
    drawn = {day for day, one in zip(days, series, strict=True) if one.study in set(drawn_in)}
    order = known if settings["examination"] == "first" else known[::-1]

    def rank(day: int) -> tuple:
        return day in drawn, sum(not choice.problem for choice in outcomes[day].choices.values()), -order.index(day)

    best = max(known, key=rank)
    outcome = outcomes[best]
    for number, day in enumerate(days):
        if day != best:
            away = "without a date" if day is None else f"{abs(day - best)} days {'later' if day > best else 'earlier'}"
            outcome.reasons[number] = dict.fromkeys(settings["sequences"], f"of another examination, {away}")
    why = "the ROI belongs to it" if drawn == {best} else f"most sequences, then the {settings['examination']}"
    text = f"{len(known)} examinations within {known[-1]} days; number {known.index(best) + 1} was used ({why})"
    outcome.findings.insert(0, Finding("several_examinations", text))
    return outcome


def examination_days(series: list[Series]) -> list[int | None]:
    """The day of each series' examination, counted from the first; None where no date tells.

    An undated series has the day of its study. A second accession on the same day is the same examination: the
    contrast-enhanced part often has its own.
    """
    of_study = {one.study: one.day for one in series if one.day is not None}
    days = [one.day if one.day is not None else of_study.get(one.study) for one in series]
    first = min((day for day in days if day is not None), default=0)
    return [None if day is None else day - first for day in days]


def _choose_of_one(series: list[Series], settings: dict, members: Iterable[int]) -> Chosen:
    """Choose among those ``series`` whose numbers are ``members``: the images of one examination."""
    members = list(members)
    outcome = Chosen(reasons={number: {} for number in members})
    for sequence, rule in settings["sequences"].items():
        matching = []
        for number in members:
            reason = mismatch(series[number], rule)
            if reason:
                outcome.reasons[number][sequence] = reason
            else:
                matching.append(series[number])
        if rule.get("source") == "diffusion":
            candidates = _diffusion_candidates(sequence, matching, settings["diffusion"])
        else:
            candidates = [_anatomical_candidate(sequence, one, rule.get("phase")) for one in matching]
        if not candidates:
            outcome.findings.append(Finding("missing_sequence", _why_none(sequence, outcome.reasons), sequence))
            continue
        best = max(candidates, key=lambda candidate: candidate.rank)
        for number in members:
            one = series[number]
            if any(one is other for other in matching) and not any(one is other.whole for other in best.series):
                outcome.reasons[number][sequence] = _why_second(one, candidates, best)
        if len(candidates) > 1:
            names = ", ".join(candidate.name for candidate in candidates)
            text = f"{names} all fit {sequence}; {best.name} was chosen ({TIE})"
            outcome.findings.append(Finding("several_series", text, sequence))
        if best.note:
            outcome.findings.append(Finding(*best.note, sequence))
        if best.problem:
            outcome.findings.append(Finding(*best.problem, sequence))
        outcome.choices[sequence] = best
    return outcome


def describe(series: Series) -> dict:
    """What ``series.json`` says of a series; nothing that identifies the patient."""
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


def _candidate(sequence: str, series: list[Series]) -> Choice:
    """A candidate with its grid, or with the problem of its geometry."""
    grids, volumes = [], []
    problem = None
    for one in series:
        damaged = sorted({frame.path.name for frame in one.frames if frame.damage})
        if damaged:
            problem = ("unreadable_sequence", f"series {one.number}: {len(damaged)} damaged files, first {damaged[0]}")
        try:
            grid, found = stack(one.frames, one.slice_distance or one.thickness)
        except BrokenGeometryError as error:
            problem = problem or ("broken_geometry", f"series {one.number}: {error}")
            grid = Grid((*one.frames[0].size, len({frame.position for frame in one.frames})), np.eye(4))
            found = []
        grids.append(grid)
        volumes.append(found)
    return Choice(sequence, series, grids[0], volumes, problem)


def _anatomical_candidate(sequence: str, series: Series, phase: str | int | None = None) -> Choice:
    """The series, or the wanted ``phase`` ("last" or a number from 1) of one that holds every slice several times."""
    note = None
    if phase is not None and (count := _complete_phases(series)) > 1:
        number = count if phase == "last" else int(phase)
        if number > count:
            choice = _candidate(sequence, [series])
            text = f"series {series.number}: phase {number} is wanted, {count} are complete"
            choice.problem = ("broken_geometry", text)
            return choice
        note = ("dynamic_series", f"series {series.number} holds {count} complete phases; number {number} was taken")
        series = _phase(series, number)
    choice = _candidate(sequence, [series])
    choice.note = note
    if not choice.problem and len(choice.volumes[0]) > 1:
        text = f"series {series.number}: every slice is there {len(choice.volumes[0])} times"
        choice.problem = ("broken_geometry", text)
    return choice


def _at_positions(series: Series) -> list[list[Frame]]:
    """The images of a series by position, each list in the order of the instance numbers."""
    places: dict[tuple, list[Frame]] = {}
    for frame in series.frames:  # in the order of instance numbers
        places.setdefault(tuple(round(v, 1) for v in frame.position or ()), []).append(frame)
    return list(places.values())


def _complete_phases(series: Series) -> int:
    """How often every position of a series is there; a dynamic series that was stopped ends with a part of a phase."""
    return min(len(frames) for frames in _at_positions(series))


def _phase(series: Series, number: int) -> Series:
    """Phase ``number`` (from 1) of a dynamic series: at every position the image that was taken so late."""
    frames = [frames[number - 1] for frames in _at_positions(series)]
    return replace(series, frames=sorted(frames, key=lambda frame: frame.instance), phase_of=series)


def _diffusion_candidates(sequence: str, series: list[Series], settings: dict) -> list[Choice]:
    """Every series with several b-values, and every set of series of one b-value each on one grid.

    A series whose headers do not name b-values is a candidate, too: the conversion may know them.
    """
    candidates, single = [], []
    for one in series:
        candidate = _candidate(sequence, [one])
        known = distinct(one.b_values, settings["zero_below"])
        (single if len(known) == 1 and not candidate.problem else candidates).append(candidate)
    sets: list[list[Choice]] = []
    for candidate in single:
        for group in sets:
            same_frame = group[0].series[0].frame_of_reference == candidate.series[0].frame_of_reference
            if same_frame and group[0].grid.same_as(candidate.grid):
                group.append(candidate)
                break
        else:
            sets.append([candidate])
    for group in sets:
        members = [member.series[0] for member in group]
        candidates.append(Choice(sequence, members, group[0].grid, [member.volumes[0] for member in group]))
    for candidate in candidates:
        if not candidate.problem and None not in candidate.b_values:
            text = too_few_b_values(candidate.b_values, settings)
            candidate.problem = ("bad_diffusion", f"{candidate.name}: {text}") if text else None
    return candidates


def too_few_b_values(b_values: list[float], settings: dict) -> str | None:
    """Why an ADC cannot be fitted to these b-values (s/mm2), in words; None when it can."""
    known = distinct(b_values, settings["zero_below"])
    if not known:
        return "b-values unknown"
    if len(known) == 1:
        return f"all images have b = {known[0]:g} s/mm2; at least two different ones are needed"
    if known[-1] - known[0] < settings["minimum_b_difference"]:
        listed = ", ".join(f"{b:g}" for b in known)
        return f"b-values {listed} s/mm2 lie closer than {settings['minimum_b_difference']:g} s/mm2"
    return None


def _why_none(sequence: str, reasons: dict[int, dict[str, str]]) -> str:
    """Why no series fits, most frequent reason first."""
    counts = Counter(reason[sequence] for reason in reasons.values())
    listed = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common(4))
    return f"none of {len(reasons)} series is {sequence}: {listed}"


def _why_second(series: Series, candidates: list[Choice], best: Choice) -> str:
    """Why a series that meets all rules was not taken."""
    own = next(candidate for candidate in candidates if any(series is one.whole for one in candidate.series))
    return own.problem[1] if own.problem else f"{best.name} was preferred ({TIE})"

"""Separate the images at each position of a series into volumes, by header values and never by instance number."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from hscore.imaging.dicom.frames import Frame
from hscore.imaging.dicom.geometry import BrokenGeometryError, check_counts
from hscore.imaging.dicom.pixels import same_pixels
from hscore.imaging.dicom.values import HALF_A_DAY

# Header values that distinguish phases, most reliable first.
LABELS: dict[str, Callable[[Frame], float | None]] = {
    "temporal position": lambda frame: frame.temporal_position,
    "trigger time": lambda frame: frame.trigger_time,
    "acquisition number": lambda frame: frame.acquisition,
    "acquisition time": lambda frame: frame.acquisition_time,
    "content time": lambda frame: frame.content_time,
}
TIMES_OF_DAY = {"acquisition time", "content time"}


@dataclass(frozen=True)
class Phases:
    """The volumes of a dynamic series in their order, and the number of further ones with missing slices."""

    volumes: list[list[Frame]]  # each by slice
    label: str  # what separates them, one of LABELS; "" if there is one volume
    incomplete: int = 0


def phases(slices: list[list[Frame]]) -> Phases:
    """Separate the images at each position into the phases of a dynamic series.

    Args:
        slices: the images at each position.

    Raises:
        BrokenGeometryError: a slice is repeated and no header value distinguishes the images, or phases differ in kind.
    """
    if all(len(frames) == 1 for frames in slices):
        return Phases([[frames[0] for frames in slices]], "")
    for name, label in LABELS.items():
        separated = _by_value(slices, label, name) or _by_order(slices, label, name)
        if separated:
            _check_agreement(separated)
            return separated
    check_counts(slices)
    count = len(slices[0])
    raise BrokenGeometryError(
        f"every slice occurs {count} times, and no temporal position, acquisition number or time distinguishes them"
    )


def without_copies(slices: list[list[Frame]]) -> list[list[Frame]]:
    """Return one image per slice if all images of every slice have the same pixels: copies under other UIDs."""
    if all(len(frames) == 1 for frames in slices):
        return slices
    copies = all(same_pixels(frames[0], copy) for frames in slices for copy in frames[1:])
    return [frames[:1] for frames in slices] if copies else slices


def _by_value(slices: list[list[Frame]], label: Callable[[Frame], float | None], name: str) -> Phases | None:
    """Return phases whose images all have one value of a label; None if it does not separate them."""
    if any(label(frame) is None for frames in slices for frame in frames):
        return None
    groups: dict[float, dict[int, Frame]] = defaultdict(dict)
    for place, frames in enumerate(slices):
        for frame in frames:
            if place in groups[label(frame)]:
                return None
            groups[label(frame)][place] = frame
    values = _in_order(list(groups), name)
    complete = [groups[value] for value in values if len(groups[value]) == len(slices)]
    if not complete:
        return None
    volumes = [[phase[place] for place in range(len(slices))] for phase in complete]
    return Phases(volumes, name, len(groups) - len(complete))


def _by_order(slices: list[list[Frame]], label: Callable[[Frame], float | None], name: str) -> Phases | None:
    """Return phases of images with different values of a label; the k-th at each position belongs to phase k.

    None unless phases follow one another without overlap. Otherwise an image might belong to another phase.
    """
    every = {label(frame) for frames in slices for frame in frames}
    if None in every:
        return None
    rank = {value: place for place, value in enumerate(_in_order(list(every), name))}
    ordered = [sorted(frames, key=lambda frame: rank[label(frame)]) for frames in slices]
    if any(len({label(frame) for frame in frames}) < len(frames) for frames in slices):
        return None
    count, complete = max(len(frames) for frames in ordered), min(len(frames) for frames in ordered)
    members = [[frames[k] for frames in ordered if len(frames) > k] for k in range(count)]
    ranks = [[rank[label(frame)] for frame in phase] for phase in members]
    if any(max(before) >= min(after) for before, after in zip(ranks, ranks[1:], strict=False)):
        return None
    return Phases(members[:complete], name, count - complete)


def _in_order(values: list[float], name: str) -> list[float]:
    """Return the values of a label in ascending order; times of day that pass midnight continue after it."""
    known = sorted(values)
    gaps = [after - before for before, after in zip(known, known[1:], strict=False)]
    if name in TIMES_OF_DAY and gaps and max(gaps) > HALF_A_DAY:
        midnight = gaps.index(max(gaps)) + 1
        known = known[midnight:] + known[:midnight]
    return known


def _check_agreement(separated: Phases) -> None:
    """Check that phases agree in image type, echo time, flip angle and repetition time.

    Raises:
        BrokenGeometryError: they differ.
    """
    for name, value in (
        ("image type", lambda frame: frame.image_type),
        ("echo time", lambda frame: frame.echo_time),
        ("flip angle", lambda frame: frame.flip_angle and round(frame.flip_angle, 1)),
        ("repetition time", lambda frame: frame.repetition_time and round(frame.repetition_time, 1)),
    ):
        kinds = {frozenset(value(frame) for frame in volume) for volume in separated.volumes}
        if len(kinds) > 1:
            raise BrokenGeometryError(
                f"its {len(separated.volumes)} volumes differ in {name}: they are not phases of one acquisition"
            )


def weighted(slices: list[list[Frame]]) -> list[list[Frame]]:
    """Separate the images at each position into the volumes of a diffusion series.

    Images of one b-value, direction and kind of weighting are one volume, or several if they are repeated. Repeated
    images that no header value distinguishes are taken in the order of their instance numbers. They enter a fit as
    their mean, so their order does not matter.

    Raises:
        BrokenGeometryError: a slice is missing or repeated in one of the volumes.
    """
    kinds: dict[tuple, list[list[Frame]]] = defaultdict(lambda: [[] for _ in slices])
    for place, frames in enumerate(slices):
        for frame in frames:
            kinds[(frame.b_value, frame.directionality, frame.direction, frame.image_type)][place].append(frame)
    if not _complete(kinds.values()):
        kinds = defaultdict(lambda: [[] for _ in slices])
        for place, frames in enumerate(slices):
            for frame in frames:
                kinds[(frame.b_value, frame.directionality)][place].append(frame)
    volumes = []
    for (b_value, *_), of_kind in kinds.items():
        try:
            check_counts(of_kind)
        except BrokenGeometryError as error:
            named = "images of unknown b-value" if b_value is None else f"b = {b_value:g} s/mm2"
            raise BrokenGeometryError(f"{named}: {error}") from None
        volumes.extend(_repeated(of_kind))
    return sorted(volumes, key=lambda volume: volume[0].instance)


def _complete(kinds) -> bool:
    """Return whether every kind has the same number of images at each position."""
    return all(len({len(frames) for frames in of_kind}) == 1 for of_kind in kinds)


def _repeated(slices: list[list[Frame]]) -> list[list[Frame]]:
    """Return repeated volumes of one weighting, separated by time if known, or else by instance number."""
    for name, label in LABELS.items():
        separated = _by_value(slices, label, name) or _by_order(slices, label, name)
        if separated and not separated.incomplete:
            return separated.volumes
    ordered = [sorted(frames, key=lambda frame: (frame.instance, str(frame.path))) for frames in slices]
    return [list(volume) for volume in zip(*ordered, strict=True)]

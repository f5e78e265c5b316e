"""The three simulated scanners: placement of the slices, and the effect of the receive chain on the signal."""

from dataclasses import dataclass

import numpy as np

from hscore.simulation import artifacts
from hscore.simulation.anatomy import EXTENT_MM, Pelvis
from hscore.simulation.fields import Field
from hscore.simulation.parameters import scanner, stream
from hscore.simulation.rendering import SectionStack, render
from hscore.simulation.signal import add_rician_noise, tissue_signal

STORED_MAXIMUM = 4095  # 12 bits


@dataclass(frozen=True)
class Placement:
    """Placement of the imaging slab in the patient: `rotation` (axes x, y, z as columns) and `origin` (LPS, mm)."""

    rotation: np.ndarray
    origin: np.ndarray

    def to_patient(self, point: np.ndarray) -> np.ndarray:
        """Return the patient coordinates (LPS, mm) of a point of the slab."""
        return self.origin + self.rotation @ np.asarray(point, float)


@dataclass(frozen=True)
class Series:
    """One acquired stack: `stored` (channels, slices, rows, columns) uint16, and its position.

    `row` and `column` are the unit vectors (LPS) of increasing column and row index; `positions` (slices, 3) are the
    centres of the first pixel of each slice.
    """

    kind: str
    protocol: dict
    stored: np.ndarray
    row: np.ndarray
    column: np.ndarray
    positions: np.ndarray

    @property
    def affine(self) -> np.ndarray:
        """Affine from column, row and slice index to mm (LPS), 4 x 4."""
        affine = np.eye(4)
        affine[:3, 0] = self.row * self.protocol["pixel"]
        affine[:3, 1] = self.column * self.protocol["pixel"]
        affine[:3, 2] = np.cross(self.row, self.column) * self.protocol["step"]
        affine[:3, 3] = self.positions[0]
        return affine


@dataclass(frozen=True)
class Subject:
    """A patient in the scanner: planted record, anatomy, codes of the atlas, placement, and the protocol factors."""

    patient: str
    record: dict
    pelvis: Pelvis
    codes: np.ndarray
    placement: Placement
    protocol_factors: dict


def place(parameters: dict, patient: str, seed: int) -> Placement:
    """Return a slightly oblique slab near the isocentre."""
    random = stream(seed, patient, "placement")
    tilt = np.deg2rad(np.clip(random.normal(0, parameters["nuisance"]["tilt_degrees"], 2), -12, 12))
    return Placement(_about_x(tilt[0]) @ _about_z(tilt[1] / 3), np.round(random.normal((0, -20, -60), (6, 8, 15)), 1))


def _about_x(angle: float) -> np.ndarray:
    """Return the rotation about x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_z(angle: float) -> np.ndarray:
    """Return the rotation about z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def tilt(parameters: dict, patient: str, kind: str, seed: int) -> float:
    """Return the angle (radians, about x) of a series against the slab: T2WI and diffusion are often oblique."""
    if kind == "CET1WI":
        return 0.0
    degrees = stream(seed, patient, "oblique").normal(0, parameters["nuisance"]["oblique_degrees"])
    return float(np.deg2rad(np.clip(degrees, -15, 15)))


def stack(parameters: dict, protocol: dict, patient: str, kind: str, seed: int) -> SectionStack:
    """Return the positions of the pixels of a transverse series; the centre varies from series to series."""
    random = stream(seed, patient, kind, "grid")
    z, y, x = np.round(random.normal((14, -2, 0), (2.0, 3.0, 3.0)), 1)
    up = protocol["step"] * (np.arange(protocol["slices"]) - (protocol["slices"] - 1) / 2)
    inplane = protocol["pixel"] * (np.arange(protocol["matrix"]) - (protocol["matrix"] - 1) / 2)
    angle = tilt(parameters, patient, kind, seed)
    c, s = np.cos(angle), np.sin(angle)
    return SectionStack(
        z=z + c * up[:, None] + s * inplane,
        y=y - s * up[:, None] + c * inplane,
        x=x + inplane,
        normal=(c, -s),
        thickness=protocol["thickness"],
    )


def protocol_of(parameters: dict, scanner_name: str, kind: str, factors: dict) -> dict:
    """Return the protocol of a series, changed by the centre's factors (snr, bias, te, flip; see center_effects)."""
    protocol = dict(scanner(parameters, scanner_name)["series"][kind])
    for name, factor in factors.items():
        protocol[name] = round(protocol[name] * factor, 2)
    return protocol


def acquire(parameters: dict, scanner_name: str, kind: str, subject: Subject, seed: int) -> Series:
    """Acquire a transverse series (CET1WI, T2WI, or ADC: its diffusion images) of one patient."""
    patient, record = subject.patient, subject.record
    field_tesla = scanner(parameters, scanner_name)["field_tesla"]
    protocol = protocol_of(parameters, scanner_name, kind, subject.protocol_factors)
    grid = stack(parameters, protocol, patient, kind, seed)
    image = render(subject.pelvis, subject.codes, grid, kind, protocol, field_tesla, parameters, record["levels"])
    random = stream(seed, patient, kind, "receive")
    _blur(image, 0.16 if kind == "ADC" else 0.07)  # the long readout of echo-planar images blurs them
    image *= _coil(protocol, random, grid)
    _spoil(image, record["artefacts"][kind], kind, protocol, grid, parameters["artefacts"], random)
    stored = _store(image, kind, protocol, field_tesla, parameters, random)
    axes = subject.placement.rotation @ _about_x(tilt(parameters, patient, kind, seed))
    corners = [(grid.x[0], y[0], z[0]) for y, z in zip(grid.y, grid.z, strict=True)]
    positions = np.array([subject.placement.to_patient(corner) for corner in corners])
    return Series(kind, protocol, stored, axes[:, 0], axes[:, 1], positions)


def _spoil(image: np.ndarray, artifact: str | None, kind: str, protocol: dict, grid: SectionStack, sizes: dict, random):
    """Apply the series' planted artefact, in place."""
    pixel = protocol["pixel"]
    if artifact == "motion":
        artifacts.step(image, pixel, random.uniform(*sizes["step_mm"]), random)
    elif artifact == "ghosting" and kind == "ADC":
        artifacts.odd_even(image, random.uniform(*sizes["odd_even_radians"]))
    elif artifact == "ghosting":
        artifacts.breathing(image, grid.y, pixel, random.uniform(*sizes["breathing_mm"]), random)


def localizers(parameters: dict, scanner_name: str, subject: Subject, seed: int) -> list[Series]:
    """Acquire the localizer: three planes of a few slices each (transverse, coronal, sagittal)."""
    placement = subject.placement
    profile = scanner(parameters, scanner_name)
    protocol = profile["series"]["localizer"]
    few = protocol["step"] * (np.arange(protocol["slices"]) - (protocol["slices"] - 1) / 2)
    many = protocol["pixel"] * (np.arange(protocol["matrix"]) - (protocol["matrix"] - 1) / 2)
    rotation, random = placement.rotation, stream(seed, subject.patient, "localizer", "receive")
    scouts = []
    for plane in ("transverse", "coronal", "sagittal"):
        z, y, x = {"transverse": (few, many, many), "coronal": (many, few, many), "sagittal": (many, many, few)}[plane]
        grid = SectionStack(*np.broadcast_arrays(z[:, None], y[None]), x, (1.0, 0.0), protocol["pixel"])
        image = render(
            subject.pelvis, subject.codes, grid, "localizer", protocol, profile["field_tesla"], parameters, {}
        )
        image *= _coil(protocol, random, grid)
        stored = _store(image, "localizer", protocol, profile["field_tesla"], parameters, random)[0]
        if plane == "transverse":
            slices, row, column = stored, rotation[:, 0], rotation[:, 1]
            corners = [(x[0], y[0], p) for p in few]
        elif plane == "coronal":  # rows run from head to foot
            slices, row, column = stored.transpose(1, 0, 2)[:, ::-1], rotation[:, 0], -rotation[:, 2]
            corners = [(x[0], p, z[-1]) for p in few]
        else:
            slices, row, column = stored.transpose(2, 0, 1)[:, ::-1], rotation[:, 1], -rotation[:, 2]
            corners = [(p, y[0], z[-1]) for p in few]
        positions = np.array([placement.to_patient(corner) for corner in corners])
        scouts.append(Series("localizer", protocol, np.ascontiguousarray(slices)[None], row, column, positions))
    return scouts


def _coil(protocol: dict, random: np.random.Generator, grid: SectionStack) -> np.ndarray:
    """Return the receive sensitivity: strongest near the front and back elements, and smoothly uneven."""
    sensitivity = Field.random(random, (120.0, 110.0, 110.0), EXTENT_MM).at(grid.z, grid.y, grid.x)
    sensitivity *= np.float32(0.30)
    sensitivity += (0.9 * (grid.y / 110.0) ** 2).astype(np.float32)[..., None]
    sensitivity *= np.float32(protocol["bias"])
    return np.exp(sensitivity, out=sensitivity)


def _store(image: np.ndarray, kind: str, protocol: dict, field_tesla: float, parameters: dict, random) -> np.ndarray:
    """Return the stored pixels: signal with noise, gain and rounding."""
    tissue = parameters["tissues"]["tumour" if kind == "ADC" else "muscle"]
    plain = {**protocol, "b_values": [0]}
    sigma = float(tissue_signal(tissue, kind, plain, field_tesla, parameters)[0]) / protocol["snr"]
    gain = protocol["unit"] * np.exp(parameters["nuisance"]["gain_log_sd"] * random.standard_normal())
    noisy = add_rician_noise(image, sigma, random)
    noisy *= np.float32(gain)
    return np.clip(np.rint(noisy, out=noisy), 0, STORED_MAXIMUM, out=noisy).astype(np.uint16)


def _blur(image: np.ndarray, share: float) -> None:
    """Apply the point spread of a finite k-space, in place: each pixel receives `share` of each neighbour."""
    for picture in image.reshape(-1, *image.shape[-2:]):
        for axis in (0, 1):
            lines = picture if axis == 0 else picture.T
            change = lines[:-2] + lines[2:]
            change -= 2 * lines[1:-1]
            change *= np.float32(share)
            lines[1:-1] += change

"""The three simulated scanners: where the slices lie, and what the receive chain does to the signal."""

from dataclasses import dataclass

import numpy as np

from hscore.simulation.anatomy import EXTENT_MM, Pelvis
from hscore.simulation.fields import Field
from hscore.simulation.parameters import scanner, stream
from hscore.simulation.rendering import render
from hscore.simulation.signal import add_rician_noise, tissue_signal

STORED_MAXIMUM = 4095  # 12 bits


@dataclass(frozen=True)
class Placement:
    """How the imaging slab lies in the patient: `rotation` (its axes x, y, z as columns) and `origin` (LPS, mm)."""

    rotation: np.ndarray
    origin: np.ndarray

    def to_patient(self, point: np.ndarray) -> np.ndarray:
        """Patient coordinates (LPS, mm) of a point of the slab."""
        return self.origin + self.rotation @ np.asarray(point, float)


@dataclass(frozen=True)
class Series:
    """One acquired stack: `stored` (channels, slices, rows, columns) uint16, and where it lies.

    `row` and `column` are the unit vectors (LPS) along which column and row index grow; `positions` (slices, 3) the
    centres of the first pixel. `z`, `y`, `x` are the slab coordinates of the grid (transverse series).
    """

    kind: str
    protocol: dict
    stored: np.ndarray
    row: np.ndarray
    column: np.ndarray
    positions: np.ndarray


def place(parameters: dict, patient: str, seed: int) -> Placement:
    """A slightly oblique slab somewhere around the isocentre."""
    random = stream(seed, patient, "placement")
    tilt = np.deg2rad(np.clip(random.normal(0, parameters["nuisance"]["tilt_degrees"], 2), -12, 12))
    (ca, sa), (cb, sb) = ((np.cos(t), np.sin(t)) for t in (tilt[0], tilt[1] / 3))
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_z = np.array([[cb, -sb, 0], [sb, cb, 0], [0, 0, 1]])
    return Placement(about_x @ about_z, np.round(random.normal((0, -20, -60), (6, 8, 15)), 1))


def grid(protocol: dict, patient: str, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slab coordinates z, y, x (mm) of a transverse series; the technician never centres twice at the same place."""
    random = stream(seed, patient, kind, "grid")
    centre = np.round(random.normal((14, -2, 0), (2.0, 3.0, 3.0)), 1)
    z = centre[0] + protocol["step"] * (np.arange(protocol["slices"]) - (protocol["slices"] - 1) / 2)
    inplane = protocol["pixel"] * (np.arange(protocol["matrix"]) - (protocol["matrix"] - 1) / 2)
    return z, centre[1] + inplane, centre[2] + inplane


def acquire(
    parameters: dict,
    scanner_name: str,
    kind: str,
    patient: str,
    pelvis: Pelvis,
    placement: Placement,
    levels: dict,
    seed: int,
):
    """A transverse series (CET1WI, T2WI, or ADC: its diffusion images) of one patient."""
    profile = scanner(parameters, scanner_name)
    protocol = profile["series"][kind]
    z, y, x = grid(protocol, patient, kind, seed)
    image = render(pelvis, z, y, x, kind, protocol, profile["field_tesla"], parameters, levels)
    random = stream(seed, patient, kind, "receive")
    image *= _coil(protocol, random, z, y, x)
    stored = _store(image, kind, protocol, profile["field_tesla"], parameters, random)
    rotation = placement.rotation
    positions = np.array([placement.to_patient((x[0], y[0], height)) for height in z])
    return Series(kind, protocol, stored, rotation[:, 0], rotation[:, 1], positions)


def localizers(
    parameters: dict, scanner_name: str, patient: str, pelvis: Pelvis, placement: Placement, seed: int
) -> list[Series]:
    """The scout: three planes of a few slices each (transverse, coronal, sagittal)."""
    profile = scanner(parameters, scanner_name)
    protocol = profile["series"]["localizer"]
    few = protocol["step"] * (np.arange(protocol["slices"]) - (protocol["slices"] - 1) / 2)
    many = protocol["pixel"] * (np.arange(protocol["matrix"]) - (protocol["matrix"] - 1) / 2)
    rotation, random = placement.rotation, stream(seed, patient, "localizer", "receive")
    found = []
    for plane in ("transverse", "coronal", "sagittal"):
        z, y, x = {"transverse": (few, many, many), "coronal": (many, few, many), "sagittal": (many, many, few)}[plane]
        image = render(pelvis, z, y, x, "localizer", protocol, profile["field_tesla"], parameters, {})
        image *= _coil(protocol, random, z, y, x)
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
        found.append(Series("localizer", protocol, np.ascontiguousarray(slices)[None], row, column, positions))
    return found


def _coil(protocol: dict, random: np.random.Generator, z, y, x) -> np.ndarray:
    """Receive sensitivity: strongest near the front and back elements, and smoothly uneven."""
    uneven = Field.random(random, (120.0, 110.0, 110.0), EXTENT_MM).at(z, y, x)
    near = (np.asarray(y, np.float32) / 110.0) ** 2
    return np.exp(np.float32(protocol["bias"]) * (0.30 * uneven + 0.9 * near[None, :, None]))


def _store(image: np.ndarray, kind: str, protocol: dict, field_tesla: float, parameters: dict, random) -> np.ndarray:
    """Noise, gain and rounding: what the scanner writes."""
    tissue = parameters["tissues"]["tumour" if kind == "ADC" else "muscle"]
    plain = {**protocol, "b_values": [0]}
    sigma = float(tissue_signal(tissue, kind, plain, field_tesla, parameters)[0]) / protocol["snr"]
    gain = protocol["unit"] * np.exp(parameters["nuisance"]["gain_log_sd"] * random.standard_normal())
    noisy = add_rician_noise(image, sigma, random)
    noisy *= np.float32(gain)
    return np.clip(np.rint(noisy, out=noisy), 0, STORED_MAXIMUM, out=noisy).astype(np.uint16)

"""Ghosting and motion: what happens when not every line of k-space sees the patient in the same place.

A series' image is Fourier-transformed, each phase-encoding line is changed as the artefact says, and transformed back.
Breathing that is periodic in the lines repeats the moving front of the body as ghosts (Wood and Henkelman, Med Phys
1985;12:143-151); a step smears everything; a phase between odd and even lines of an echo-planar readout makes a ghost
half a field of view away (Bruder et al., Magn Reson Med 1992;23:311-323).
"""

import numpy as np

FRONT_MM, BACK_MM = -30.0, 20.0  # y between which the breathing front of the body passes into its resting back
CYCLES = (7.0, 15.0)  # breaths during one acquisition


def breathing(image: np.ndarray, y: np.ndarray, pixel: float, amplitude: float, random: np.random.Generator) -> None:
    """Ghosts, in place: the front moves backwards and forwards by `amplitude` (mm); phase is encoded along the columns.

    `image` is (channels, sections, rows, columns), `y` (sections, rows) in mm.
    """
    lines = np.arange(image.shape[-1])
    moved = amplitude / pixel * np.sin(2 * np.pi * (random.uniform(*CYCLES) * lines / len(lines) + random.random()))
    front = np.clip((BACK_MM - y) / (BACK_MM - FRONT_MM), 0, 1).astype(np.float32)
    for channel in image:
        for picture, share in zip(channel, front, strict=True):
            moving = picture * share[:, None]
            picture[:] = np.abs(picture - moving + _moved(moving, moved))


def step(image: np.ndarray, pixel: float, distance: float, random: np.random.Generator) -> None:
    """Everything moves once by `distance` (mm), backwards, during the acquisition; in place."""
    lines = np.arange(image.shape[-1])
    moved = np.where(lines < random.uniform(0.4, 0.6) * len(lines), 0.0, distance / pixel)
    for channel in image:
        for picture in channel:
            picture[:] = np.abs(_moved(picture, moved))


def odd_even(image: np.ndarray, radians: float) -> None:
    """The ghost of echo-planar images, in place; phase is encoded along the rows.

    Odd lines with a phase of `radians`: cos of its half is left of the image, and sin of it lies half a field of view
    away.
    """
    ghost = np.roll(image, image.shape[-2] // 2, axis=-2)
    ghost *= np.float32(np.sin(radians / 2))
    image *= np.float32(np.cos(radians / 2))
    image += ghost


def _moved(picture: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """A picture (rows, columns), complex, whose phase-encoding line k (along the columns) saw it `moved[k]` rows lower.

    Lines are acquired from one edge of k-space to the other.
    """
    down = np.fft.fftfreq(picture.shape[0])[:, None]
    spectrum = np.fft.fft2(picture)
    spectrum *= np.exp(-2j * np.pi * down * np.fft.ifftshift(moved)).astype(np.complex64)
    return np.fft.ifft2(spectrum)

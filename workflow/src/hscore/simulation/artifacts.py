"""Add ghosting and motion: artefacts from lines of k-space that see the patient in different places.

A series' image is Fourier-transformed, each phase-encoding line is changed, and the result is transformed back.
Breathing that is periodic in the lines repeats the moving front of the body as ghosts (Wood and Henkelman, Med Phys
1985;12:143-151). A step blurs the whole image. A phase between odd and even lines of an echo-planar readout makes a
ghost half a field of view away (Bruder et al., Magn Reson Med 1992;23:311-323).
"""

import numpy as np

FRONT_MM, BACK_MM = -30.0, 20.0  # y between which the breathing front of the body changes into its resting back
CYCLES = (7.0, 15.0)  # breaths during one acquisition


def breathing(image: np.ndarray, y: np.ndarray, pixel: float, amplitude: float, random: np.random.Generator) -> None:
    """Add the ghosts of breathing, in place; phase is encoded along the columns.

    Args:
        image: the series (channels, sections, rows, columns).
        y: depth of each row (sections, rows) in mm.
        pixel: pixel size in mm.
        amplitude: movement of the front backwards and forwards in mm.
        random: random generator.
    """
    lines = np.arange(image.shape[-1])
    moved = amplitude / pixel * np.sin(2 * np.pi * (random.uniform(*CYCLES) * lines / len(lines) + random.random()))
    front = np.clip((BACK_MM - y) / (BACK_MM - FRONT_MM), 0, 1).astype(np.float32)
    for channel in image:
        for picture, share in zip(channel, front, strict=True):
            moving = picture * share[:, None]
            picture[:] = np.abs(picture - moving + _moved(moving, moved))


def step(image: np.ndarray, pixel: float, distance: float, random: np.random.Generator) -> None:
    """Move the whole patient once, backwards by `distance` (mm), during the acquisition; in place."""
    lines = np.arange(image.shape[-1])
    moved = np.where(lines < random.uniform(0.4, 0.6) * len(lines), 0.0, distance / pixel)
    for channel in image:
        for picture in channel:
            picture[:] = np.abs(_moved(picture, moved))


def odd_even(image: np.ndarray, radians: float) -> None:
    """Add the ghost of echo-planar images, in place; phase is encoded along the rows.

    With a phase of `radians` in odd lines, the image keeps the factor cos(radians / 2), and the ghost, half a field of
    view away, has the factor sin(radians / 2).
    """
    ghost = np.roll(image, image.shape[-2] // 2, axis=-2)
    ghost *= np.float32(np.sin(radians / 2))
    image *= np.float32(np.cos(radians / 2))
    image += ghost


def _moved(picture: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return a complex picture (rows, columns) whose phase-encoding line k saw it `moved[k]` rows lower.

    Phase is encoded along the columns, from one edge of k-space to the other.
    """
    down = np.fft.fftfreq(picture.shape[0])[:, None]
    spectrum = np.fft.fft2(picture)
    spectrum *= np.exp(-2j * np.pi * down * np.fft.ifftshift(moved)).astype(np.complex64)
    return np.fft.ifft2(spectrum)

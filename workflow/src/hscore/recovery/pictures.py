"""Make pictures of the simulated centres: the middle of a tumour on every sequence, as the study converted it."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from hscore.imaging import nifti

SIZE = 300  # pixels of a picture
FIELD_MM = 190.0  # side of the square around the tumour that is shown
DARK, BRIGHT = 1.0, 99.6  # percentiles that become black and white


def tumor_section(folder: Path, patient: str, sequence: str) -> str:
    """Return the section with the largest tumour area as a data URI (PNG)."""
    mask = nifti.read(folder / f"sub-{patient}_{sequence}_mask.nii.gz")
    image = nifti.read(folder / f"sub-{patient}_{sequence}.nii.gz")
    tumor = mask.stored.astype(bool)
    section = int(np.argmax(tumor.sum(axis=(1, 2))))
    rows, columns = np.nonzero(tumor[section])
    picture = image.values(section)
    half = int(FIELD_MM / 2 / image.grid.spacing[0])
    middle = int(np.median(rows)), int(np.median(columns))
    part = tuple(slice(max(0, position - half), position + half) for position in middle)
    low, high = np.percentile(picture, [DARK, BRIGHT])
    shown = np.clip((image.upright(picture[part]) - low) / (high - low), 0, 1)
    return png((255 * shown).astype(np.uint8))


def png(picture: np.ndarray) -> str:
    """Return a grey picture (uint8) as a data URI, scaled to the common size."""
    buffer = io.BytesIO()
    Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

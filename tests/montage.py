"""Real and simulated sections side by side, to judge by eye: `make -C tests montage`.

The real ones are a man's pelvis (ProstateX-0000 in ../shared/data: same coils and contrasts, another anatomy, no
contrast agent), beside them one patient of each simulated centre. The anatomy should differ
visibly; the image quality should not.
"""

import sys
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))

from hscore.simulation import anatomy, atlas, scanners  # noqa: E402  (the path must be set first)
from hscore.simulation.parameters import load  # noqa: E402
from hscore.simulation.patients import simulate_center  # noqa: E402

REAL = ROOT.parent / "shared" / "data" / "dicom" / "prostatex_0000"
# what is shown: real series with instance within the volume, simulated sequence, height above the cervix (mm), b-value
ROWS = (
    ("T2WI, bladder", "S04_t2_tra", 4, "T2WI", 4, None),
    ("T2WI, pubis", "S04_t2_tra", 13, "T2WI", -45, None),
    ("T1WI", "S09_pd_gre", 4, "CET1WI", 4, None),
    ("diffusion, lowest b", "S06_dwi_b50_400_800", 4, "ADC", 4, 0),
    ("diffusion, highest b", "S06_dwi_b50_400_800", 42, "ADC", 4, -1),
)
SIZE, FIELD_MM, MARGIN, SEED = 320, 180.0, 22, 11


def picture(pixels: np.ndarray, pixel: float) -> Image.Image:
    """The middle of a section, windowed."""
    rows, columns = (slice(max(0, int((n - FIELD_MM / pixel) / 2)), None) for n in pixels.shape)
    part = pixels[rows, columns][: int(FIELD_MM / pixel), : int(FIELD_MM / pixel)].astype(float)
    low, high = np.percentile(part, [1, 99.5])
    shown = (255 * np.clip((part - low) / (high - low), 0, 1)).astype(np.uint8)
    return Image.fromarray(shown).resize((SIZE, SIZE), Image.Resampling.BICUBIC)


def real(series: str, place: int) -> Image.Image:
    """A section of the real patient."""
    image = pydicom.dcmread(sorted((REAL / series).glob("*.dcm"))[place])
    return picture(image.pixel_array, float(image.PixelSpacing[0]))


def simulated(subject: scanners.Subject, parameters: dict, scanner: str, kind: str, height: float, b: int | None):
    """A section of a simulated patient."""
    series = scanners.acquire(parameters, scanner, kind, subject, SEED)
    where = scanners.stack(parameters, series.protocol, subject.patient, kind, SEED)
    section = int(np.argmin(np.abs(where.z.mean(axis=1) - height)))
    return picture(series.stored[b or 0, section], series.protocol["pixel"])


def main() -> None:
    """Draw the montage."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "montage.png")
    parameters = load(ROOT / "resources" / "simulation.yaml")
    outlines = atlas.load_outlines(ROOT / "resources" / "pelvis.yaml")
    names = ("real, a man", *parameters["scanners"])
    sheet = Image.new("L", (len(names) * SIZE, MARGIN + len(ROWS) * (SIZE + MARGIN)), 255)
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(names):
        draw.text((column * SIZE + 4, 4), name if name.startswith("real") else f"simulated, {name}", fill=0)
    for row, (title, *_) in enumerate(ROWS):
        draw.text((4, MARGIN + row * (SIZE + MARGIN) + 4), title, fill=0)

    def paste(image: Image.Image, row: int, column: int) -> None:
        sheet.paste(image, (column * SIZE, 2 * MARGIN + row * (SIZE + MARGIN)))

    for row, (_, series, place, *_) in enumerate(ROWS):
        paste(real(series, place), row, 0)
    for column, scanner in enumerate(parameters["scanners"], start=1):
        _, truth = simulate_center(parameters, scanner, scanner, 4, 1, SEED)
        patient, record = next(iter(truth["patients"].items()))
        record["artefacts"] = dict.fromkeys(record["artefacts"])
        pelvis = anatomy.build(parameters, patient, record, SEED)
        subject = scanners.Subject(
            patient=patient,
            record=record,
            pelvis=pelvis,
            codes=atlas.build(outlines, SEED, pelvis.variant),
            placement=scanners.place(parameters, patient, SEED),
            protocol_factors={},
        )
        for row, (_, _, _, kind, height, b) in enumerate(ROWS):
            paste(simulated(subject, parameters, scanner, kind, height, b), row, column)
    sheet.save(target)
    print(target)


if __name__ == "__main__":
    main()

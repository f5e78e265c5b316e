"""The atlas of the pelvis as a volume of codes: its grid, what a code means, and its files.

One byte a voxel: tissue number x 8 + how much of the tissue's admixture is there (0..7), such as fibrous septa in fat
or fat between muscle bundles; so one look-up table gives the signals of a whole volume on any sequence.

Coordinates are those of the imaging slab, in mm: x to the patient's left, y backwards, z upwards; origin in the cervix.
"""

from pathlib import Path

import numpy as np

PIXEL, STEP = 0.7, 2.5  # mm, within and between sections
Z = np.arange(-92.5, 107.6, STEP)
Y = np.arange(-124.0, 128.1, PIXEL)
X = np.arange(-152.6, 152.7, PIXEL)
LEVELS = 8
TISSUES = (
    "air",
    "skin",
    "subcutaneous_fat",
    "fat",
    "connective_tissue",
    "muscle",
    "fascia",
    "cortical_bone",
    "marrow",
    "cartilage",
    "csf",
    "nerve",
    "artery",
    "vein",
    "plexus",
    "urine",
    "smooth_muscle",
    "bladder_wall",
    "myometrium",
    "junctional_zone",
    "endometrium",
    "cervix",
    "mucosa",
    "vagina",
    "rectal_wall",
    "stool",
    "gas",
    "bowel_content",
    "node",
    "follicle",
    "ovary",
)
NUMBER = {name: number for number, name in enumerate(TISSUES)}


def save(folder: Path, variant: int, codes: np.ndarray) -> None:
    """Write one variant of the atlas, uint8 (len(Z), len(Y), len(X)), into its folder."""
    np.save(folder / f"{variant}.npy", codes)


def load(folder: str | Path, variant: int) -> np.ndarray:
    """One variant of the atlas in `folder`, not read but mapped: all patients' jobs share the system's copy."""
    return np.load(Path(folder) / f"{variant}.npy", mmap_mode="r")

"""The atlas of the pelvis as a volume of codes: grid, meaning of the codes, and files.

A voxel is one byte: tissue number x 8 + amount of the tissue's admixture (0..7), such as fibrous septa in fat or fat
between muscle bundles. One look-up table therefore gives the signals of a whole volume on any sequence.

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
    """Return one variant of the atlas in `folder`, memory-mapped so that all jobs share the system's copy."""
    return np.load(Path(folder) / f"{variant}.npy", mmap_mode="r")

"""Build the atlas, the tissues of a woman's pelvis, from the outlines in resources/pelvis.yaml.

An atlas is no particular person: `anatomy.py` deforms it into a patient and adds what depends on disease. Variants
differ in everything that is grown at random: uterus, bladder, bowel, vessels, textures. `codes.py` describes the
volume.
"""

from pathlib import Path

import numpy as np
import yaml

from hscore.errors import UserError
from hscore.simulation import outlined_organs, random_organs
from hscore.simulation.parameters import stream
from hscore.simulation.voxel_canvas import Canvas

GROWN = (  # in the order in which they are painted
    random_organs.connective_tissue,
    random_organs.vessels,
    random_organs.small_nodes,
    random_organs.colon,
    random_organs.bowel,
    random_organs.bladder,
    random_organs.uterus,
    random_organs.ovaries,
)


def build(outlines: dict, seed: int, variant: int) -> np.ndarray:
    """Build one variant of the atlas: tissue codes, uint8 [len(Z), len(Y), len(X)]."""
    canvas = Canvas(stream(seed, "atlas", str(variant)))
    for organ in outlines["organs"].values():
        outlined_organs.draw_organ(canvas, organ)
    for grow in GROWN:
        grow(canvas)
    return canvas.codes


def load_outlines(path: str | Path) -> dict:
    """Return the outlines of resources/pelvis.yaml.

    Raises:
        UserError: the file does not exist or is not YAML.
    """
    path = Path(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise UserError(f"{path}: the file with the outlines of the organs does not exist") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None

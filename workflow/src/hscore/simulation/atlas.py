"""Building the atlas: what tissue lies where in a woman's pelvis, from the outlines in resources/pelvis.yaml.

An atlas is nobody in particular: `anatomy.py` deforms it into a patient and adds what depends on disease. Several
variants differ in everything that is grown at random: uterus, bladder, bowel, vessels, textures. `codes.py` says what
the volume is.
"""

from pathlib import Path

import numpy as np
import yaml

from hscore.errors import UserError
from hscore.simulation import drawn, grown
from hscore.simulation.parameters import stream
from hscore.simulation.voxel_canvas import Canvas

GROWN = (  # in the order in which they are painted
    grown.connective_tissue,
    grown.vessels,
    grown.small_nodes,
    grown.colon,
    grown.bowel,
    grown.bladder,
    grown.uterus,
    grown.ovaries,
)


def build(outlines: dict, seed: int, variant: int) -> np.ndarray:
    """One variant of the atlas: tissue codes, shape (len(Z), len(Y), len(X)), uint8."""
    canvas = Canvas(stream(seed, "atlas", str(variant)))
    for organ in outlines["organs"].values():
        drawn.organ(canvas, organ)
    for grow in GROWN:
        grow(canvas)
    return canvas.codes


def load_outlines(path: str | Path) -> dict:
    """The outlines of resources/pelvis.yaml; a file that is not there or not YAML is one UserError."""
    path = Path(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise UserError(f"{path}: the file with the outlines of the organs does not exist") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None

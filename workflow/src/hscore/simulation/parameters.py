"""Reading the planted parameters, and the random streams that make every patient reproducible."""

import zlib
from pathlib import Path

import numpy as np
import yaml

from hscore.errors import UserError

SEQUENCES = ("CET1WI", "T2WI", "ADC")
SECTIONS = (
    "signs",
    "tumour",
    "node_short_axis_mm",
    "clinical",
    "survival",
    "missing",
    "center_shift",
    "monte_carlo",
    "artefacts",
    "nuisance",
    "atlas",
    "relaxivity_l_mmol_s",
    "tissues",
    "roi",
    "fat_suppression_residual",
    "scanners",
)


def load(path: str | Path) -> dict:
    """The planted parameters as a dictionary; a wrong file is one UserError naming what is wrong."""
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise UserError(f"{path}: the file with the simulation's parameters does not exist") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be a YAML mapping with the sections {', '.join(SECTIONS)}")
    missing = [section for section in SECTIONS if section not in content]
    unknown = [section for section in content if section not in SECTIONS]
    if missing or unknown:
        problem = f"section '{missing[0]}' is missing" if missing else f"section '{unknown[0]}' is unknown"
        raise UserError(f"{path}: {problem}; the sections are {', '.join(SECTIONS)}")
    return content


def scanner(parameters: dict, name: str) -> dict:
    """The profile of one scanner; an unknown name is a UserError."""
    profiles = parameters["scanners"]
    if name not in profiles:
        raise UserError(f"scanner '{name}' is unknown to the simulation; known are {', '.join(profiles)}")
    return profiles[name]


def stream(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for every purpose: adding one never shifts the numbers of another."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])

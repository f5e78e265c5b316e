"""Read the planted parameters, and make the random streams that keep every patient reproducible."""

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
SURVIVAL = ("log_hazard_per_logit", "monthly_hazard_at_cut_off", "cut_off", "follow_up_months", "monthly_loss")


def load(path: str | Path) -> dict:
    """Return the planted parameters as a dictionary.

    Raises:
        UserError: the file is missing or wrong; the message names the problem.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise UserError(f"{path}: the file with the simulation's parameters does not exist") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be a YAML mapping with the sections {', '.join(SECTIONS)}")
    _check_names(f"{path}: section", content, SECTIONS)
    _check_names(f"{path}, survival: parameter", content["survival"], SURVIVAL)
    cut_off = content["survival"]["cut_off"]
    if not (isinstance(cut_off, int | float) and 0 < cut_off < 1):
        raise UserError(f"{path}, survival: cut_off is {cut_off!r}, but must be an H score between 0 and 1")
    return content


def _check_names(what: str, content: dict, known: tuple[str, ...]) -> None:
    """Raise UserError for the first name that is missing or unknown; ``what`` names the kind of name and its place."""
    missing = [name for name in known if name not in content]
    unknown = [name for name in content if name not in known]
    if missing or unknown:
        problem = f"'{missing[0]}' is missing" if missing else f"'{unknown[0]}' is unknown"
        raise UserError(f"{what} {problem}; known are {', '.join(known)}")


def scanner(parameters: dict, name: str) -> dict:
    """Return the profile of one scanner.

    Raises:
        UserError: the simulation has no such scanner.
    """
    profiles = parameters["scanners"]
    if name not in profiles:
        raise UserError(f"scanner '{name}' is unknown to the simulation; known are {', '.join(profiles)}")
    return profiles[name]


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the random generator of one purpose: adding one never shifts the numbers of another."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])

"""Define the argument type for inputs given as NAME=PATH, one per model."""

import argparse
from pathlib import Path


def named_path(text: str) -> tuple[str, Path]:
    """Return ``hybrid=results/x.csv`` as ("hybrid", path)."""
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise argparse.ArgumentTypeError(f"'{text}' must be written as NAME=PATH")
    return name, Path(path)

"""The montage of a patient's folder in the quality stage."""

from pathlib import Path

MONTAGE_FILE = "montage.webp"


def read_montage(folder: Path) -> bytes | None:
    """Return the picture of a patient's sequences (WebP); None where none was drawn."""
    path = folder / MONTAGE_FILE
    return path.read_bytes() if path.exists() else None

"""Values of DICOM elements as hospitals write them: empty, of the wrong kind, in undeclared alphabets."""

from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset


def text(header: Dataset, keyword: str, top: Dataset | None = None) -> str:
    """A text value in one line; undeclared Chinese or UTF-8 bytes, which pydicom reads as Latin, are put right.

    ``top``: the object that declares the character set, where ``header`` is an item of one of its sequences.
    """
    value = header.get(keyword)
    found = "" if value is None else str(value)
    if not found.isascii() and not (header if top is None else top).get("SpecificCharacterSet"):
        for encoding in ("utf-8", "gb18030"):
            try:
                found = found.encode("latin-1").decode(encoding)
                break
            except UnicodeError:
                continue
    return " ".join(found.replace("\0", " ").split())


def number(value: Any) -> float | None:
    """A float, or None for what is empty or not a finite number."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < float("inf") else None


def day(value: Any) -> int | None:
    """Number of the day of a DICOM date (YYYYMMDD), or None for what is none."""
    try:
        return datetime.strptime(str(value), "%Y%m%d").toordinal()
    except ValueError:
        return None


def whole(value: Any) -> int:
    """An integer; 0 for what is empty or not a number."""
    found = number(value)
    return 0 if found is None else int(found)


def vector(value: Any, length: int) -> tuple[float, ...] | None:
    """A tuple of ``length`` floats, or None."""
    if value is None or isinstance(value, str) or len(value) != length:
        return None
    numbers = tuple(number(item) for item in value)
    return None if None in numbers else numbers

"""Values of DICOM elements as hospitals write them: empty, of the wrong kind, in undeclared alphabets."""

import re
import unicodedata
from datetime import datetime
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from hscore.imaging.dicom.vocabulary import RADIOLOGY_WORDS

HALF_A_DAY = 43_200.0  # s; times further apart have passed midnight
ESCAPE = b"\x1b"  # begins another alphabet in text of ISO 2022
OTHER_ENCODINGS = ("iso2022_jp", "iso2022_kr", "gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "koi8_r")


def text(header: Dataset, keyword: str, top: Dataset | None = None) -> str:
    """Return a text value in one line, read in the alphabet it is really written in.

    ``top``: the object that declares the character set, where ``header`` is an item of one of its sequences.
    """
    raw = header.get_item(Tag(keyword)) if Tag(keyword) in header else None
    content = getattr(raw, "value", None)
    if isinstance(content, bytes) and not (content.isascii() and ESCAPE not in content):
        found = decoded(content.strip(b" \0"), (header if top is None else top).get("SpecificCharacterSet"))
    else:
        value = header.get(keyword)
        found = "" if value is None else str(value)
    return " ".join(found.replace("\0", " ").split())


def uid(header: Dataset, keyword: str) -> str:
    """Return a UID as text; one that was written with a backslash is still one."""
    found = header.get(keyword)
    return "" if found is None else "\\".join(found) if isinstance(found, list | MultiValue) else str(found)


def decoded(content: bytes, declared: Any = None) -> str:
    """Return the text of bytes whose declared character set may be missing or wrong, or that were cut in a character.

    The reading that gives words of radiology and the fewest unreadable bytes counts. Of equal ones UTF-8 comes first,
    because other text hardly ever has its form, then the declared character set if it gives letters: Chinese read as
    Latin gives symbols ("Ôö", "Ç¿"). Last come character sets of hospitals in East Asia and Russia.
    """
    readings = []
    for encoding in ("utf-8", *_encodings(declared), *OTHER_ENCODINGS):
        try:
            found = content.decode(encoding, "replace")
        except LookupError:
            continue
        readings.append(found)
        if encoding == "utf-8":
            readings.append(_read_twice(found))

    def unlikely(found: str) -> tuple:
        known = re.search(RADIOLOGY_WORDS, found, re.IGNORECASE)
        return not known, found.count("\ufffd"), not _letters_only(found)

    return min(readings, key=unlikely).rstrip("\ufffd")


def _read_twice(found: str) -> str:
    """Text that was UTF-8, read as Latin and written as UTF-8 again; text that was not is returned as it is."""
    try:
        return found.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return found


def _encodings(declared: Any) -> list[str]:
    """Python's names of the declared character sets; none where they are unknown."""
    if not declared:
        return []
    try:
        return convert_encodings(declared)
    except Exception:  # pydicom raises many types on names that are no character sets
        return []


def _letters_only(found: str) -> bool:
    """True where all characters beyond ASCII are letters, marks or full-width punctuation, none a stray symbol."""
    kinds = {(unicodedata.category(letter), letter) for letter in found if not letter.isascii()}
    return all(kind[0] in "LMZ" or (kind[0] in "PN" and ord(letter) > 0x2000) for kind, letter in kinds)


def number(value: Any) -> float | None:
    """Return a float, or None for what is empty or not a finite number."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < float("inf") else None


def day(value: Any) -> int | None:
    """Return the number of the day of a DICOM date (YYYYMMDD), or None for what is none."""
    try:
        return datetime.strptime(str(value), "%Y%m%d").toordinal()
    except ValueError:
        return None


def seconds(value: Any) -> float | None:
    """Return the seconds since midnight of a DICOM time (HHMMSS.FFF) or date and time, or None for what is none.

    Minutes and seconds may be left out, and a time zone follow.
    """
    match = re.fullmatch(r"(?:\d{8})?(\d\d)(\d\d)?(\d\d(?:\.\d*)?)?([+-]\d{4})?", _without_colons(value))
    if match is None:
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups()[:3])
    return 3600 * hours + 60 * minutes + rest


def _without_colons(value: Any) -> str:
    """A time as text, of which old files write 10:00:30 for 100030."""
    return "" if value is None else str(value).strip().replace(":", "")


def whole(value: Any) -> int:
    """Return an integer; 0 for what is empty or not a number."""
    found = number(value)
    return 0 if found is None else int(found)


def whole_or_none(value: Any) -> int | None:
    """Return an integer, or None for what is empty or not a number."""
    found = number(value)
    return None if found is None else int(found)


def vector(value: Any, length: int) -> tuple[float, ...] | None:
    """Return a tuple of ``length`` floats, or None."""
    if value is None or isinstance(value, str) or len(value) != length:
        return None
    numbers = tuple(number(item) for item in value)
    return None if None in numbers else numbers

"""Read DICOM values as hospitals write them: empty, of the wrong kind, in undeclared alphabets."""

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
# It announces an alphabet of the upper bytes, which Python's codecs of these alphabets take for text.
ANNOUNCEMENT = re.compile(rb"\x1b\$?[()\-][@-~]")
OTHER_ENCODINGS = ("iso2022_jp", "iso2022_kr", "gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "koi8_r")


def text(header: Dataset, keyword: str, top: Dataset | None = None) -> str:
    """Return a text value on one line, decoded in the alphabet in which it was really written.

    Args:
        header: a header or an item of a sequence.
        keyword: keyword of the element.
        top: the object that declares the character set, if ``header`` is an item of one of its sequences.
    """
    raw = header.get_item(Tag(keyword))
    content = getattr(raw, "value", None)
    if isinstance(content, bytes) and not (content.isascii() and ESCAPE not in content):
        line = decoded(content.strip(b" \0"), (header if top is None else top).get("SpecificCharacterSet"))
    else:
        value = header.get(keyword)
        line = "" if value is None else str(value)
    return " ".join(line.replace("\0", " ").split())


def uid(header: Dataset, keyword: str) -> str:
    """Return a UID as text, even if it was written with a backslash."""
    value = header.get(keyword)
    return "" if value is None else "\\".join(value) if isinstance(value, list | MultiValue) else str(value)


def decoded(content: bytes, declared: Any = None) -> str:
    """Return the text of bytes whose character set may be undeclared or wrong, or that were cut within a character.

    The best reading has no escapes left, has words of radiology, and the fewest unreadable bytes. Among equals UTF-8
    comes first, because other text hardly ever has its form. The declared character set follows if it gives letters:
    Chinese read as Latin gives symbols ("Ôö", "Ç¿"). Character sets of hospitals in East Asia and Russia come last.
    """
    readings = []
    for encoding in ("utf-8", *_encodings(declared), *OTHER_ENCODINGS):
        try:
            written = content if encoding.startswith("iso2022") else ANNOUNCEMENT.sub(b"", content)
            reading = written.decode(encoding, "replace")
        except LookupError:
            continue
        readings.append(reading)
        if encoding == "utf-8":
            readings.append(_read_twice(reading))

    def unlikely(reading: str) -> tuple:
        known = re.search(RADIOLOGY_WORDS, reading, re.IGNORECASE)
        return "\x1b" in reading, not known, reading.count("\ufffd"), not _letters_only(reading)

    return min(readings, key=unlikely).rstrip("\ufffd")


def _read_twice(reading: str) -> str:
    """Undo a double UTF-8 encoding (UTF-8 read as Latin and encoded again); return other text unchanged."""
    try:
        return reading.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return reading


def _encodings(declared: Any) -> list[str]:
    """Return Python's names of the declared character sets; none if they are unknown."""
    if not declared:
        return []
    try:
        return convert_encodings(declared)
    except Exception:  # pydicom raises many types on names that are not character sets
        return []


def _letters_only(reading: str) -> bool:
    """Return whether all characters beyond ASCII are letters, marks or full-width punctuation."""
    kinds = {(unicodedata.category(letter), letter) for letter in reading if not letter.isascii()}
    return all(kind[0] in "LMZ" or (kind[0] in "PN" and ord(letter) > 0x2000) for kind, letter in kinds)


def number(value: Any) -> float | None:
    """Return a float, or None for an empty value or one that is not a finite number."""
    try:
        converted = float(value)
    except (TypeError, ValueError):
        return None
    return converted if abs(converted) < float("inf") else None


def day(value: Any) -> int | None:
    """Return the ordinal of a DICOM date (YYYYMMDD), or None for another value."""
    try:
        return datetime.strptime(str(value), "%Y%m%d").toordinal()
    except ValueError:
        return None


def seconds(value: Any) -> float | None:
    """Return the seconds since midnight of a DICOM time (HHMMSS.FFF) or date and time, or None for another value.

    Minutes and seconds may be missing, and a time zone may follow.
    """
    match = re.fullmatch(r"(?:\d{8})?(\d\d)(\d\d)?(\d\d(?:\.\d*)?)?([+-]\d{4})?", _without_colons(value))
    if match is None:
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups()[:3])
    return 3600 * hours + 60 * minutes + rest


def _without_colons(value: Any) -> str:
    """Return a time as text without colons; old files write 10:00:30 for 100030."""
    return "" if value is None else str(value).strip().replace(":", "")


def whole(value: Any) -> int:
    """Return an integer, or 0 for an empty value or one that is not a number."""
    converted = number(value)
    return 0 if converted is None else int(converted)


def whole_or_none(value: Any) -> int | None:
    """Return an integer, or None for an empty value or one that is not a number."""
    converted = number(value)
    return None if converted is None else int(converted)


def vector(value: Any, length: int) -> tuple[float, ...] | None:
    """Return a tuple of ``length`` floats, or None for another value."""
    if value is None or isinstance(value, str) or len(value) != length:
        return None
    numbers = tuple(number(item) for item in value)
    return None if None in numbers else numbers

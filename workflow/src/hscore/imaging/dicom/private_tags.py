"""Vendors' private elements, found by their creator: its block is the scanner's choice, and archives move it."""

import re
import struct
from typing import Any

from pydicom.datadict import add_private_dict_entry
from pydicom.dataset import Dataset

from hscore.imaging.dicom import values

# name -> group, creator, element in the creator's block, vendor (for files that lost the creator)
ELEMENTS = {
    "siemens b": (0x0019, "SIEMENS MR HEADER", 0x0C, "SIEMENS"),
    "siemens directionality": (0x0019, "SIEMENS MR HEADER", 0x0D, "SIEMENS"),
    "siemens direction": (0x0019, "SIEMENS MR HEADER", 0x0E, "SIEMENS"),
    "ge diffusion kind": (0x0043, "GEMS_PARM_01", 0x30, "GE"),
    "ge b": (0x0043, "GEMS_PARM_01", 0x39, "GE"),
    "ge complex part": (0x0043, "GEMS_PARM_01", 0x2F, "GE"),
    "united imaging b": (0x0065, "Image Private Header", 0x09, "UIH"),
    "united imaging direction": (0x0065, "Image Private Header", 0x37, "UIH"),
    "united imaging slices": (0x0065, "Image Private Header", 0x50, "UIH"),
    "united imaging frames": (0x0065, "Image Private Header", 0x51, "UIH"),
    "philips b": (0x2001, "Philips Imaging DD 001", 0x03, "PHILIPS"),
    "philips directionality": (0x2001, "Philips Imaging DD 001", 0x04, "PHILIPS"),
    "philips scale slope": (0x2005, "Philips MR Imaging DD 001", 0x0E, "PHILIPS"),
    "philips frame": (0x2005, "Philips MR Imaging DD 005", 0x0F, "PHILIPS"),
}
# In files of implicit VR, sequences of vendors that pydicom does not know would be read as bytes.
add_private_dict_entry("Image Private Header", 0x00651051, "SQ", "MR VFrame Sequence")
_BLOCKS = range(0x10, 0x100)
_GROUPS = sorted({group for group, *_ in ELEMENTS.values()})
PRIVATE_ELEMENTS = {
    *(group << 16 | block for group in _GROUPS for block in _BLOCKS),
    *(group << 16 | block << 8 | element for group, _, element, _ in ELEMENTS.values() for block in _BLOCKS),
}
LAST_TAG = 0x2005100E  # Philips' scale slope in its usual block; Philips' b-value comes before


def blocks(header: Dataset) -> dict[tuple[int, str], int]:
    """Return the block that each private creator of a header reserved, by group and creator."""
    found = {}
    for tag in header.keys():  # noqa: SIM118  iterating over a Dataset would decode every element
        if tag.group in _GROUPS and 0x10 <= tag.element <= 0xFF:
            found.setdefault((tag.group, str(header[tag].value).strip()), tag.element)
    return found


def usual(reserved: dict[tuple[int, str], int]) -> bool:
    """Return False where a group that names b-values has other creators in the vendor's usual block.

    Programs that read a fixed block take another's element for the b-value there.
    """
    owners = {(group, block): creator for (group, creator), block in reserved.items()}
    own = {(group, creator) for group, creator, *_ in ELEMENTS.values()}
    return all((group, owners[group, block]) in own for group, block in owners if block == 0x10)


def value(header: Dataset, reserved: dict[tuple[int, str], int], name: str) -> Any:
    """Return the value of one of ``ELEMENTS``, or None.

    Some anonymisers take the creators away and leave the elements. Where a group has no creator at all, the vendor's
    usual block is read.

    Args:
        header: a header or an item of a sequence.
        reserved: its ``blocks``.
        name: one of ``ELEMENTS``.
    """
    group, creator, element, vendor = ELEMENTS[name]
    block = reserved.get((group, creator))
    if block is None:
        orphaned = all(owner != group for owner, _ in reserved)
        if not (orphaned and str(header.get("Manufacturer", "")).upper().startswith(vendor)):
            return None
        block = 0x10
    tag = group << 16 | block << 8 | element
    return header[tag].value if tag in header else None


def first_number(content: Any) -> float | None:
    """Return the first number of a private value, whatever representation an archive left it in."""
    if isinstance(content, bytes):
        text = content.decode("ascii", "replace").strip(" \0")
        if re.fullmatch(r"[-+\d.eE\\ ]+", text):
            content = text
        elif len(content) in (4, 8):  # FL or FD, of which an archive forgot the representation
            (content,) = struct.unpack("<f" if len(content) == 4 else "<d", content)
    if isinstance(content, str):
        content = content.split("\\")
    if isinstance(content, list | tuple) or hasattr(content, "__getitem__"):
        content = content[0] if len(content) else None
    return values.number(content)


def word(content: Any) -> str:
    """Return a private value as a word in capitals; "" for nothing."""
    if isinstance(content, bytes):
        content = content.decode("ascii", "replace")
    return "" if content is None else str(content).strip(" \0").upper()

"""Read vendors' private elements by their creator, because scanners choose the block and archives move it."""

import re
import struct
from typing import Any

from pydicom.datadict import add_private_dict_entry
from pydicom.dataset import Dataset

from hscore.imaging.dicom import values

# name -> group, creator, element within the creator's block, vendor (for files that lost the creator)
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
# In files of implicit VR, pydicom would read sequences of vendors that it does not know as bytes.
add_private_dict_entry("Image Private Header", 0x00651051, "SQ", "MR VFrame Sequence")
_GROUPS = {group for group, *_ in ELEMENTS.values()}
LAST_TAG = 0x2005100E  # Philips' scale slope in its usual block, the last element in the order of a file


def blocks(header: Dataset) -> dict[tuple[int, str], int]:
    """Return the block that each private creator of a header reserved, by group and creator."""
    reserved = {}
    for tag in header.keys():  # noqa: SIM118  iterating over a Dataset would decode it all
        group, element = tag >> 16, tag & 0xFFFF
        if group in _GROUPS and 0x10 <= element <= 0xFF:
            reserved.setdefault((group, str(header[tag].value).strip()), element)
    return reserved


def last_tag(header: Dataset) -> int:
    """Return the last tag needed of a header that was read up to ``LAST_TAG``: a creator may have a later block."""
    reserved = blocks(header)
    tags = [
        group << 16 | reserved[group, creator] << 8 | element
        for group, creator, element, _ in ELEMENTS.values()
        if (group, creator) in reserved
    ]
    return max([LAST_TAG, *tags])


def uses_standard_blocks(reserved: dict[tuple[int, str], int]) -> bool:
    """Return False if a group that contains b-values has other creators in the vendor's usual block.

    Programs that read a fixed block would take the other creator's element for the b-value.
    """
    owners = {(group, block): creator for (group, creator), block in reserved.items()}
    known = {(group, creator) for group, creator, *_ in ELEMENTS.values()}
    return all((group, owners[group, block]) in known for group, block in owners if block == 0x10)


def value(header: Dataset, reserved: dict[tuple[int, str], int], name: str) -> Any:
    """Return the value of one of ``ELEMENTS``, or None.

    Some anonymisers remove the creators and leave the elements. If a group has no creator at all, the vendor's usual
    block is read.

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
    """Return the first number of a private value in any representation in which an archive may have left it."""
    if isinstance(content, bytes):
        text = content.decode("ascii", "replace").strip(" \0")
        if re.fullmatch(r"[-+\d.eE\\ ]+", text):
            content = text
        elif len(content) in (4, 8):  # FL or FD whose representation an archive lost
            (content,) = struct.unpack("<f" if len(content) == 4 else "<d", content)
    if isinstance(content, str):
        content = content.split("\\")
    if isinstance(content, list | tuple) or hasattr(content, "__getitem__"):
        content = content[0] if len(content) else None
    return values.number(content)


def word(content: Any) -> str:
    """Return a private value as a word in capitals; "" if empty."""
    if isinstance(content, bytes):
        content = content.decode("ascii", "replace")
    return "" if content is None else str(content).strip(" \0").upper()

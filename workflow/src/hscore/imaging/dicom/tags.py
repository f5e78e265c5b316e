"""Decode each header value once per folder: the files of a series repeat most of them."""

from collections.abc import KeysView
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

SPECIFIC_CHARACTER_SET = 0x00080005
LONGEST = 256  # bytes of a value that is cached; longer ones are hardly ever repeated


class Tags:
    """The header of one file, with the interface of a pydicom ``Dataset``, in a third of the time.

    Values come from pydicom. The cache key contains everything that decides how pydicom decodes the bytes. Private
    elements, sequences, and elements whose type depends on other elements are not cached.

    Args:
        dataset: the header as pydicom read it from a file.
        decoded: the values decoded so far, shared by all headers of a folder.
    """

    def __init__(self, dataset: Dataset, decoded: dict[tuple, Any]) -> None:
        self.dataset = dataset
        self._decoded = decoded
        self._elements = {int(tag): element for tag, element in dataset.items()}
        # several character sets are a list, which is no key of a dictionary
        character_sets = str(dataset[SPECIFIC_CHARACTER_SET].value) if SPECIFIC_CHARACTER_SET in dataset else ""
        self._encoding = (*dataset.original_encoding, character_sets)

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return the value of a standard element, or ``default`` if the header has none."""
        tag = tag_for_keyword(keyword)
        element = self._elements.get(tag)
        if element is None:
            return default
        if not isinstance(element, RawDataElement) or element.length > LONGEST:
            return self.dataset[tag].value
        key = (tag, element.VR, element.value, self._encoding)
        if key not in self._decoded:
            element = self.dataset[tag]
            if element.VR == "SQ" or " or " in dictionary_VR(tag):
                return element.value
            self._decoded[key] = element.value
        return self._decoded[key]

    def get_item(self, tag: int) -> RawDataElement | DataElement | None:
        """Return an element as stored in the file, only sequences decoded; None if there is none."""
        return self._elements.get(tag)

    def keys(self) -> KeysView[int]:
        """Return the tags of all elements."""
        return self._elements.keys()

    def __contains__(self, tag: int) -> bool:
        return tag in self._elements

    def __getitem__(self, tag: int) -> DataElement:
        return self.dataset[tag]

    @property
    def original_encoding(self) -> tuple[bool | None, bool | None]:
        """Whether types are implicit and the byte order is little-endian."""
        return self.dataset.original_encoding

    @property
    def transfer_syntax(self) -> str:
        """TransferSyntaxUID; "" for a file without meta information."""
        return self._meta("TransferSyntaxUID")

    @property
    def stored_class(self) -> str:
        """MediaStorageSOPClassUID; "" for a file without meta information."""
        return self._meta("MediaStorageSOPClassUID")

    def _meta(self, keyword: str) -> str:
        """Return a value of the file's meta information as text; "" if there is none."""
        meta = getattr(self.dataset, "file_meta", None)
        return "" if meta is None else str(meta.get(keyword, ""))

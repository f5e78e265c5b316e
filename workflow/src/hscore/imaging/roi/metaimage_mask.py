"""Read MetaImage masks (.mha, .mhd). Source of the fields: https://itk.org/Wiki/ITK/MetaIO/Documentation."""

from pathlib import Path

import numpy as np

from hscore.imaging.roi.mask_volume import MaskVolume, UnreadableMaskError, as_array, layers, placed, unpack
from hscore.imaging.roi.nrrd_mask import read_data_file

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
MOST_HEADER = 100_000  # bytes


def read(path: Path) -> MaskVolume:
    """Read a MetaImage mask, its voxels inside the file or in a file next to it.

    Raises:
        UnreadableMaskError: the file is damaged, has no position, or is of a kind that is not supported.
    """
    fields, data = _fields(path.read_bytes())
    if fields["elementdatafile"].upper() != "LOCAL":
        data = read_data_file(path, fields["elementdatafile"])
    try:
        kind = TYPES[fields["elementtype"].upper()]
        size = [int(n) for n in fields["dimsize"].split()]
        channels = int(fields.get("elementnumberofchannels", 1))
        skip = int(fields.get("headersize", 0))
    except (KeyError, ValueError):
        raise UnreadableMaskError("MetaImage cannot be read: ElementType or DimSize is missing or unknown") from None
    if channels != 1 or _yes(fields, "binarydata", "true") is False:
        raise UnreadableMaskError("MetaImage cannot be read: colours and voxels written as text are not supported")
    order = ">" if _yes(fields, "elementbyteordermsb") or _yes(fields, "binarydatabyteordermsb") else "<"
    if _yes(fields, "compresseddata"):
        data = unpack(data, "zlib")
    elif skip < 0:
        data = data[max(0, len(data) - int(kind[-1]) * int(np.prod(size, dtype=object))) :]
    voxels = as_array(data[max(0, skip) :], order + kind, tuple(size[::-1]))
    return MaskVolume(layers(voxels), placed(_affine(fields, len(size)), tuple([*size, 1, 1][:3])))


def _fields(content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the header's fields (keys in lower case) and the data after it."""
    fields: dict[str, str] = {}
    position = 0
    while "elementdatafile" not in fields:
        end = content.find(b"\n", position)
        end = len(content) if end < 0 else end
        key, equals, value = content[position:end].decode("utf-8", "replace").partition("=")
        if not equals or end > MOST_HEADER:
            raise UnreadableMaskError("MetaImage cannot be read: its header is damaged")
        fields[key.strip().lower()] = value.strip()
        position = end + 1
    return fields, content[position:]


def _yes(fields: dict[str, str], key: str, default: str = "false") -> bool:
    """Return whether a field is true."""
    return fields.get(key, default).lower() in {"true", "1"}


def _affine(fields: dict[str, str], dimension: int) -> np.ndarray:
    """Return the affine (voxel index -> mm, LPS); each row of the file's matrix is the direction of one axis."""

    def numbers(*keys: str) -> list[float] | None:
        text = next((fields[key] for key in keys if key in fields), None)
        return None if text is None else [float(value) for value in text.split()]

    try:
        origin = numbers("offset", "position", "origin")
        matrix = numbers("transformmatrix", "rotation", "orientation")
        spacing = numbers("elementspacing", "elementsize")
        if dimension < 3 or origin is None or matrix is None or spacing is None:
            raise UnreadableMaskError("it has no position (Offset, TransformMatrix or ElementSpacing is missing)")
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(matrix, (dimension, dimension)).T[:3, :3] * spacing[:3]
        affine[:3, 3] = origin[:3]
    except ValueError:
        raise UnreadableMaskError("its position cannot be read") from None
    return affine

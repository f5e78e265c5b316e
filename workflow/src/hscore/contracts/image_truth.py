"""The truth about the images of a simulated patient, a file of arrays (npz).

For each ``<sequence>``: ``mask_<sequence>``, bool [sections, rows, columns], the block that contains the tumour;
``first_<sequence>``, int [3], index of its first voxel; ``shape_<sequence>``, int [3], of the whole mask;
``affine_<sequence>``, float [4, 4], from voxels (column, row, section) to mm (LPS). ``tumour_adc``: mean ADC of the
tumour, 1e-6 mm2/s.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hscore.contracts import batch_record
from hscore.contracts.json_file import rerun_hint
from hscore.errors import UserError
from hscore.files import new_file

TUMOR_ADC = "tumour_adc"
OF_SEQUENCE = ("mask", "first", "shape", "affine")


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays."""
    with new_file(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with np.load(path) as content:
            return dict(content)
    except (OSError, ValueError, zipfile.BadZipFile):
        raise UserError(f"{path} is damaged; {rerun_hint(batch_record.record_of(path))}") from None

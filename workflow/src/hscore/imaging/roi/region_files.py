"""Recognise by name which delivered files are readable masks, and which others look like regions of interest."""

import re
from pathlib import Path

MASKS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
READ = (
    "DICOM-SEG, RTSTRUCT, NIfTI (.nii, .nii.gz), NRRD and 3D Slicer (.nrrd, .nhdr, .seg.nrrd), MetaImage (.mha, .mhd)"
)
# Formats of outlines, surfaces, label volumes and scenes. Whatever its name, such a file is a region.
REGIONS = re.compile(
    r"\.(hdr|img|hdr\.gz|img\.gz|mgz|mgh|mnc|gipl(\.gz)?|vti|vtk|vtp|vtu|stl|obj|ply|off|mrml|mrb|mrk\.json|fcsv|acsv|"
    r"mat|npy|npz|h5|hdf5|xml|roi|rois|rois_series|voi|ctr|cso|itksnap|label|annot|zraw|mitk|mevis|aim|pinnacle|am)$",
    re.IGNORECASE,
)
# Formats for any purpose, which count only if the file's name refers to a region.
ANY_PURPOSE = re.compile(
    r"\.(csv|tsv|json|txt|xlsx?|png|tiff?|bmp|jpe?g|gif|pkl|pickle|raw|dat|bin|plist|zip|7z|rar|tar|tgz|gz)$",
    re.IGNORECASE,
)
NAMED_REGION = re.compile(
    r"mask|roi(?![a-z])|rois|seg(?![a-z])|segm|label|contour|outline|annotation|gtv|tumou?r|lesion|rtss|rtstruct|struct"
    r"|勾画|靶区|标注|分割|标签|病灶|肿瘤|掩",
    re.IGNORECASE,
)


def is_mask(path: Path) -> bool:
    """Return whether a file has a mask format that can be read, by its name."""
    return path.name.lower().endswith(MASKS)


def looks_like_region(path: Path) -> bool:
    """Return whether a file that is not read probably contains a region of interest, by its name."""
    return bool(REGIONS.search(path.name) or (ANY_PURPOSE.search(path.name) and NAMED_REGION.search(path.name)))

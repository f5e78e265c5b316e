"""Folders as the convert step leaves them, made by hand: one real patient and small artificial ones."""

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import yaml

from hscore.contracts.status import Status

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config" / "config.yaml").read_text(encoding="utf-8"))


def settings(section: str, **changes) -> str:
    """A section of the default config as a step takes it, with changes to its top level."""
    return json.dumps({**CONFIG[section], **changes})


def write_patient(folder: Path, patient: str, images: dict, findings=(), usable=None) -> Path:
    """Write ``images`` {sequence: (image, mask)} as ``folder``/sub-``patient``; return that folder."""
    target = folder / f"sub-{patient}"
    target.mkdir(parents=True)
    for sequence, (image, mask) in images.items():
        sitk.WriteImage(image, str(target / f"sub-{patient}_{sequence}.nii.gz"))
        sitk.WriteImage(mask, str(target / f"sub-{patient}_{sequence}_mask.nii.gz"))
        sidecar = {"Sequence": sequence, "Manufacturer": "SIEMENS", "MagneticFieldStrength": 3}
        (target / f"sub-{patient}_{sequence}.json").write_text(json.dumps(sidecar), encoding="utf-8")
    status = Status(patient, "north", "convert", list(images) if usable is None else list(usable))
    for finding in findings:
        status.add(*finding)
    status.write(target)
    return target


def volume(shape=(9, 48, 60), tumor=((2, 7), (20, 31), (25, 40)), spacing=(2.0, 2.0, 5.0), seed=0):
    """A noisy ellipse in air with a brighter block of tumour: (image, mask); ``tumour`` half-open in z, y, x."""
    rng = np.random.default_rng(seed)
    z, y, x = np.mgrid[0 : shape[0], -1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    block = tuple(slice(*limits) for limits in tumor)
    clean = np.where((x / 0.9) ** 2 + (y / 0.8) ** 2 < 1, 400.0, 0.0)
    clean[block] *= 1.5
    biased = clean * np.exp(0.3 * x + 0.2 * y * z / shape[0])
    mask = np.zeros(shape, np.uint8)
    mask[block] = 1
    images = []
    for array in (np.hypot(biased + rng.normal(0, 8, shape), 8).astype(np.int16), mask):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        images.append(image)
    return tuple(images)


def adc(**where):
    """An ADC map in 1e-6 mm2/s on the grid of ``volume``: tissue 1500, tumour 900, nothing in air; and the mask."""
    _, mask = volume(**where)
    inside = sitk.GetArrayFromImage(mask)
    image = sitk.GetImageFromArray(np.where(inside == 1, 900, 1500).astype(np.int16))
    image.CopyInformation(mask)
    return image, mask


def voxels(path: Path) -> np.ndarray:
    """The values [z, y, x] that another reader finds in a file."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path), sitk.sitkFloat32))


def prostate(shared_data: Path):
    """The real transverse T2 volume of the shared data, its planted tumour mask and the truth about that mask."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(shared_data / "dicom" / "prostatex_0000" / "S04_t2_tra")))
    image = reader.Execute()
    rois = shared_data / "roi" / "prostatex_0000"
    mask = sitk.ReadImage(str(rois / "mask_GTV_primary.nii.gz"))
    assert np.allclose(mask.GetOrigin(), image.GetOrigin(), atol=1e-3)
    assert np.allclose(mask.GetDirection(), image.GetDirection(), atol=1e-3)
    truth = json.loads((rois / "truth.json").read_text(encoding="utf-8"))
    return image, mask, truth["rois"][0]

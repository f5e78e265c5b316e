"""A made-up patient as hospitals deliver it: the complete one, and what each test changes of it."""

import json
from pathlib import Path

import batches
import numpy as np
import SimpleITK as sitk
import yaml

from dicom_writer import diffusion, save, series, square, structure_set, volume
from hscore.contracts.status import Status
from hscore.steps import convert_patient
from workflow_runs import ROOT

SETTINGS = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["convert"]
AGENT = {"ContrastBolusAgent": "Gadovist", "EchoTime": 2.0, "RepetitionTime": 5.0}


def flat(level: int, slices: int = 6) -> np.ndarray:
    """Every pixel of one value [slice, row, column]: which image was taken can be read off the result."""
    return np.full_like(volume(slices), level)


def t1(level: int = 300, **options) -> list:
    """A contrast-enhanced T1 series of one brightness."""
    return series(flat(level), **{"number": 9, "description": "t1_vibe_tra +C"} | AGENT | options)


def t2(**options) -> list:
    """A T2 series."""
    return series(volume(seed=1), **{"number": 3, "description": "t2_tse_tra"} | options)


def dwi(b_values=(0, 800), **options) -> list:
    """A diffusion series of ADC 1000e-6 mm2/s."""
    return diffusion(list(b_values), **options)


def roi(**options):
    """A structure set with the tumour on two slices."""
    return structure_set({"Tumour": [square((-6, -6), (6, 6), z) for z in (8.0, 13.0)]}, **options)


class Delivery:
    """A patient's folder and what convert makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        self.out = folder / "out"

    def write(self, **parts) -> "Delivery":
        """Write a complete patient, with ``parts`` instead of (or besides) t1, t2, dwi and roi; None leaves one out."""
        for name, datasets in ({"t1": t1(), "t2": t2(), "dwi": dwi(), "roi": [roi()]} | parts).items():
            if datasets:
                save(datasets, self.images / name, f"{name}-{{:04d}}.dcm")
        return self

    def convert(self, settings: dict = SETTINGS) -> Status:
        """Run the step through its command line."""
        whose = ["--patients", "P1", "--center", "A", "--images", batches.image_folders("P1", self.images, self.out)]
        batches.run(convert_patient, "P1", self.out, *whose, "--settings", json.dumps(settings))
        self.status = Status.read(self.out)
        return self.status

    def voxels(self, name: str) -> np.ndarray | None:
        """The values [slice, row, column] of one output, or None."""
        path = self.out / f"sub-P1_{name}.nii.gz"
        return sitk.GetArrayFromImage(sitk.ReadImage(str(path))) if path.exists() else None

    def level(self, sequence: str = "CET1WI") -> int | None:
        """The one value of all voxels of a sequence; -1 where there are several, None where it is not usable."""
        if sequence not in self.status.usable:
            return None
        found = np.unique(self.voxels(sequence))
        return int(found[0]) if len(found) == 1 else -1

    def adc(self) -> float | None:
        """The median ADC in the tumour (1e-6 mm2/s); None where it is not usable."""
        if "ADC" not in self.status.usable:
            return None
        return float(np.median(self.voxels("ADC")[self.voxels("ADC_mask") > 0]))

    def reason(self, sequence: str | None = None, code: str | None = None) -> str:
        """The texts of all findings about a sequence."""
        return " | ".join(f.text for f in self.status.findings if f.sequence == sequence and code in (None, f.code))

    def codes(self, sequence: str | None = None) -> list[str]:
        """The codes of all findings about a sequence."""
        return [f.code for f in self.status.findings if f.sequence == sequence]

    def why_not(self, number: int, sequence: str) -> str:
        """Why a series was not chosen."""
        listed = json.loads((self.out / "series.json").read_text(encoding="utf-8"))["series"]
        return " | ".join(one["why_not"].get(sequence, "") for one in listed if one["number"] == number)

"""Measure the cost of the stages' work with standard components; the network is the only project code.

Only this benchmark needs dicom2nifti, from the dependency group `bench`, which `make -C tests bench` installs.
"""

import contextlib
import io
import json
import logging
import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dcm2niix
import numpy as np
import pandas as pd
import SimpleITK as sitk
import torch
from torch.nn import functional

from hscore.imaging import nifti
from hscore.imaging.dicom.patient_folder import read_folder
from hscore.learning import networks

SEQUENCES = ("CET1WI", "T2WI", "ADC")
CORRECTED = ("CET1WI", "T2WI")
TIMED_SAMPLES = 512
TIMED_RESAMPLES = 50


@dataclass
class Part:
    """Hold the CPU seconds extrapolated to the study: the floor of any implementation, and standard components."""

    floor: float | None
    floor_is: str
    standard: float
    standard_is: str


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call, including its child processes."""

    def used() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    before = used()
    work()
    return used() - before


def measure(study: Path, chosen: Sequence[Path], config: dict) -> dict[str, Part]:
    """Measure every component, by stage. ``chosen`` are folders of the convert step of patients with all sequences."""
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    everybody = len(list((study / "nifti").glob("*/sub-*"))) / len(chosen)
    return {
        "convert": convert(study, chosen, everybody),
        "normalize": normalize(chosen, everybody),
        "sample": sample(study, chosen, everybody),
        "train": train(study, config),
        "validate": validate(study, config),
    }


def convert(study: Path, chosen: Sequence[Path], scale: float) -> Part:
    """Measure dcm2niix and dicom2nifti on the series that the step chose."""
    import dicom2nifti  # noqa: F401  (imported before the clock runs)

    logging.disable()
    times = []
    for folder in chosen:
        patient = folder.name.removeprefix("sub-")
        with tempfile.TemporaryDirectory(prefix="hscore-bench-") as scratch:
            images = study / "simulated" / folder.parent.name / "images" / patient
            source = link_chosen(images, folder, Path(scratch, "dicom"))
            alone, theirs = Path(scratch, "dcm2niix"), Path(scratch, "dicom2nifti")
            alone.mkdir()
            theirs.mkdir()
            command = [dcm2niix.bin, "-z", "y", "-f", "%s", "-o", str(alone), str(source)]
            times.append(
                (
                    cpu_seconds(lambda c=command: subprocess.run(c, check=True, stdout=subprocess.DEVNULL)),
                    cpu_seconds(lambda s=source, t=theirs: convert_quietly(s, t)),
                )
            )
    floor, standard = np.sum(times, axis=0) * scale
    return Part(floor, "dcm2niix alone", standard, "dicom2nifti, without ADC, masks and checks")


def convert_quietly(source: Path, target: Path) -> None:
    """Run dicom2nifti, which prints a traceback for a diffusion series without directions and continues."""
    import dicom2nifti

    with contextlib.redirect_stderr(io.StringIO()):
        dicom2nifti.convert_directory(str(source), str(target))


def link_chosen(images: Path, converted: Path, source: Path) -> Path:
    """Make ``source`` a folder of links to the files of the series that the convert step chose."""
    listed = json.loads((converted / "series.json").read_text(encoding="utf-8"))["series"]
    numbers = {one["number"] for one in listed if one["chosen_as"]}
    for one in read_folder(images).series:
        if one.number in numbers:
            folder = source / str(one.number)
            folder.mkdir(parents=True, exist_ok=True)
            for count, frame in enumerate(one.frames):
                os.symlink(frame.path.resolve(), folder / f"{count:05d}.dcm")
    return source


def normalize(chosen: Sequence[Path], scale: float) -> Part:
    """Measure SimpleITK's N4 on a grid that keeps the sections, and on the usual one with default iterations."""
    from monai.transforms import NormalizeIntensity

    floor = standard = 0.0
    for folder in chosen:
        for sequence in CORRECTED:
            image = sitk.ReadImage(str(folder / f"{folder.name}_{sequence}.nii.gz"), sitk.sitkFloat32)
            floor += cpu_seconds(lambda image=image: n4(image, (8, 8, 1)))
            standard += cpu_seconds(lambda image=image: NormalizeIntensity(nonzero=True)(n4(image, (4, 4, 4))))
    what = "SimpleITK N4 at shrink 4,4,4, default iterations, MONAI NormalizeIntensity"
    return Part(floor * scale, "SimpleITK N4 at shrink 8,8,1", standard * scale, what)


def n4(image: sitk.Image, shrink: tuple[int, int, int]) -> np.ndarray:
    """Correct as in SimpleITK's own example: Otsu's mask, N4 on the shrunken image, field at full resolution."""
    mask = sitk.OtsuThreshold(image, 0, 1, 200)
    filter_ = sitk.N4BiasFieldCorrectionImageFilter()
    filter_.Execute(sitk.Shrink(image, shrink), sitk.Shrink(mask, shrink))
    return sitk.GetArrayFromImage(image / sitk.Exp(filter_.GetLogBiasFieldAsImage(image)))


def sample(study: Path, chosen: Sequence[Path], scale: float) -> Part:
    """Measure reading volumes and masks once, and MONAI's dictionary transforms on the whole volumes."""
    from monai.transforms import Compose, CropForegroundd, EnsureChannelFirstd, LoadImaged, Resized, Spacingd

    keys = ("image", "mask")
    chain = Compose(
        [
            LoadImaged(keys),
            EnsureChannelFirstd(keys),
            Spacingd(keys, (0.7, 0.7, -1.0), mode=("bilinear", "nearest")),
            CropForegroundd(keys, "mask", margin=(5, 5, 0)),
            Resized(keys, (64, 64, -1), mode=("trilinear", "nearest")),
        ]
    )
    floor = standard = 0.0
    for folder in chosen:
        for sequence in SEQUENCES:
            name = f"{folder.name}_{sequence}"
            image = study / "normalized" / folder.parent.name / folder.name / f"{name}.nii"
            mask = folder / f"{name}_mask.nii.gz"
            floor += cpu_seconds(lambda i=image, m=mask: (nifti.read(i).values(), nifti.read(m).values()))
            standard += cpu_seconds(lambda i=image, m=mask: chain({"image": str(i), "mask": str(m)}))
    what = "MONAI LoadImaged, Spacingd, CropForegroundd, Resized"
    return Part(floor * scale, "reading the volumes once", standard * scale, what)


def per_sample_transforms(limits: dict):
    """Return MONAI's random transforms with the limits of ``train.augmentation``, for one sample of 64 x 64."""
    from monai.transforms import (
        Compose,
        RandAffine,
        RandFlip,
        RandGaussianNoise,
        RandScaleIntensity,
        RandShiftIntensity,
    )

    pixels = 64 * limits["shift"]
    return Compose([
        RandFlip(0.5, 0), RandFlip(0.5, 1),
        RandAffine(1.0, np.radians(limits["rotation_degrees"]), None, (pixels, pixels), limits["scale"],
                   padding_mode="border"),
        RandScaleIntensity(limits["intensity_scale"], 1.0), RandShiftIntensity(limits["intensity_shift"], prob=1.0),
        RandGaussianNoise(1.0, std=limits["noise"]),
    ])  # fmt: skip


def train(study: Path, config: dict) -> Part:
    """Measure the bare network on one batch, and with MONAI's per-sample random transforms in a DataLoader."""
    from monai.data import DataLoader, Dataset

    settings = config["train"]
    folds = pd.read_csv(study / "splits" / "folds.csv")["fold"]
    image_models = [path.parent.name for path in (study / "models").glob("*/seed-*") if any(path.glob("*.safetensors"))]
    sequences = sum(len(config["models"][name].get("sequences", ["one"])) for name in image_models)
    drawn = sum(int((folds != fold).sum()) for fold in folds.unique()) * settings["samples_per_patient"]
    samples = drawn * settings["epochs"] * sequences
    size, transforms = settings["batch_size"], per_sample_transforms(settings["augmentation"])
    images = torch.randn(TIMED_SAMPLES, 3, 64, 64)
    network = networks.build(settings["network"], [(3, 64, 64)], 0, settings["aggregation"])
    optimizer = torch.optim.AdamW(network.parameters())

    def step(batch: torch.Tensor) -> None:
        optimizer.zero_grad()
        alone, clinical = torch.ones(len(batch), 1, dtype=torch.bool), torch.empty(len(batch), 0)
        logits = network([batch.contiguous(memory_format=torch.channels_last)], [alone], clinical)
        functional.binary_cross_entropy_with_logits(logits, torch.zeros(len(batch), 1)).backward()
        optimizer.step()

    def bare() -> None:
        batch = images[:size]
        for _ in range(TIMED_SAMPLES // size):
            step(batch)

    def loaded() -> None:
        for batch in DataLoader(Dataset(list(images), transforms), batch_size=size, shuffle=True):
            step(batch)

    step(images[:size])  # the first step allocates
    floor, standard = (cpu_seconds(work) * samples / TIMED_SAMPLES for work in (bare, loaded))
    return Part(floor, "the network on one batch, no data", standard, "MONAI transforms a sample in a DataLoader")


def validate(study: Path, config: dict) -> Part:
    """Measure a loop over bootstrap resamples with scikit-learn's AUC, per model and evaluation; no other statistic."""
    from sklearn.metrics import roc_auc_score

    models = [path.name for path in (study / "predictions").iterdir() if path.is_dir()]
    labels = (pd.read_csv(study / "splits" / "folds.csv")["lnm"] == 1).to_numpy()
    rng = np.random.default_rng(0)
    scores = rng.normal(labels, 1)

    def loop() -> None:
        for _ in range(TIMED_RESAMPLES):
            drawn = rng.integers(0, len(labels), len(labels))
            roc_auc_score(labels[drawn], scores[drawn])

    resamples = config["validate"]["bootstrap"]["resamples"] * len(models) * 3
    return Part(None, "", cpu_seconds(loop) * resamples / TIMED_RESAMPLES, "scikit-learn in a bootstrap loop, AUC only")

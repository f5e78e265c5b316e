"""A planted cohort: simulated samples in which the brightness of a tumour's rim carries the label, with overlap.

The ideal observer sees the patient's latent number z, normal with mean 0 (negative) or ``separation`` (positive) and
deviation 1: its AUC is Phi(separation / sqrt 2), 0.87 for 1.59. The picture shows z under patient-wise gain, texture,
noise, and discs of random place, size and ellipticity.
"""

from pathlib import Path

import numpy as np
import pandas as pd

SEPARATION = 1.593  # ideal AUC 0.87


def planted_cohort(
    folder: Path,
    center: str = "GZ",
    patients: int = 85,
    positives: int = 18,
    folds: int = 5,
    sections: tuple[int, int] = (6, 11),
    rim: float = 0.15,
    seed: int = 0,
) -> dict:
    """Write samples, manifest and folds; return their paths, the labels and the latent numbers."""
    random = np.random.default_rng(seed)
    labels = np.zeros(patients, int)
    labels[random.permutation(patients)[:positives]] = 1
    latent = random.normal(size=patients) + SEPARATION * labels
    names = [f"{center}-{number:04d}" for number in range(1, patients + 1)]
    paths = []
    for name, z in zip(names, latent, strict=True):
        path = folder / "samples" / f"sub-{name}"
        path.mkdir(parents=True)
        images = planted_samples(random, z, int(random.integers(*sections)), rim)
        np.savez(path / "samples.npz", CET1WI_peritumoral=images)
        paths.append(str(path))
    node = random.random(patients) < np.where(labels == 1, 0.51, 0.11)  # pooled accuracy of conventional reading
    manifest = pd.DataFrame({"patient": names, "center": center, "mri_ln_positive": node.astype(int), "samples": paths})
    manifest["age"] = random.normal(50, 10, patients).round(1)
    manifest.to_csv(folder / "manifest.csv", index=False)
    fold = np.empty(patients, int)
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(labels == label))
        fold[rows] = np.arange(len(rows)) % folds
    split = pd.DataFrame({"patient": names, "center": center, "lnm": labels, "fold": fold})
    split.to_csv(folder / "folds.csv", index=False)
    return {"manifest": folder / "manifest.csv", "folds": folder / "folds.csv", "labels": labels, "latent": latent}


def planted_samples(random: np.random.Generator, z: float, triplets: int, rim: float) -> np.ndarray:
    """Triplets float32 [triplets, 3, 64, 64] of one patient."""
    sections = triplets + 2
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    center = random.normal(0, 0.08, 2)
    ratio = np.exp(random.normal(0, 0.15))
    radius = random.uniform(0.5, 0.7) * np.sqrt(1 - np.linspace(-0.8, 0.8, sections) ** 2 * 0.8)
    distance = np.hypot((x - center[0]) * ratio, (y - center[1]) / ratio)
    coarse = random.normal(size=(sections, 8, 8)) + random.normal(size=(1, 8, 8))
    texture = 0.3 * np.kron(coarse, np.ones((8, 8)))
    inside = distance < radius[:, None, None]
    edge = np.abs(distance - radius[:, None, None]) < 0.12
    volume = 1.0 * inside + rim * (1 + z) * edge + texture + random.normal(0, 0.3, (sections, 64, 64))
    volume = volume * np.exp(random.normal(0, 0.1)) + random.normal(0, 0.1)
    return np.stack([volume[k : k + 3] for k in range(triplets)]).astype(np.float32)

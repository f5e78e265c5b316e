"""Simulated inputs of the learning steps: manifests, samples and folds of two development centres and one external."""

import numpy as np
import pandas as pd

SETTINGS = {
    "network": {"name": "paper", "channels": [4, 8], "head": [4], "dropout": 0.3},
    "epochs": 2,
    "batch_size": 16,
    "samples_per_patient": 2,
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
    "class_weights": "balanced",
    "augmentation": {"flip": True, "noise": 0.1},
    "aggregation": "max",
    "sequence_dropout": 0.0,
    "early_stopping": None,
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
}
SPECS = {
    "clinical": {"label": "Clinical", "clinical": ["mri_ln_positive"]},
    "reading": {"label": "MRI-LN", "reading": "mri_ln_positive"},
    "image": {"label": "T2WI", "sequence": "T2WI", "region": "tumour"},
    "hybrid": {"label": "Hybrid", "sequence": "T2WI", "region": "tumour", "clinical": ["mri_ln_positive"]},
    "late": {"label": "Late hybrid", "fuse": ["image"], "clinical": ["mri_ln_positive"]},
}


def make_center(folder, center, patients, seed):
    """Manifest of one center; returns it with the patients' labels."""
    random = np.random.default_rng(seed)
    rows = []
    for k in range(patients):
        y_true = k % 3 == 0
        samples = folder / center / f"sub-{k}"
        samples.mkdir(parents=True)
        images = random.normal(y_true, 1, (k % 4 + 1, 3, 16, 16)).astype(np.float32)
        np.savez(samples / "samples.npz", T2WI_tumour=images)
        node = int(random.random() < (0.7 if y_true else 0.2))
        rows.append({"patient": f"{center}-{k:04d}", "center": center, "mri_ln_positive": node, "samples": samples,
                     "lnm": int(y_true)})  # fmt: skip
    table = pd.DataFrame(rows)
    table.drop(columns="lnm").to_csv(folder / f"{center}.csv", index=False)
    return table


def make_study(tmp_path):
    """Two development centers, one external."""
    tables = [make_center(tmp_path, "AA", 18, 0), make_center(tmp_path, "BB", 9, 1)]
    make_center(tmp_path, "CC", 6, 2)
    folds = pd.concat(tables)[["patient", "center", "lnm"]].reset_index(drop=True)
    folds["fold"] = folds.index // 3 % 3
    folds.sample(frac=1, random_state=3).to_csv(tmp_path / "folds.csv", index=False)
    return tmp_path

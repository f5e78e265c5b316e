"""Models without networks: logistic regression and late fusion; numpy only, no torch.

Nothing here is random, so that there is one model however many seeds the networks have.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hscore.files import new_folder, write_json
from hscore.learning import firth, fusion
from hscore.learning.model_folder import MODEL_FILE, describe, fingerprint, history_row, scored, write_history
from hscore.learning.samples import Samples, check_trainable, read_folds, read_samples


def kind(spec: dict) -> str:
    """``fusion`` or ``logistic``."""
    return "fusion" if "fuse" in spec else "logistic"


def train(
    name: str,
    spec: dict,
    settings: dict,
    folds: str | Path,
    manifests: Sequence[str | Path],
    scores: Mapping[str, str | Path],
    output: str | Path,
) -> None:
    """Fit the model for every fold, without that fold's patients, and write the model folder."""
    split = read_folds(folds)
    samples = read_samples(manifests, spec, split["patient"].tolist(), scores, "out_of_fold")
    own = split.set_index("patient", drop=False).loc[samples.patients["patient"]]
    description = describe(name, spec, settings, split, samples) | {"kind": kind(spec)}
    members, history = [], []
    check_trainable(own, f"model '{name}'", description["folds"])
    labels, fold_of = own["lnm"].to_numpy(), own["fold"].to_numpy()
    for fold in range(description["folds"]):
        training = fold_of != fold
        member = fit_member(spec, samples, training, labels[training])
        risk = probabilities(description["kind"], member, samples, spec)
        fitted = scored("training", risk[training], labels[training])
        row = history_row(None, fold, 1, fitted["training_loss"]) | {"auc": fitted["training_auc"]}
        history.append(row | scored("held_out", risk[~training], labels[~training]))
        members.append(member)
    description["coefficients"] = members
    with new_folder(output) as folder:
        write_history(folder, history)
        write_json(folder / MODEL_FILE, description | {"fingerprint": fingerprint(description, samples)})


def fit_member(spec: dict, samples: Samples, training: np.ndarray, labels: np.ndarray) -> dict:
    """One fold's model, fitted on the patients ``training`` (bool [P]) with their ``labels``."""
    clinical, columns = samples.clinical[training], spec.get("clinical", [])
    if kind(spec) == "fusion":
        return fusion.fit(samples.scores[training], clinical, labels, [*spec["fuse"], *columns], len(spec["fuse"]))
    return firth.fit_member(clinical, labels, columns)


def probabilities(kind: str, member: dict, samples: Samples, spec: dict) -> np.ndarray:
    """Probability of LNM [P] by one fold's model."""
    if kind == "fusion":
        return fusion.probabilities(member, samples.scores, samples.clinical, spec["fuse"])
    return firth.probabilities(member, samples.clinical)

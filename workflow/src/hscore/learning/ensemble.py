"""Trained models as they are used: a folder becomes an ensemble, triplet scores become patient scores.

torch is imported only when an ensemble of networks is applied.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.errors import UserError
from hscore.files import read_json, sha256
from hscore.learning import clinical
from hscore.learning.model_folder import MODEL_FILE
from hscore.learning.samples import Samples, folds_digest, read_folds, read_samples

AGGREGATIONS = ("mean", "max", "top3")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ensemble:
    """One model x seed: a member for every fold, fitted without the patients of that fold.

    ``description`` is the content of ``model.json``; ``folder`` holds the weights.
    """

    folder: Path
    description: dict
    spec: dict = field(init=False)
    folds: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", self.description["spec"])
        object.__setattr__(self, "folds", self.description["folds"])

    def probabilities(self, samples: Samples) -> np.ndarray:
        """Probability of LNM [folds, patients] for samples read with this ensemble's ``spec``."""
        if self.description["kind"] == "logistic":
            members = self.description["coefficients"]
            return np.stack([clinical.probabilities(member, samples.clinical) for member in members])
        return self.network_probabilities(samples)

    def network_probabilities(self, samples: Samples) -> np.ndarray:
        """The same for an image model: every member's triplet probabilities, aggregated to patients."""
        import torch
        from safetensors.torch import load_file

        from hscore.learning import inference, networks

        shape = tuple(self.description["input"]["shape"])
        if samples.images.shape[1:] != shape:
            raise UserError(
                f"{self.folder}: the model takes samples of {shape}, but these have {samples.images.shape[1:]}"
            )
        self.warn_outside_range(samples.images)
        torch.set_num_threads(1)
        images = torch.from_numpy(samples.images)
        scalars = torch.from_numpy(samples.clinical)[samples.owner]
        network = networks.build(self.description["network"], shape, scalars.shape[1])
        network = network.to(memory_format=torch.channels_last)
        scores = []
        for fold in range(self.folds):
            network.load_state_dict(load_file(self.weights(fold)))
            triplets = inference.sample_probabilities(network, images, scalars).numpy()
            scores.append(aggregate(triplets, samples.owner, self.description["aggregation"]))
        return np.stack(scores)

    def weights(self, fold: int) -> Path:
        """File of a member's weights; UserError unless they are those that training wrote."""
        path = self.folder / weights_name(fold)
        if not path.is_file() or sha256(path) != self.description["weights"][path.name]:
            raise UserError(f"{path} is not what training wrote; delete the folder {self.folder} and run again")
        return path

    def warn_outside_range(self, images: np.ndarray) -> None:
        """Log a warning when more than 1 % of the values lie outside the range seen in training."""
        low, high = self.description["input"]["value_range"]
        outside = float(np.mean((images < low) | (images > high)))
        if outside > 0.01:
            log.warning(
                "%s: %.0f %% of the values lie outside the range seen in training (%.3g to %.3g)",
                self.description["model"], 100 * outside, low, high,
            )  # fmt: skip


def load_model(folder: str | Path) -> Ensemble:
    """The trained model in ``folder`` (written by the train step), ready for ``probabilities``.

    >>> ensemble = load_model("results/simulated-small/models/hybrid/seed-1")        # doctest: +SKIP
    >>> scores = ensemble.probabilities(read_samples(["manifest.csv"], ensemble.spec))  # doctest: +SKIP
    """
    path = Path(folder) / MODEL_FILE
    if not path.is_file():
        raise UserError(f"{folder} is not a model folder: it has no {MODEL_FILE}")
    return Ensemble(Path(folder), read_json(path))


def weights_name(fold: int) -> str:
    """File name of a member's weights in the model folder."""
    return f"fold-{fold}.safetensors"


def aggregate(probabilities: np.ndarray, owner: np.ndarray, how: str) -> np.ndarray:
    """Triplet probabilities [N] -> patient scores [P] in float64; ``owner`` [N] is sorted and leaves no patient out.

    ``mean``; ``max``; ``top3``: mean of the three highest (of all, where a patient has fewer).
    """
    values = np.asarray(probabilities, np.float64)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    counts = np.diff(starts, append=len(owner))
    if how == "mean":
        return np.add.reduceat(values, starts) / counts
    if how == "max":
        return np.maximum.reduceat(values, starts)
    if how == "top3":
        values = values[np.lexsort((-values, owner))]
        rank = np.arange(len(owner)) - np.repeat(starts, counts)
        return np.add.reduceat(np.where(rank < 3, values, 0.0), starts) / np.minimum(counts, 3)
    raise UserError(f"train.aggregation is '{how}'; write one of {', '.join(AGGREGATIONS)}")


def predict_development(
    folders: Sequence[str | Path], manifests: Sequence[str | Path], folds: str | Path
) -> pd.DataFrame:
    """Scores of the development patients: patient, center, out_of_fold, apparent (means over seeds).

    ``out_of_fold``: by the member that never saw the patient; ``apparent``: mean of the members that did.
    """
    ensembles = load_seeds(folders)
    split = read_folds(folds)
    if ensembles[0].description["split"] != folds_digest(split):
        raise UserError(f"{folders[0]} was trained on another split than {folds}; train the model again")
    samples = read_samples(manifests, ensembles[0].spec, split["patient"].tolist())
    members = np.mean([ensemble.probabilities(samples) for ensemble in ensembles], axis=0)
    held_out = np.arange(len(members))[:, None] == split["fold"].to_numpy()
    table = split[["patient", "center"]].copy()
    table["out_of_fold"] = members.T[held_out.T]
    table["apparent"] = np.where(held_out, 0.0, members).sum(axis=0) / (len(members) - 1)
    return table


def predict_external(folders: Sequence[str | Path], manifests: Sequence[str | Path]) -> pd.DataFrame:
    """Scores of patients of other centers: patient, center, score (mean over all folds and seeds)."""
    ensembles = load_seeds(folders)
    samples = read_samples(manifests, ensembles[0].spec)
    seen = sorted(set(samples.patients["center"]) & set(ensembles[0].description["centers"]))
    if seen:
        raise UserError(f"{folders[0]} was trained on center '{seen[0]}': it can not be tested on it as external")
    table = samples.patients[["patient", "center"]].copy()
    table["score"] = np.mean([ensemble.probabilities(samples).mean(axis=0) for ensemble in ensembles], axis=0)
    return table


def predict_reading(spec: dict, manifests: Sequence[str | Path], folds: str | Path | None = None) -> pd.DataFrame:
    """A clinical variable as the score as it stands, 0 or 1: patient, center, and the columns of the functions above.

    With ``folds`` the patients are the development patients; nothing is fitted, so out-of-fold and apparent are equal.
    """
    order = read_folds(folds)["patient"].tolist() if folds else None
    samples = read_samples(manifests, spec, order)
    score = samples.clinical[:, 0].astype(np.float64)
    table = samples.patients[["patient", "center"]].copy()
    return table.assign(out_of_fold=score, apparent=score) if folds else table.assign(score=score)


def load_seeds(folders: Sequence[str | Path]) -> list[Ensemble]:
    """The seeds of one model; UserError when the folders are not of the same model, split and aggregation."""
    ensembles = [load_model(folder) for folder in folders]
    for ensemble in ensembles[1:]:
        for key in ("model", "spec", "split", "aggregation"):
            if ensemble.description[key] != ensembles[0].description[key]:
                raise UserError(f"{ensemble.folder} and {ensembles[0].folder} differ in '{key}': not one model's seeds")
    return ensembles

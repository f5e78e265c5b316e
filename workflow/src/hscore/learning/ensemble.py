"""Trained models as they are used: a folder becomes an ensemble, an ensemble gives patient scores.

torch is imported only when an ensemble of networks is applied: it costs 1.4 s of CPU, twice what a model without
networks needs to predict.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import manifest, model_folder, predictions
from hscore.errors import UserError
from hscore.files import sha256
from hscore.learning import calibration, linear
from hscore.learning.samples import Samples, folds_digest, read_folds, read_samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ensemble:
    """The members of a trained model, each fitted without the patients of its fold: one a fold and seed.

    ``description`` is the content of ``model.json``; ``folder`` holds the weights.
    """

    folder: Path
    description: dict

    @property
    def spec(self) -> dict:
        """What the model sees, as ``read_samples`` wants it."""
        return self.description["spec"]

    @property
    def members(self) -> list[tuple[int, int]]:
        """Seed of each member, and the fold that it did not see; what is not random has the seed 0."""
        if self.description["kind"] == "network":
            return [(member["seed"], member["fold"]) for member in self.description["members"]]
        return [(0, fold) for fold in range(self.description["folds"])]

    def probabilities(self, samples: Samples) -> np.ndarray:
        """Probability of LNM [members, patients] for samples read with this ensemble's ``spec``."""
        kind = self.description["kind"]
        if kind == "network":
            return self._network_probabilities(samples)
        members = self.description["coefficients"]
        return np.stack([linear.probabilities(kind, member, samples, self.spec) for member in members])

    def build(self):
        """A network of the members' shape, with random weights."""
        from hscore.learning import networks

        inputs = self.description["input"]
        shapes = [tuple(one["shape"]) for one in inputs["images"]]
        network = networks.build(
            self.description["network"], shapes, len(inputs["clinical"]), self.description["aggregation"]
        )
        return network.to(memory_format=network.memory_format)

    def networks(self):
        """The members' networks, ready to be applied."""
        import torch
        from safetensors.torch import load_file

        torch.set_num_threads(1)
        for member in self.description["members"]:
            network = self.build()
            network.load_state_dict(load_file(self.weights(member["weights"])))
            yield network.eval()

    def weights(self, name: str) -> Path:
        """File of a member's weights; UserError unless they are those that training wrote."""
        path = self.folder / name
        if not path.is_file() or sha256(path) != self.description["weights"][name]:
            raise UserError(f"{path} is not what training wrote; delete the folder {self.folder} and run again")
        return path

    def check_samples(self, samples: Samples) -> None:
        """UserError for samples of another shape; a warning for values outside the range seen in training."""
        for one, expected in zip(samples.images, self.description["input"]["images"], strict=True):
            if one.values.shape[1:] != tuple(expected["shape"]):
                raise UserError(
                    f"{self.folder}: the model takes samples of {tuple(expected['shape'])}, "
                    f"but these have {one.values.shape[1:]}"
                )
            low, high = expected["value_range"]
            outside = float(np.mean((one.values < low) | (one.values > high)))
            if outside > 0.01:
                log.warning(
                    "%s: %.0f %% of the values of %s lie outside the range seen in training (%.3g to %.3g)",
                    self.description["model"], 100 * outside, one.key, low, high,
                )  # fmt: skip

    def _network_probabilities(self, samples: Samples) -> np.ndarray:
        import torch

        from hscore.learning import inference

        self.check_samples(samples)
        tensors = inference.Tensors.of(samples, torch.device("cpu"))
        aggregation = self.description["aggregation"]
        return np.stack([inference.patient_probabilities(one, tensors, aggregation) for one in self.networks()])


def load_model(folder: str | Path) -> Ensemble:
    """The trained model in ``folder`` (written by the train step), ready for ``probabilities``.

    >>> ensemble = load_model("results/simulated/models/hybrid/seed-1")        # doctest: +SKIP
    >>> scores = ensemble.probabilities(read_samples(["manifest.csv"], ensemble.spec))  # doctest: +SKIP
    """
    return Ensemble(Path(folder), model_folder.read_description(folder))


def predict_development(
    folders: Sequence[str | Path],
    manifests: Sequence[str | Path],
    folds: str | Path,
    scores: Mapping[str, str | Path],
    method: str,
) -> tuple[pd.DataFrame, dict]:
    """Return the H scores of the development patients, and the calibration that makes them.

    The table has patient, center, fold, ``out_of_fold``: by the member that never saw the patient, and ``apparent``:
    mean of the members that did. Both are empty for a patient who has nothing of what the model needs.

    A patient of no fold (node status not known) has an empty ``fold`` and no ``apparent`` score: no member saw the
    patient. ``out_of_fold`` is then the risk by the member of ``member_of``: one member's, as every out-of-fold score.

    Args:
        folders: model folders, one per seed or group of seeds.
        manifests: tables of the development centers.
        folds: table of the split.
        scores: development predictions of the models that are fused.
        method: from scores to risks (``calibration.fit``).
    """
    ensembles = load_seeds(folders)
    split = read_folds(folds)
    if ensembles[0].description["split"] != folds_digest(split):
        raise UserError(f"{folders[0]} was trained on another split than {folds}; train the model again")
    table = split[["patient", "center", "fold"]].astype({"fold": "Int64"})
    for column in ("out_of_fold", "apparent"):
        if column == "out_of_fold" or ensembles[0].spec.get("fuse"):
            samples = read_samples(manifests, ensembles[0].spec, split["patient"].tolist(), scores, column)
            by_seed = seed_scores(ensembles, samples)
            raw = np.mean(list(by_seed.values()), axis=0)
            own = split.set_index("patient").loc[samples.patients["patient"]]
            unseen = np.arange(len(raw))[:, None] == own["fold"].to_numpy()
            if column == "out_of_fold":
                found = calibration.fit(raw, unseen, own["lnm"].to_numpy() == 1, method)
                found |= {"seeds": seed_alignments(found, by_seed)} if len(by_seed) > 1 else {}
            risks = calibration.apply(found, raw)
        used = unseen if column == "out_of_fold" else ~unseen
        mean = np.where(used, risks, 0.0).sum(axis=0) / used.sum(axis=0)
        table[column] = placed(mean, samples, table)
    further = without_fold(manifests, split)
    if further.empty:
        return table, found
    samples = read_samples(manifests, ensembles[0].spec, further["patient"].tolist(), scores, "out_of_fold")
    risks = calibration.apply(found, fold_scores(ensembles, samples))
    members = [member_of(patient, len(risks)) for patient in samples.patients["patient"]]
    further["out_of_fold"] = placed(risks[members, np.arange(len(members))], samples, further)
    return pd.concat([table, further], ignore_index=True), found


def without_fold(manifests: Sequence[str | Path], split: pd.DataFrame) -> pd.DataFrame:
    """Return patient and center of the development patients of no fold: their node status is not known."""
    table = manifest.read_patients(manifests)[["patient", "center"]]
    return table[~table["patient"].isin(split["patient"])].reset_index(drop=True)


def member_of(patient: str, folds: int) -> int:
    """Return the fold whose member scores a patient of no fold: by a hash of the name, whoever else is in the study.

    One member, not the mean of all: a mean is less spread, so that fewer patients would be on the high side of a
    threshold chosen on single members' scores (docs/scores.md).
    """
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % folds


def predict_external(
    folders: Sequence[str | Path],
    manifests: Sequence[str | Path],
    scores: Mapping[str, str | Path],
    frozen: dict,
) -> pd.DataFrame:
    """Return the H scores of patients of other centers: patient, center, score, and a column per fold and seed.

    ``fold_0`` and so on are the risks by the member trained without that fold, which is what an out-of-fold score is;
    ``score`` is their mean. ``seed_1`` and so on, of networks with several seeds, are what the score would be by the
    networks of that seed alone. ``frozen`` is the calibration of ``predict_development``. A model that fuses others
    applies each of its members to the others' scores of the same fold: it was trained on scores of single members.
    Empty for a patient who has nothing of what the model needs.
    """
    ensembles = load_seeds(folders)
    spec, folds = ensembles[0].spec, ensembles[0].description["folds"]
    table = manifest.read_patients(manifests)[["patient", "center"]].copy()
    seen = sorted(set(table["center"]) & set(ensembles[0].description["centers"]))
    if seen:
        raise UserError(f"{folders[0]} was trained on center '{seen[0]}': it can not be tested on it as external")
    if spec.get("fuse"):
        parts = [read_samples(manifests, spec, scores=scores, column=predictions.member(fold)) for fold in range(folds)]
        samples, by_seed = parts[0], {}
        raw = np.stack([fold_scores(ensembles, part)[fold] for fold, part in enumerate(parts)])
    else:
        samples = read_samples(manifests, spec, scores=scores)
        by_seed = seed_scores(ensembles, samples)
        raw = np.mean(list(by_seed.values()), axis=0)
    risks = calibration.apply(frozen, raw)
    columns = {"score": risks.mean(axis=0)} | {predictions.member(fold): risk for fold, risk in enumerate(risks)}
    for seed, alignment in frozen.get("seeds", {}).items():
        columns[predictions.seed(seed)] = calibration.apply(
            {**frozen, "alignment": alignment}, by_seed[int(seed)]
        ).mean(axis=0)
    return table.assign(**{name: placed(values, samples, table) for name, values in columns.items()})


def seed_scores(ensembles: Sequence[Ensemble], samples: Samples) -> dict[int, np.ndarray]:
    """Return the probabilities [folds, patients] of the members of every seed, in order of the seeds."""
    scores = np.concatenate([ensemble.probabilities(samples) for ensemble in ensembles])
    places = {member: place for place, member in enumerate(m for ensemble in ensembles for m in ensemble.members)}
    folds = range(ensembles[0].description["folds"])
    return {seed: scores[[places[seed, fold] for fold in folds]] for seed in sorted({seed for seed, _ in places})}


def fold_scores(ensembles: Sequence[Ensemble], samples: Samples) -> np.ndarray:
    """Return the probabilities [folds, patients] of the members, each the mean over its seeds."""
    return np.mean(list(seed_scores(ensembles, samples).values()), axis=0)


def seed_alignments(found: dict, by_seed: Mapping[int, np.ndarray]) -> dict[str, dict]:
    """Return each seed's own alignment, to the common mean and deviation of the calibration ``found``."""
    common = {"to": found["alignment"]["to"]}
    return {str(seed): calibration.align(scores) | common for seed, scores in by_seed.items()}


def placed(scores: np.ndarray, samples: Samples, table: pd.DataFrame) -> np.ndarray:
    """Scores of the samples' patients in the order of ``table``, NaN for everybody else."""
    return pd.Series(scores, index=samples.patients["patient"]).reindex(table["patient"]).to_numpy()


def read_reading(
    spec: dict, manifests: Sequence[str | Path], patients: Sequence[str] | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return patient and center, and a clinical variable as a score of one member [1, patients], 0 or 1."""
    samples = read_samples(manifests, spec, patients)
    return samples.patients[["patient", "center"]].copy(), samples.clinical[:, :1].T.astype(np.float64)


def predict_reading_development(
    spec: dict, manifests: Sequence[str | Path], folds: str | Path, method: str
) -> tuple[pd.DataFrame, dict]:
    """Return the columns of ``predict_development`` for a reading, and its calibration.

    No member is trained, so that out-of-fold and apparent are equal: the risks of the two groups.
    """
    split = read_folds(folds)
    table, raw = read_reading(spec, manifests, split["patient"].tolist())
    found = calibration.fit(raw, np.ones_like(raw, bool), split["lnm"].to_numpy() == 1, method)
    (risk,) = calibration.apply(found, raw)
    table = table.assign(fold=split["fold"].astype("Int64"), out_of_fold=risk, apparent=risk)
    further = without_fold(manifests, split)
    if further.empty:
        return table, found
    further, raw = read_reading(spec, manifests, further["patient"].tolist())
    return pd.concat([table, further.assign(out_of_fold=calibration.apply(found, raw)[0])], ignore_index=True), found


def predict_reading_external(spec: dict, manifests: Sequence[str | Path], frozen: dict | None) -> pd.DataFrame:
    """Return patient, center and score of a reading: 0 or 1 as it stands where no study calibrated it."""
    table, raw = read_reading(spec, manifests)
    return table.assign(score=raw[0] if frozen is None else calibration.apply(frozen, raw)[0])


def load_seeds(folders: Sequence[str | Path]) -> list[Ensemble]:
    """The seeds of one model; UserError when the folders are not of the same model, split and aggregation."""
    ensembles = [load_model(folder) for folder in folders]
    for ensemble in ensembles[1:]:
        for key in ("model", "spec", "split", "aggregation"):
            if ensemble.description[key] != ensembles[0].description[key]:
                raise UserError(f"{ensemble.folder} and {ensembles[0].folder} differ in '{key}': not one model's seeds")
    return ensembles

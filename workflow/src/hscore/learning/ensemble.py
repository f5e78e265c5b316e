"""Load trained models as ensembles, and compute patient scores with them.

torch is imported only when an ensemble of networks is applied. Its import costs 1.4 s of CPU, twice the time that a
model without networks needs to predict.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import manifest, model_folder, predictions
from hscore.contracts.predictions import APPARENT, OUT_OF_FOLD
from hscore.errors import UserError
from hscore.files import sha256
from hscore.learning import calibration, linear
from hscore.learning.samples import Samples, folds_digest, read_folds, read_samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ensemble:
    """The members of a trained model, one per fold and seed, each fitted without the patients of its fold.

    Attributes:
        folder: model folder, with the weights.
        description: content of ``model.json``.
    """

    folder: Path
    description: dict

    @property
    def spec(self) -> dict:
        """Return the model's entry under ``models`` in the config, as ``read_samples`` takes it."""
        return self.description["spec"]

    @property
    def members(self) -> list[tuple[int, int]]:
        """Return the seed of each member and the fold that it did not see; the seed is 0 without networks."""
        if self.description["kind"] == "network":
            return [(member["seed"], member["fold"]) for member in self.description["members"]]
        return [(0, fold) for fold in range(self.description["folds"])]

    def probabilities(self, samples: Samples) -> np.ndarray:
        """Return the probability of LNM [members, patients] for samples read with this ensemble's ``spec``."""
        kind = self.description["kind"]
        if kind == "network":
            return self._network_probabilities(samples)
        members = self.description["coefficients"]
        return np.stack([linear.probabilities(kind, member, samples, self.spec) for member in members])

    def untrained_network(self):
        """Return a network of the members' shape, with random weights."""
        from hscore.learning import networks

        inputs = self.description["input"]
        shapes = [tuple(images["shape"]) for images in inputs["images"]]
        network = networks.build(
            self.description["network"], shapes, len(inputs["clinical"]), self.description["aggregation"]
        )
        return network.to(memory_format=network.memory_format)

    def networks(self):
        """Yield the members' networks in evaluation mode."""
        import torch
        from safetensors.torch import load_file

        torch.set_num_threads(1)
        for member in self.description["members"]:
            network = self.untrained_network()
            network.load_state_dict(load_file(self.weights_file(member["weights"])))
            yield network.eval()

    def weights_file(self, name: str) -> Path:
        """Return the file of a member's weights.

        Raises:
            UserError: the file is missing, or not the one that training wrote.
        """
        path = self.folder / name
        if not path.is_file() or sha256(path) != self.description["weights"][name]:
            raise UserError(f"{path} is not what training wrote; delete the folder {self.folder} and run again")
        return path

    def check_samples(self, samples: Samples) -> None:
        """Raise a UserError for samples of another shape; log a warning for values outside the range of training."""
        for images, expected in zip(samples.images, self.description["input"]["images"], strict=True):
            if images.shape != tuple(expected["shape"]):
                raise UserError(
                    f"{self.folder}: the model takes samples of {tuple(expected['shape'])}, "
                    f"but these have {images.shape}"
                )
            low, high = expected["value_range"]
            outside = float(np.mean((images.pixels < low) | (images.pixels > high)))
            if outside > 0.01:
                log.warning(
                    "%s: %.0f %% of the values of %s are outside the range seen in training (%.3g to %.3g)",
                    self.description["model"], 100 * outside, images.array_key, low, high,
                )  # fmt: skip

    def _network_probabilities(self, samples: Samples) -> np.ndarray:
        import torch

        from hscore.learning import inference

        self.check_samples(samples)
        tensors = inference.SampleTensors.from_samples(samples, torch.device("cpu"))
        aggregation = self.description["aggregation"]
        return np.stack([inference.patient_probabilities(network, tensors, aggregation) for network in self.networks()])


def load_model(folder: str | Path) -> Ensemble:
    """Return the trained model in ``folder``, which the train step wrote.

    >>> ensemble = load_model("results/simulated/models/hybrid/seed-1")        # doctest: +SKIP
    >>> scores = ensemble.probabilities(read_samples(["manifest.csv"], ensemble.spec))  # doctest: +SKIP

    Raises:
        UserError: the folder has no ``model.json``.
    """
    return Ensemble(Path(folder), model_folder.read_description(folder))


def predict_development(
    folders: Sequence[str | Path],
    manifests: Sequence[str | Path],
    folds: str | Path,
    scores: Sequence[str | Path],
    method: str,
) -> tuple[pd.DataFrame, dict]:
    """Return the H scores of the development patients, and the calibration behind them.

    The scores are rows of ``contracts.predictions``: ``out_of_fold`` (risk by the member that never saw the patient)
    and ``apparent`` (mean risk by the members that did). Both are empty for a patient without any input of the model.

    A patient without a fold (node status not known) has no ``apparent`` score, because no member saw the patient.
    ``out_of_fold`` is then the risk by the member of ``scoring_fold``: by one member, like every out-of-fold score.

    Args:
        folders: model folders, one per seed or group of seeds.
        manifests: tables of the development centers.
        folds: table of the split.
        scores: development predictions of the models that are fused.
        method: setting ``validate.recalibration`` (``calibration.fit``).

    Raises:
        UserError: the models were trained on another split, or a table is unusable.
    """
    ensembles = load_seeds(folders)
    split = read_folds(folds)
    if ensembles[0].description["split"] != folds_digest(split):
        raise UserError(f"{folders[0]} was trained on another split than {folds}; train the model again")
    parts = []
    for evaluation in (OUT_OF_FOLD, APPARENT):
        if evaluation == OUT_OF_FOLD or ensembles[0].spec.get("fuse"):
            samples = read_samples(manifests, ensembles[0].spec, split["patient"].tolist(), scores, evaluation)
            by_seed = seed_scores(ensembles, samples)
            raw = np.mean(list(by_seed.values()), axis=0)
            patients = split.set_index("patient").loc[samples.patients["patient"]]
            unseen = np.arange(len(raw))[:, None] == patients["fold"].to_numpy()
            if evaluation == OUT_OF_FOLD:
                fitted = calibration.fit(raw, unseen, patients["lnm"].to_numpy() == 1, method)
                fitted |= {"seeds": seed_alignments(fitted, by_seed)} if len(by_seed) > 1 else {}
            risks = calibration.apply(fitted, raw)
        used = unseen if evaluation == OUT_OF_FOLD else ~unseen
        mean = np.where(used, risks, 0.0).sum(axis=0) / used.sum(axis=0)
        parts.append(predictions.rows(split, evaluation, in_table_order(mean, samples, split), fold=split["fold"]))
    without_fold = patients_without_fold(manifests, split)
    if not without_fold.empty:
        names = without_fold["patient"].tolist()
        samples = read_samples(manifests, ensembles[0].spec, names, scores, OUT_OF_FOLD)
        risks = calibration.apply(fitted, fold_scores(ensembles, samples))
        members = [scoring_fold(patient, len(risks)) for patient in samples.patients["patient"]]
        own = in_table_order(risks[members, np.arange(len(members))], samples, without_fold)
        parts.append(predictions.rows(without_fold, OUT_OF_FOLD, own))
    return pd.concat(parts, ignore_index=True), fitted


def patients_without_fold(manifests: Sequence[str | Path], split: pd.DataFrame) -> pd.DataFrame:
    """Return patient and center of the development patients without a fold: their node status is not known."""
    table = manifest.read_patients(manifests)[["patient", "center"]]
    return table[~table["patient"].isin(split["patient"])].reset_index(drop=True)


def scoring_fold(patient: str, folds: int) -> int:
    """Return the fold whose member scores a patient without a fold: a hash of the name, the same in every cohort.

    One member is used instead of the mean of all. A mean varies less, so that fewer patients would be above a threshold
    chosen on single members' scores (docs/scores.md).
    """
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % folds


def predict_external(
    folders: Sequence[str | Path],
    manifests: Sequence[str | Path],
    scores: Sequence[str | Path],
    frozen: dict,
) -> pd.DataFrame:
    """Return the H scores of patients of other centers, as rows of ``contracts.predictions``.

    ``external_member`` is the risk by the member trained without a fold, comparable to an out-of-fold score.
    ``external`` is the mean of these risks. ``external_seed`` (networks with several seeds) is the score by the
    networks of one seed alone. A model that fuses others applies each of its members to the others' scores of the same
    fold, because it was trained on scores of single members. Scores are empty for a patient without any input of the
    model.

    Args:
        folders: model folders, one per seed or group of seeds.
        manifests: tables of the external centers.
        scores: external predictions of the models that are fused.
        frozen: calibration of ``predict_development``.

    Raises:
        UserError: the model was trained on one of these centers, or a table is unusable.
    """
    ensembles = load_seeds(folders)
    spec, folds = ensembles[0].spec, ensembles[0].description["folds"]
    patients = manifest.read_patients(manifests)[["patient", "center"]]
    seen = sorted(set(patients["center"]) & set(ensembles[0].description["centers"]))
    if seen:
        raise UserError(f"{folders[0]} was trained on center '{seen[0]}': it cannot be tested on it as external")
    if spec.get("fuse"):
        inputs = [read_samples(manifests, spec, scores=scores, member=fold) for fold in range(folds)]
        samples, by_seed = inputs[0], {}
        raw = np.stack([fold_scores(ensembles, part)[fold] for fold, part in enumerate(inputs)])
    else:
        samples = read_samples(manifests, spec)
        by_seed = seed_scores(ensembles, samples)
        raw = np.mean(list(by_seed.values()), axis=0)

    def rows(evaluation: str, values: np.ndarray, **part: int) -> pd.DataFrame:
        return predictions.rows(patients, evaluation, in_table_order(values, samples, patients), **part)

    risks = calibration.apply(frozen, raw)
    parts = [rows(predictions.EXTERNAL, risks.mean(axis=0))]
    parts += [rows(predictions.EXTERNAL_MEMBER, risk, fold=fold) for fold, risk in enumerate(risks)]
    for seed, alignment in frozen.get("seeds", {}).items():
        own = calibration.apply({**frozen, "alignment": alignment}, by_seed[int(seed)]).mean(axis=0)
        parts.append(rows(predictions.EXTERNAL_SEED, own, seed=int(seed)))
    return pd.concat(parts, ignore_index=True)


def seed_scores(ensembles: Sequence[Ensemble], samples: Samples) -> dict[int, np.ndarray]:
    """Return the probabilities [folds, patients] of the members of every seed, in order of the seeds."""
    scores = np.concatenate([ensemble.probabilities(samples) for ensemble in ensembles])
    members = [member for ensemble in ensembles for member in ensemble.members]
    rows = {member: row for row, member in enumerate(members)}
    folds = range(ensembles[0].description["folds"])
    return {seed: scores[[rows[seed, fold] for fold in folds]] for seed in sorted({seed for seed, _ in members})}


def fold_scores(ensembles: Sequence[Ensemble], samples: Samples) -> np.ndarray:
    """Return the probabilities [folds, patients] of the members, each the mean over its seeds."""
    return np.mean(list(seed_scores(ensembles, samples).values()), axis=0)


def seed_alignments(fitted: dict, by_seed: Mapping[int, np.ndarray]) -> dict[str, dict]:
    """Return each seed's own alignment, to the common mean and deviation of the calibration ``fitted``."""
    common = {"to": fitted["alignment"]["to"]}
    return {str(seed): calibration.align(scores) | common for seed, scores in by_seed.items()}


def in_table_order(scores: np.ndarray, samples: Samples, table: pd.DataFrame) -> np.ndarray:
    """Return the scores of the samples' patients in the order of ``table``, NaN for patients without samples."""
    return pd.Series(scores, index=samples.patients["patient"]).reindex(table["patient"]).to_numpy()


def read_reading(
    spec: dict, manifests: Sequence[str | Path], patients: Sequence[str] | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return patient and center, and a reading as the score of one member [1, patients], 0 or 1."""
    samples = read_samples(manifests, spec, patients)
    return samples.patients[["patient", "center"]].copy(), samples.clinical[:, :1].T.astype(np.float64)


def predict_reading_development(
    spec: dict, manifests: Sequence[str | Path], folds: str | Path, method: str
) -> tuple[pd.DataFrame, dict]:
    """Return the rows of ``predict_development`` for a reading, and its calibration.

    Nothing is trained, so the out-of-fold and apparent scores are equal: the risks of the two groups.
    """
    split = read_folds(folds)
    patients, raw = read_reading(spec, manifests, split["patient"].tolist())
    fitted = calibration.fit(raw, np.ones_like(raw, bool), split["lnm"].to_numpy() == 1, method)
    (risk,) = calibration.apply(fitted, raw)
    parts = [predictions.rows(patients, name, risk, fold=split["fold"]) for name in (OUT_OF_FOLD, APPARENT)]
    without_fold = patients_without_fold(manifests, split)
    if not without_fold.empty:
        patients, raw = read_reading(spec, manifests, without_fold["patient"].tolist())
        parts.append(predictions.rows(patients, OUT_OF_FOLD, calibration.apply(fitted, raw)[0]))
    return pd.concat(parts, ignore_index=True), fitted


def predict_reading_external(spec: dict, manifests: Sequence[str | Path], frozen: dict | None) -> pd.DataFrame:
    """Return the external rows of a reading: its calibrated risk, or 0 and 1 if ``frozen`` is None."""
    patients, raw = read_reading(spec, manifests)
    score = raw[0] if frozen is None else calibration.apply(frozen, raw)[0]
    return predictions.rows(patients, predictions.EXTERNAL, score)


def load_seeds(folders: Sequence[str | Path]) -> list[Ensemble]:
    """Return the ensembles in ``folders``, one per seed or group of seeds of one model.

    Raises:
        UserError: the folders differ in model, split or aggregation.
    """
    ensembles = [load_model(folder) for folder in folders]
    for ensemble in ensembles[1:]:
        for key in ("model", "spec", "split", "aggregation"):
            if ensemble.description[key] != ensembles[0].description[key]:
                raise UserError(f"{ensemble.folder} and {ensembles[0].folder} differ in '{key}': not one model's seeds")
    return ensembles

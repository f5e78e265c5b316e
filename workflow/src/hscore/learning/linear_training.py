"""Train the models without networks (``linear``). Separate from their use, because training also needs scikit-learn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hscore.contracts import model_folder
from hscore.files import new_folder
from hscore.learning import history, linear
from hscore.learning.model_description import describe, fingerprint
from hscore.learning.samples import check_trainable, read_folds, read_samples


def train(
    name: str,
    spec: dict,
    settings: dict,
    folds: str | Path,
    manifests: Sequence[str | Path],
    scores: Sequence[str | Path],
    output: str | Path,
) -> None:
    """Fit the model once per fold, without that fold's patients, and write the model folder.

    Args:
        name: of the model in the config.
        spec: its entry under ``models`` in the config.
        settings: section ``train`` of the config.
        folds: table of the split.
        manifests: tables of the development centers.
        scores: prediction tables of the models that this one fuses.
        output: model folder to write.

    Raises:
        UserError: a table is unusable, or a training fold has only one lymph-node status.
    """
    split = read_folds(folds)
    samples = read_samples(manifests, spec, split["patient"].tolist(), scores, "out_of_fold")
    trained_on = split.set_index("patient", drop=False).loc[samples.patients["patient"]]
    description = describe(name, spec, settings, split, samples) | {"kind": linear.kind(spec)}
    members, rows = [], []
    check_trainable(trained_on, f"model '{name}'", description["folds"])
    labels, fold_of_patient = trained_on["lnm"].to_numpy(), trained_on["fold"].to_numpy()
    for fold in range(description["folds"]):
        training = fold_of_patient != fold
        member = linear.fit_member(spec, samples, training, labels[training])
        risk = linear.probabilities(description["kind"], member, samples, spec)
        fitted = history.evaluation_columns("training", risk[training], labels[training])
        row = history.new_row(None, fold, 1, fitted["training_loss"]) | {"auc": fitted["training_auc"]}
        row |= history.evaluation_columns("held_out", risk[~training], labels[~training])
        unweighted, prevalence = np.ones(np.count_nonzero(~training)), labels[training].mean()
        rows.append(row | history.held_out_gain(risk[~training], labels[~training], unweighted, prevalence))
        members.append(member)
    description["coefficients"] = members
    description |= {"fingerprint": fingerprint(description, samples), "learned": history.has_learned(name, rows)}
    with new_folder(output) as folder:
        model_folder.write_history(folder, rows)
        model_folder.write_description(folder, description)

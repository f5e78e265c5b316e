"""Training of the models without networks (``linear``), apart from their use: it is judged with scikit-learn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

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
    scores: Mapping[str, str | Path],
    output: str | Path,
) -> None:
    """Fit the model for every fold, without that fold's patients, and write the model folder."""
    split = read_folds(folds)
    samples = read_samples(manifests, spec, split["patient"].tolist(), scores, "out_of_fold")
    own = split.set_index("patient", drop=False).loc[samples.patients["patient"]]
    description = describe(name, spec, settings, split, samples) | {"kind": linear.kind(spec)}
    members, rows = [], []
    check_trainable(own, f"model '{name}'", description["folds"])
    labels, fold_of = own["lnm"].to_numpy(), own["fold"].to_numpy()
    for fold in range(description["folds"]):
        training = fold_of != fold
        member = linear.fit_member(spec, samples, training, labels[training])
        risk = linear.probabilities(description["kind"], member, samples, spec)
        fitted = history.scored("training", risk[training], labels[training])
        row = history.row(None, fold, 1, fitted["training_loss"]) | {"auc": fitted["training_auc"]}
        rows.append(row | history.scored("held_out", risk[~training], labels[~training]))
        members.append(member)
    description["coefficients"] = members
    with new_folder(output) as folder:
        model_folder.write_history(folder, rows)
        model_folder.write_description(folder, description | {"fingerprint": fingerprint(description, samples)})

"""Training: bit-identical when repeated or resumed, blind to the held-out fold, every patient weighs the same."""

import hashlib
import logging

import numpy as np
import pandas as pd
import pytest
import torch

from hscore.errors import UserError
from hscore.files import read_json
from hscore.learning import ensemble, training
from hscore.learning.samples import Samples, read_samples

SPEC = {"label": "Hybrid", "sequence": "ADC", "region": "tumour", "clinical": ["mri_ln_positive"]}
SETTINGS = {
    "network": {"name": "paper", "channels": [4, 8], "head": [4], "dropout": 0.3},
    "epochs": 4,
    "batch_size": 8,
    "samples_per_patient": 2,
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
    "class_weights": "balanced",
    "augmentation": {"flip": True, "rotation_degrees": 10, "noise": 0.1},
    "aggregation": "mean",
    "precision": "float32",
    "device": "cpu",
}
PATIENTS = 18


@pytest.fixture
def study(tmp_path):
    """Manifest and folds of 18 patients with 1 to 4 samples; positives are brighter."""
    random = np.random.default_rng(0)
    labels = np.arange(PATIENTS) % 3 == 0
    rows = []
    for k, positive in enumerate(labels):
        folder = tmp_path / "samples" / str(k)
        folder.mkdir(parents=True)
        images = random.normal(positive, 1, (k % 4 + 1, 3, 16, 16)).astype(np.float32)
        np.savez(folder / "samples.npz", ADC_tumour=images)
        rows.append({"patient": f"AA-{k}", "center": "AA", "mri_ln_positive": int(random.random() < 0.5),
                     "samples": folder, "lnm": int(positive), "fold": k // 3 % 3})  # fmt: skip
    table = pd.DataFrame(rows)
    table.drop(columns=["lnm", "fold"]).to_csv(tmp_path / "manifest.csv", index=False)
    table[["patient", "center", "lnm", "fold"]].to_csv(tmp_path / "folds.csv", index=False)
    return tmp_path


def train(study, output="model", settings=SETTINGS, seed=1, spec=SPEC):
    folder = study / output
    training.train(
        "hybrid", spec, settings, seed, study / "folds.csv", [study / "manifest.csv"], study / "state", folder
    )
    return folder


def weights(folder):
    """One hash over the weights of all folds."""
    files = sorted(folder.glob("fold-*.safetensors"))
    assert [file.name for file in files] == ["fold-0.safetensors", "fold-1.safetensors", "fold-2.safetensors"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_repeated_training_is_bit_identical_and_another_seed_is_not(study):
    first = train(study)
    torch.rand(7)  # another state of the global generator
    assert weights(train(study, "again")) == weights(first)
    assert weights(train(study, "other", seed=2)) != weights(first)
    names = ["fold", "epoch", "loss", "learning_rate", "held_out_loss", "held_out_auc"]
    histories = [pd.read_csv(study / name / "history.csv")[names] for name in ("model", "again")]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    assert (first / "model.json").read_bytes() == (study / "again" / "model.json").read_bytes()


class Kill(BaseException):
    """Ends a training as abruptly as a test can inside its own process."""


def interrupt(monkeypatch, epochs):
    """Kill the process's training after so many epochs, counted over all folds."""
    original, done = training.FoldTraining.train_epoch, []

    def train_epoch(self):
        if len(done) == epochs:
            raise Kill
        done.append(self.fold)
        original(self)

    monkeypatch.setattr(training.FoldTraining, "train_epoch", train_epoch)
    return done


@pytest.mark.parametrize("epochs", [1, 3, 4, 6, 11])
def test_interrupted_and_resumed_equals_uninterrupted(study, monkeypatch, epochs):
    """Killed inside the first, between two, and inside the last fold."""
    expected = weights(train(study))
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)  # after every epoch
    with monkeypatch.context() as patch, pytest.raises(Kill):
        interrupt(patch, epochs)
        train(study, "resumed")
    assert not (study / "resumed").exists()
    torch.manual_seed(99)
    done = interrupt(monkeypatch, 1000)
    assert weights(train(study, "resumed")) == expected
    assert len(done) == 3 * SETTINGS["epochs"] - epochs  # nothing was done twice
    history = pd.read_csv(study / "resumed" / "history.csv")
    assert history["epoch"].tolist() == [1, 2, 3, 4] * 3
    assert not (study / "state").exists()


def test_kill_between_finishing_a_fold_and_removing_its_checkpoint(study, monkeypatch):
    """The checkpoint that is left behind belongs to the finished fold and must not start the next one."""
    expected = weights(train(study))
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    original = training.save

    def save(content, path):
        original(content, path)
        if path.name == "fold-0.pt":
            raise Kill

    with monkeypatch.context() as patch, pytest.raises(Kill):
        patch.setattr(training, "save", save)
        train(study, "resumed")
    assert len(list((study / "state").glob("*/*.pt"))) == 2  # the finished fold and its checkpoint
    assert weights(train(study, "resumed")) == expected


def test_state_of_other_settings_is_discarded_with_a_word(study, monkeypatch, caplog):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    with monkeypatch.context() as patch, pytest.raises(Kill):
        interrupt(patch, 6)
        train(study)
    changed = SETTINGS | {"batch_size": 7}
    with caplog.at_level(logging.INFO):
        resumed = train(study, settings=changed)
    assert "discarding an interrupted training with other inputs" in caplog.text
    monkeypatch.undo()
    assert weights(resumed) == weights(train(study, "fresh", settings=changed))


def test_fingerprint_depends_on_samples_split_settings_seed_and_code(study, monkeypatch):
    def fingerprint(**changes):
        return read_json(train(study, **changes) / "model.json")["fingerprint"]

    short = SETTINGS | {"epochs": 1}
    found = [fingerprint(settings=short), fingerprint(settings=short, seed=2), fingerprint(settings=short | {"x": 1})]
    folds = pd.read_csv(study / "folds.csv")
    folds.assign(fold=(folds["fold"] + 1) % 3).to_csv(study / "folds.csv", index=False)
    found.append(fingerprint(settings=short))
    path = study / "samples" / "3" / "samples.npz"
    np.savez(path, ADC_tumour=np.load(path)["ADC_tumour"] + np.float32(1e-3))
    found.append(fingerprint(settings=short))
    copy = study / "code"
    copy.mkdir()
    (copy / "networks.py").write_text("changed")
    monkeypatch.setattr("hscore.learning.model_folder.__file__", str(copy / "model_folder.py"))
    found.append(fingerprint(settings=short))
    assert len(set(found)) == 6


def task_of(study, settings=SETTINGS):
    folds = pd.read_csv(study / "folds.csv")
    samples = read_samples([study / "manifest.csv"], SPEC, folds["patient"].tolist())
    device = training.prepare(settings)
    return training.Task("hybrid", samples, folds["lnm"].to_numpy(), folds["fold"].to_numpy(), settings, 1, device)


def test_held_out_patients_do_not_influence_their_member(study):
    """Weights of fold 1 are the same when the held-out patients' pixels, scalars and labels are something else."""
    task = task_of(study)
    held_out = task.folds == 1
    images, clinical, labels = task.samples.images.copy(), task.samples.clinical.copy(), task.labels.copy()
    images[held_out[task.samples.owner]] = 1e3
    clinical[held_out] = 5
    labels[held_out] = 1 - labels[held_out]
    other = Samples(task.samples.patients, clinical, images, task.samples.owner)
    changed = training.Task("hybrid", other, labels, task.folds, SETTINGS, 1, task.device)
    progress = training.Progress(task)
    members = [
        training.train_fold(t, torch.from_numpy(t.samples.images), 1, study / "none.pt", progress)["weights"]
        for t in (task, changed)
    ]
    assert members[0].keys() == members[1].keys()
    assert all(torch.equal(members[0][key], members[1][key]) for key in members[0])


def test_every_training_patient_is_drawn_equally_often(study):
    task = task_of(study)
    run = training.FoldTraining(task, torch.from_numpy(task.samples.images), 0)
    for _ in range(5):
        drawn = run.deck.draw(run.order)
        patients = run.owner[drawn].numpy()
        assert sorted(set(patients)) == run.patients.tolist()
        assert set(np.bincount(patients)[run.patients]) == {2}
        # a patient with at least two samples never gives the same one twice
        for patient in run.patients:
            own = drawn[patients == patient].tolist()
            assert len(set(own)) == min(2, patient % 4 + 1)


def test_balanced_classes_weigh_the_same_and_mean_one(study):
    task = task_of(study)
    run = training.FoldTraining(task, torch.from_numpy(task.samples.images), 0)
    weight, label = run.weights.numpy()[run.patients], task.labels[run.patients]
    assert weight[label == 1].sum() == pytest.approx(weight[label == 0].sum())
    assert weight.mean() == pytest.approx(1)
    task = task_of(study, SETTINGS | {"class_weights": "none"})
    run = training.FoldTraining(task, torch.from_numpy(task.samples.images), 0)
    assert set(run.weights.tolist()) == {1.0}


def test_standardisation_is_fitted_on_training_patients(study):
    task = task_of(study)
    run = training.FoldTraining(task, torch.from_numpy(task.samples.images), 2)
    own = task.samples.images[(task.folds != 2)[task.samples.owner]]
    assert run.network.standardize_images.mean.item() == pytest.approx(own.mean(), abs=1e-5)
    assert run.network.standardize_images.deviation.item() == pytest.approx(own.std(), rel=1e-3)
    assert run.network.standardize_clinical.deviation.tolist() == [1.0]  # binary


def test_learning_rate_is_one_cycle():
    rates = [training.learning_rate(step, 100, 0.5) for step in range(100)]
    assert rates[0] == pytest.approx(0.05) and max(rates) == rates[10] == 0.5
    assert np.argmax(rates) in (9, 10) and (np.diff(rates[10:]) < 0).all() and rates[-1] < 0.001
    assert rates[55] == pytest.approx(0.25)


def test_model_folder_explains_itself(study):
    model = read_json(train(study) / "model.json")
    assert model["model"] == "hybrid" and model["kind"] == "network" and model["folds"] == 3
    assert model["input"]["array"] == "ADC_tumour" and model["input"]["shape"] == [3, 16, 16]
    samples = read_samples([study / "manifest.csv"], SPEC)
    assert model["input"]["value_range"] == [float(samples.images.min()), float(samples.images.max())]
    assert model["input"]["clinical"] == {"mri_ln_positive": [0.0, 1.0]}
    assert (model["patients"], model["positives"], model["centers"]) == (18, 6, ["AA"])
    assert model["versions"]["torch"] == torch.__version__ and model["threads"] == 1
    assert model["training"] == SETTINGS and model["network"] == SETTINGS["network"] and model["seed"] == 1
    assert "Research only" in model["intended_use"]


def test_history_scores_the_held_out_fold_once_at_the_end(study):
    history = pd.read_csv(train(study) / "history.csv")
    last = history["epoch"] == SETTINGS["epochs"]
    assert history.loc[last, ["held_out_loss", "held_out_auc"]].notna().all(axis=None)
    assert history.loc[~last, ["held_out_loss", "held_out_auc"]].isna().all(axis=None)
    assert (history["seconds"] > 0).all()


def test_loaded_member_gives_the_scores_of_the_history(study):
    folder = train(study)
    folds = pd.read_csv(study / "folds.csv")
    model = ensemble.load_model(folder)
    scores = model.probabilities(read_samples([study / "manifest.csv"], model.spec, folds["patient"].tolist()))
    history = pd.read_csv(folder / "history.csv").dropna()
    for fold in range(3):
        own = (folds["fold"] == fold).to_numpy()
        assert training.held_out_row(scores[fold, own], folds["lnm"].to_numpy()[own])["held_out_loss"] == pytest.approx(
            history["held_out_loss"].iloc[fold], rel=1e-4
        )


def test_values_outside_the_training_range_are_said(study, caplog):
    model = ensemble.load_model(train(study))
    samples = read_samples([study / "manifest.csv"], SPEC)
    model.probabilities(Samples(samples.patients, samples.clinical, samples.images + 50, samples.owner))
    assert "100 % of the values lie outside the range seen in training" in caplog.text


def test_samples_of_another_shape_are_refused(study):
    model = ensemble.load_model(train(study))
    samples = read_samples([study / "manifest.csv"], SPEC)
    other = Samples(samples.patients, samples.clinical, samples.images[:, :, :8], samples.owner)
    with pytest.raises(UserError, match=r"takes samples of \(3, 16, 16\), but these have \(3, 8, 16\)"):
        model.probabilities(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "float16"}, "precision is 'float16'"),
        ({"aggregation": "median"}, "aggregation is 'median'"),
        ({"optimizer": {"name": "sgd"}}, "optimizer.name is 'sgd'"),
        ({"class_weights": "sqrt"}, "class_weights is 'sqrt'"),
    ],
)
def test_wrong_settings_are_one_sentence(study, change, message):
    with pytest.raises(UserError, match=message):
        train(study, settings=SETTINGS | change)


def test_promised_gpu_that_is_not_there_fails_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA device is visible"):
        train(tmp_path, settings=SETTINGS | {"device": "gpu"})


def test_bfloat16_is_an_option_and_changes_the_weights(study):
    short = SETTINGS | {"epochs": 1}
    assert weights(train(study, settings=short | {"precision": "bfloat16"})) != weights(train(study, settings=short))


def test_log_is_for_people(study, caplog, monkeypatch):
    monkeypatch.setattr(training, "LOG_SECONDS", -1.0)
    with caplog.at_level(logging.INFO):
        train(study)
    assert "hybrid seed 1 fold 2/3 epoch 3/4: loss " in caplog.text
    assert " samples/s, " in caplog.text and " s left" in caplog.text
    assert "hybrid seed 1 fold 3/3 done: loss " in caplog.text
    assert caplog.records[0].getMessage().startswith("torch ")
    assert len(caplog.records) == 1 + 3 * 4 + 3

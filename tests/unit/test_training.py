"""Training: bit-identical when repeated or resumed, blind to the held-out fold, every patient weighs the same."""

import hashlib
import logging
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
import torch

from hscore.errors import UserError
from hscore.files import read_json
from hscore.learning import ensemble, history, machine, progress, training
from hscore.learning.samples import Samples, SequenceImages, read_folds, read_samples

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
    "sequence_dropout": 0.3,
    "early_stopping": None,
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
}
FUSED = {"label": "Fused", "sequences": ["ADC", "T2WI"], "region": "tumour", "clinical": ["mri_ln_positive"]}
PATIENTS = 18


@pytest.fixture
def study(tmp_path):
    """Manifest and folds of 18 patients with 1 to 4 samples; positives are brighter. One lacks T2WI."""
    random = np.random.default_rng(0)
    labels = np.arange(PATIENTS) % 3 == 0
    rows = []
    for k, y_true in enumerate(labels):
        folder = tmp_path / "samples" / str(k)
        folder.mkdir(parents=True)
        images = random.normal(y_true, 1, (k % 4 + 1, 3, 16, 16)).astype(np.float32)
        arrays = {"ADC_tumour": images, "T2WI_tumour": images[:2] + 1}
        np.savez(folder / "samples.npz", **{key: arrays[key] for key in arrays if (k, key) != (7, "T2WI_tumour")})
        rows.append({"patient": f"AA-{k}", "center": "AA", "mri_ln_positive": int(random.random() < 0.5),
                     "samples": folder, "lnm": int(y_true), "fold": k // 3 % 3})  # fmt: skip
    table = pd.DataFrame(rows)
    table.drop(columns=["lnm", "fold"]).to_csv(tmp_path / "manifest.csv", index=False)
    table[["patient", "center", "lnm", "fold"]].to_csv(tmp_path / "folds.csv", index=False)
    return tmp_path


def train(study, output="model", settings=SETTINGS, seeds=(1,), spec=SPEC):
    folder = study / output
    manifests = [study / "manifest.csv"]
    training.train("hybrid", spec, settings, seeds, study / "folds.csv", manifests, study / "state", folder)
    return folder


def weights(folder, seeds=(1,)):
    """One hash over the weights of all members."""
    files = sorted(folder.glob("*.safetensors"))
    assert [file.stem for file in files] == [f"seed-{seed}-fold-{fold}" for seed in seeds for fold in range(3)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_repeated_training_is_bit_identical_and_another_seed_is_not(study):
    first = train(study)
    torch.rand(7)  # another state of the global generator
    assert weights(train(study, "again")) == weights(first)
    assert weights(train(study, "other", seeds=[2]), [2]) != weights(first)
    histories = [pd.read_csv(study / name / "history.csv").drop(columns="seconds") for name in ("model", "again")]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    assert (first / "model.json").read_bytes() == (study / "again" / "model.json").read_bytes()


class Kill(BaseException):
    """Ends a training as abruptly as a test can inside its own process."""


def interrupt(monkeypatch, epochs):
    """Kill the process's training after so many epochs, counted over all folds."""
    original, done = training.Training.train_epoch, []

    def train_epoch(self):
        if len(done) == epochs:
            raise Kill
        done.append(self.group)
        return original(self)

    monkeypatch.setattr(training.Training, "train_epoch", train_epoch)
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
    original = training.save_atomically

    def save(content, path):
        original(content, path)
        if path.name == "finished-0.pt":
            raise Kill

    with monkeypatch.context() as patch, pytest.raises(Kill):
        patch.setattr(training, "save_atomically", save)
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
    found = [
        fingerprint(settings=short),
        fingerprint(settings=short, seeds=[2]),
        fingerprint(settings=short | {"x": 1}),
    ]
    folds = pd.read_csv(study / "folds.csv")
    folds.assign(fold=(folds["fold"] + 1) % 3).to_csv(study / "folds.csv", index=False)
    found.append(fingerprint(settings=short))
    path = study / "samples" / "3" / "samples.npz"
    np.savez(path, ADC_tumour=np.load(path)["ADC_tumour"] + np.float32(1e-3))
    found.append(fingerprint(settings=short))
    monkeypatch.setattr("hscore.code_digest.digest", lambda step: f"other code of {step}")
    found.append(fingerprint(settings=short))
    assert len(set(found)) == 6


def task_of(study, settings=SETTINGS, spec=SPEC):
    split = read_folds(study / "folds.csv")
    samples = read_samples([study / "manifest.csv"], spec, split["patient"].tolist())
    return training.Task.from_split("hybrid", samples, split, settings, machine.prepare("cpu", 1))


def train_one(task, fold, folder):
    """Weights of one member."""
    member = training.Member(1, fold)
    shown = progress.Progress("hybrid", [[member]], task.settings["epochs"])
    (result,) = training.train_group(task, [member], folder / "none.pt", shown, 0)
    return result["weights"]


STOPPING = SETTINGS | {"early_stopping": {"share": 0.3, "patience": 2}}


@pytest.mark.parametrize(("settings", "spec"), [(SETTINGS, SPEC), (STOPPING, SPEC), (SETTINGS, FUSED)])
def test_held_out_patients_do_not_influence_their_member(study, settings, spec):
    """Weights of fold 1 are the same when the held-out patients' pixels, scalars and labels are something else."""
    task = task_of(study, settings, spec)
    held_out = task.folds == 1
    samples, labels = task.samples, task.labels.copy()
    labels[held_out] = 1 - labels[held_out]
    images = [SequenceImages(one.array_key, one.pixels.copy(), one.patient_index) for one in samples.images]
    for one in images:
        one.pixels[held_out[one.patient_index]] = 1e3
    clinical = samples.clinical.copy()
    clinical[held_out] = 5
    other = Samples(samples.patients, clinical, tuple(images), samples.fused_scores)
    changed = training.Task("hybrid", other, labels, task.folds, task.centers, settings, task.device)
    members = [train_one(each, 1, study) for each in (task, changed)]
    assert members[0].keys() == members[1].keys()
    assert all(torch.equal(members[0][key], members[1][key]) for key in members[0])


def training_of(task, fold):
    return training.Training(task, [training.Member(1, fold)])


def test_every_training_patient_is_drawn_equally_often(study):
    run = training_of(task_of(study), 0)
    patient_index = torch.from_numpy(run.task.samples.images[0].patient_index)
    for _ in range(5):
        bags = run.bag_samplers[0].draw(run.orders[0], run.bags_per_epoch)
        drawn = bags.samples[0][:, 0]
        assert torch.equal(patient_index[drawn], bags.patients) and bags.mask[0].all()
        patients = bags.patients.numpy()
        assert set(np.bincount(patients)[run.patients[0]]) == {2} and len(patients) == 2 * len(run.patients[0])
        # a patient with at least two samples never gives the same one twice
        for patient in run.patients[0]:
            assert len(set(drawn[patients == patient].tolist())) == min(2, patient % 4 + 1)


def test_a_bag_holds_the_samples_of_one_patient(study):
    run = training_of(task_of(study, SETTINGS | {"samples_per_patient": 3}, FUSED), 0)
    patient_indices = [torch.from_numpy(one.patient_index) for one in run.task.samples.images]
    without = run.task.samples.patients["patient"].tolist().index("AA-7")
    for _ in range(5):
        bags = run.bag_samplers[0].draw(run.orders[0], run.bags_per_epoch)
        assert sorted(bags.patients.tolist()) == run.patients[0].tolist()
        for patient_index, drawn, mask, most in zip(patient_indices, bags.samples, bags.mask, (3, 2), strict=True):
            for patient, row, counts in zip(bags.patients.tolist(), drawn, mask, strict=True):
                own = row[counts].tolist()
                available = 0 if (most == 2 and patient == without) else min(patient % 4 + 1, most)
                assert len(set(own)) == len(own) == available
                assert (patient_index[own] == patient).all()


def test_balanced_classes_weigh_the_same_and_mean_one(study):
    task = task_of(study)
    run = training_of(task, 0)
    weight, label = run.weights[0].numpy()[run.patients[0]], task.labels[run.patients[0]]
    assert weight[label == 1].sum() == pytest.approx(weight[label == 0].sum())
    assert weight.mean() == pytest.approx(1)
    run = training_of(task_of(study, SETTINGS | {"class_weights": "none"}), 0)
    assert set(run.weights[0].tolist()) == {1.0}


def test_standardisation_is_fitted_on_training_patients(study):
    task = task_of(study, spec=FUSED)
    run = training_of(task, 2)
    (network,) = run.models.networks()
    for images, constants in zip(task.samples.images, network.standardize_images, strict=True):
        own = images.pixels[(task.folds != 2)[images.patient_index]]
        assert constants.mean.item() == pytest.approx(own.mean(), abs=1e-5)
        assert constants.deviation.item() == pytest.approx(own.std(ddof=1), rel=1e-5)
    assert network.standardize_clinical.deviation.tolist() == [1.0]  # binary


PLAIN = SETTINGS | {"network": SETTINGS["network"] | {"dropout": 0.0}, "augmentation": {}, "sequence_dropout": 0.0}


@pytest.mark.parametrize(
    ("spec", "change"),
    [
        (SPEC, {}),
        (SPEC, {"aggregation": "attention", "network": PLAIN["network"] | {"trunk": "shared", "joins": "logit"}}),
        (FUSED, {}),
        (FUSED, {"aggregation": "attention", "early_stopping": {"share": 0.3, "patience": 1}}),
    ],
)
def test_members_together_equal_one_after_the_other(study, spec, change):
    """The program for a GPU against the loop, to rounding, with dropout and augmentation off; folds of unequal size."""
    folds = pd.read_csv(study / "folds.csv")
    folds.loc[17, "fold"] = 0
    folds.to_csv(study / "folds.csv", index=False)
    task = task_of(study, PLAIN | change, spec)
    members = [training.Member(seed, fold) for seed in (1, 2) for fold in range(3)]
    shown = progress.Progress("hybrid", [members], 4)
    together = training.train_group(task, members, study / "together.pt", shown, 0)
    for member, result in zip(members, together, strict=True):
        (alone,) = training.train_group(task, [member], study / f"{member.name}.pt", shown, 0)
        assert result["epochs"] == alone["epochs"]
        for key, expected in alone["weights"].items():
            torch.testing.assert_close(result["weights"][key], expected, rtol=1e-3, atol=1e-4)
        for ours, theirs in zip(result["history"], alone["history"], strict=True):
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
            assert (ours["seed"], ours["fold"], ours["epoch"]) == (theirs["seed"], theirs["fold"], theirs["epoch"])


def test_members_together_resume_to_the_same_weights(study):
    """With dropout and augmentation on: the state holds what each member's next epoch depends on."""
    task = task_of(study, SETTINGS, FUSED)
    members = [training.Member(1, fold) for fold in range(3)]
    run = training.Training(task, members)
    for _ in range(2):
        run.train_epoch()
    training.save_atomically(run.state(), study / "state.pt")
    while not run.finished:
        run.train_epoch()
    resumed = training.Training(task, members)
    torch.rand(7)
    resumed.restore(torch.load(study / "state.pt", weights_only=True))
    while not resumed.finished:
        resumed.train_epoch()
    for ours, theirs in zip(run.results(), resumed.results(), strict=True):
        assert all(torch.equal(ours["weights"][key], theirs["weights"][key]) for key in ours["weights"])


def test_early_stopping_keeps_the_best_epoch_of_the_patients_set_aside(study):
    settings = STOPPING | {"epochs": 30, "optimizer": SETTINGS["optimizer"] | {"learning_rate": 0.05}}
    task = task_of(study, settings)
    run = training_of(task, 0)
    inner, training_patients = run.inner[0], run.patients[0]
    assert len(inner) and not set(inner) & set(training_patients)
    assert set(inner) | set(training_patients) == set(np.flatnonzero(task.folds != 0))
    assert set(task.labels[inner]) == {0, 1}
    while not run.finished:
        run.train_epoch()
    (result,) = run.results()
    losses = [row["inner_loss"] for row in result["history"]]
    assert result["epochs"] == 1 + int(np.argmin(losses)) == len(losses) - 2 < 28
    network = run.build(run.group[0], training_patients)
    network.load_state_dict(result["weights"])
    scores = training.patient_probabilities(network, task.tensors, "mean", inner)
    assert history.evaluation_columns("inner", scores, task.labels[inner])["inner_loss"] == pytest.approx(
        min(losses), rel=1e-5
    )
    assert result["history"][-1]["held_out_loss"] is not None


def test_a_patient_without_the_sequence_takes_no_part(study, caplog):
    spec = {"label": "T2WI", "sequence": "T2WI", "region": "tumour"}
    with caplog.at_level(logging.INFO):
        folder = train(study, settings=SETTINGS | {"epochs": 1}, spec=spec)
    assert "1 of 18 patients have no T2WI_tumour and are left out" in caplog.text
    model = read_json(folder / "model.json")
    assert (model["patients"], model["left_out"]) == (17, 1)
    folds, manifests = study / "folds.csv", [study / "manifest.csv"]
    table, _ = ensemble.predict_development([folder], manifests, folds, [], "platt")
    missing = table[table["score"].isna()]
    assert missing["patient"].tolist() == ["AA-7"] * 2
    assert missing["evaluation"].tolist() == ["out_of_fold", "apparent"]


def test_a_fused_model_scores_a_patient_who_lacks_a_sequence(study):
    folder = train(study, settings=SETTINGS | {"aggregation": "attention"}, spec=FUSED)
    model = read_json(folder / "model.json")
    assert [one["array"] for one in model["input"]["images"]] == ["ADC_tumour", "T2WI_tumour"]
    assert (model["patients"], model["left_out"]) == (18, 0)
    loaded = ensemble.load_model(folder)
    samples = read_samples([study / "manifest.csv"], loaded.spec)
    scores = loaded.probabilities(samples)
    assert scores.shape == (3, 18) and np.isfinite(scores).all()
    # another picture in a sequence the patient has changes the score; nobody else's
    row = samples.patients["patient"].tolist().index("AA-7")
    samples.images[0].pixels[samples.images[0].patient_index == row] += 1
    changed = loaded.probabilities(samples)
    assert (changed[:, row] != scores[:, row]).all()
    np.testing.assert_allclose(np.delete(changed, row, 1), np.delete(scores, row, 1), rtol=1e-6)


def test_sequence_dropout_never_takes_everything(study):
    run = training_of(task_of(study, SETTINGS, FUSED), 0)
    there = [torch.rand(2, 200, 3) < 0.7, torch.ones(2, 200, 3, dtype=torch.bool)]
    there[1][:, :50] = False
    there[0][:, :50, 0] = True
    kept = run.drop_sequences(there, 0.5)
    for before, after in zip(there, kept, strict=True):
        whole = after.any(dim=2, keepdim=True)
        assert torch.equal(after, before & whole)  # a sequence goes or stays as a whole
    assert (kept[0].any(2) | kept[1].any(2)).all() and kept[0][:, :50].any(2).all()
    dropped = 1 - kept[1][:, 50:].any(2).float().mean()
    assert 0.2 < dropped < 0.5


def test_learning_rate_is_one_cycle():
    rates = [training.learning_rate(step, 100, 0.5) for step in range(100)]
    assert rates[0] == pytest.approx(0.05) and max(rates) == rates[10] == 0.5
    assert np.argmax(rates) in (9, 10) and (np.diff(rates[10:]) < 0).all() and rates[-1] < 0.001
    assert rates[55] == pytest.approx(0.25)


def test_model_folder_explains_itself(study):
    model = read_json(train(study) / "model.json")
    assert model["model"] == "hybrid" and model["kind"] == "network" and model["folds"] == 3
    (images,) = model["input"]["images"]
    assert images["array"] == "ADC_tumour" and images["shape"] == [3, 16, 16]
    values = read_samples([study / "manifest.csv"], SPEC).images[0].pixels
    assert images["value_range"] == [float(values.min()), float(values.max())]
    assert model["input"]["clinical"] == {"mri_ln_positive": [0.0, 1.0]}
    assert (model["patients"], model["positives"], model["centers"]) == (18, 6, ["AA"])
    assert model["versions"]["torch"] == version("torch") and model["threads"] == 1
    assert model["training"] == SETTINGS and model["network"] == SETTINGS["network"]
    assert model["seeds"] == [1] and model["deterministic_algorithms"] is True
    assert model["members"][1] == {"seed": 1, "fold": 1, "weights": "seed-1-fold-1.safetensors", "epochs": 4}
    assert "Research only" in model["intended_use"]


def test_history_is_a_learning_curve(study):
    history = pd.read_csv(train(study, settings=SETTINGS | {"epochs": 8}) / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 9)) * 3
    assert history[["loss", "auc", "learning_rate"]].notna().all(axis=None) and (history["seconds"] > 0).all()
    looked = history["held_out_loss"].notna()
    assert history["epoch"][looked].tolist() == [2, 4, 6, 8] * 3
    assert (looked == history["held_out_auc"].notna()).all()
    assert history["inner_loss"].isna().all()


def test_loaded_member_gives_the_scores_of_the_history(study):
    folder = train(study)
    folds = pd.read_csv(study / "folds.csv")
    model = ensemble.load_model(folder)
    scores = model.probabilities(read_samples([study / "manifest.csv"], model.spec, folds["patient"].tolist()))
    rows = pd.read_csv(folder / "history.csv").query("epoch == 4")
    for fold in range(3):
        own = (folds["fold"] == fold).to_numpy()
        assert history.evaluation_columns("held_out", scores[fold, own], folds["lnm"].to_numpy()[own])[
            "held_out_loss"
        ] == pytest.approx(rows["held_out_loss"].iloc[fold], rel=1e-4)


def test_values_outside_the_training_range_are_said(study, caplog):
    model = ensemble.load_model(train(study))
    samples = read_samples([study / "manifest.csv"], SPEC)
    samples.images[0].pixels[:] += 50
    model.probabilities(samples)
    assert "100 % of the values of ADC_tumour are outside the range seen in training" in caplog.text


def test_samples_of_another_shape_are_refused(study):
    model = ensemble.load_model(train(study))
    samples = read_samples([study / "manifest.csv"], SPEC)
    cut = SequenceImages("ADC_tumour", samples.images[0].pixels[:, :, :8], samples.images[0].patient_index)
    other = Samples(samples.patients, samples.clinical, (cut,), samples.fused_scores)
    with pytest.raises(UserError, match=r"takes samples of \(3, 16, 16\), but these have \(3, 8, 16\)"):
        model.probabilities(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "float16"}, "precision is 'float16'"),
        ({"aggregation": "median"}, "aggregation is 'median'"),
        ({"optimizer": {"name": "sgd"}}, "optimizer.name is 'sgd'"),
        ({"class_weights": "sqrt"}, "class_weights is 'sqrt'"),
        ({"network": {"name": "resnet"}}, "network.name is 'resnet'"),
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


def test_threads_are_a_setting_and_repeatable(study):
    two = SETTINGS | {"threads": 2, "epochs": 2}
    first = train(study, settings=two)
    assert read_json(first / "model.json")["threads"] == 2
    assert weights(train(study, "again", settings=two)) == weights(first)


def test_log_is_for_people(study, caplog, monkeypatch):
    monkeypatch.setattr(progress, "LOG_SECONDS", -1.0)
    with caplog.at_level(logging.INFO):
        train(study)
    build, first, *epochs, last = [record.getMessage() for record in caplog.records]
    assert build.startswith(f"torch {torch.__version__}, built for ")
    for part in (f"torch {version('torch')}", "1 thread(s)", "deterministic algorithms on", "seed(s) 1", "split "):
        assert part in first
    assert len(epochs) == 3 * 4 + 3
    assert epochs[7].startswith("hybrid seed 1 fold 2/3 epoch 3/4: loss ")
    for part in (" in training; held-out patients: AUC ", " samples/s, ", " s left"):
        assert part in epochs[7]
    assert epochs[-1].startswith("hybrid seed 1 fold 3/3 done: loss ")
    assert " samples/s, " in last and last.endswith(" MB at most")


def test_tensorboard_shows_every_curve(study):
    """The event files, read back by the records' own format, hold each number of the history."""
    folder = study / "board"
    manifests = [study / "manifest.csv"]
    training.train("hybrid", SPEC, SETTINGS, [1], study / "folds.csv", manifests, study / "state", study / "m", folder)
    history = pd.read_csv(study / "m" / "history.csv")
    shown = {(tag, step): value for tag, step, value in scalars(folder / "hybrid")}
    assert len(shown) == history[["loss", "auc", "learning_rate", "held_out_loss", "held_out_auc"]].count().sum()
    for _, row in history.iterrows():
        assert shown[f"loss/seed_1_fold_{row['fold'] + 1:.0f}", row["epoch"]] == pytest.approx(row["loss"], rel=1e-4)


def scalars(folder):
    """Tag, step and value of every scalar in a folder's event files."""
    from tensorboardX.proto.event_pb2 import Event

    (path,) = folder.glob("events.out.tfevents.*")
    content = path.read_bytes()
    while content:
        length = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + length])
        yield from ((value.tag, event.step, value.simple_value) for value in event.summary.value)
        content = content[12 + length + 4 :]

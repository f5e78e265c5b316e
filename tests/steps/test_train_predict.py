"""The train and predict programs as the workflow calls them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hscore
from hscore.files import read_json
from hscore.learning.ensemble import load_model
from hscore.learning.samples import read_samples
from hscore.steps import predict, train

SETTINGS = {
    "network": {"name": "paper", "channels": [4, 8], "head": [4], "dropout": 0.3},
    "epochs": 2,
    "batch_size": 16,
    "samples_per_patient": 2,
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
    "class_weights": "balanced",
    "augmentation": {"flip": True, "noise": 0.1},
    "aggregation": "max",
    "precision": "float32",
    "device": "cpu",
}
SPECS = {
    "clinical": {"label": "Clinical", "clinical": ["mri_ln_positive"]},
    "image": {"label": "T2WI", "sequence": "T2WI", "region": "tumour"},
    "hybrid": {"label": "Hybrid", "sequence": "T2WI", "region": "tumour", "clinical": ["mri_ln_positive"]},
}
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(hscore.__file__).parents[1])}


def make_center(folder, center, patients, seed):
    """Manifest of one center; returns it with the patients' labels."""
    random = np.random.default_rng(seed)
    rows = []
    for k in range(patients):
        positive = k % 3 == 0
        samples = folder / center / f"sub-{k}"
        samples.mkdir(parents=True)
        images = random.normal(positive, 1, (k % 4 + 1, 3, 16, 16)).astype(np.float32)
        np.savez(samples / "samples.npz", T2WI_tumour=images)
        node = int(random.random() < (0.7 if positive else 0.2))
        rows.append({"patient": f"{center}-{k:04d}", "center": center, "mri_ln_positive": node, "samples": samples,
                     "lnm": int(positive)})  # fmt: skip
    table = pd.DataFrame(rows)
    table.drop(columns="lnm").to_csv(folder / f"{center}.csv", index=False)
    return table


@pytest.fixture
def study(tmp_path):
    """Two development centers, one external."""
    tables = [make_center(tmp_path, "AA", 18, 0), make_center(tmp_path, "BB", 9, 1)]
    make_center(tmp_path, "CC", 6, 2)
    folds = pd.concat(tables)[["patient", "center", "lnm"]].reset_index(drop=True)
    folds["fold"] = folds.index // 3 % 3
    folds.sample(frac=1, random_state=3).to_csv(tmp_path / "folds.csv", index=False)
    return tmp_path


def train_arguments(study, model, seed=1, settings=SETTINGS):
    return [
        "--model", model, "--spec", json.dumps(SPECS[model]), "--settings", json.dumps(settings), "--seed", str(seed),
        "--folds", str(study / "folds.csv"), "--manifests", str(study / "AA.csv"), str(study / "BB.csv"),
        "--state", str(study / "state" / model / f"seed-{seed}"), "--output", str(study / model / f"seed-{seed}"),
    ]  # fmt: skip


def predict_arguments(study, model, seeds=(1,), external=False):
    folders = [str(study / model / f"seed-{seed}") for seed in seeds]
    manifests = ["CC.csv"] if external else ["AA.csv", "BB.csv"]
    folds = [] if external else ["--folds", str(study / "folds.csv")]
    output = study / f"{model}-{'external' if external else 'development'}.csv"
    return [
        "--spec", json.dumps(SPECS[model]), "--model-folders", *folders,
        "--manifests", *[str(study / name) for name in manifests], *folds, "--output", str(output),
    ], output  # fmt: skip


@pytest.mark.parametrize("model", ["clinical", "image", "hybrid"])
def test_development_scores_are_means_of_the_right_members(study, model):
    for seed in (1, 2):
        train.main(train_arguments(study, model, seed))
    arguments, output = predict_arguments(study, model, (1, 2))
    predict.main(arguments)
    table = pd.read_csv(output)
    folds = pd.read_csv(study / "folds.csv")
    assert table.columns.tolist() == ["patient", "center", "out_of_fold", "apparent"]
    assert table["patient"].tolist() == folds["patient"].tolist()
    members = []
    for seed in (1, 2):
        ensemble = load_model(study / model / f"seed-{seed}")
        samples = read_samples([study / "AA.csv", study / "BB.csv"], ensemble.spec, folds["patient"].tolist())
        members.append(ensemble.probabilities(samples))
    for row, fold in enumerate(folds["fold"]):
        own = [member[fold, row] for member in members]
        others = [member[other, row] for member in members for other in range(3) if other != fold]
        assert table["out_of_fold"][row] == pytest.approx(np.mean(own), rel=1e-6)
        assert table["apparent"][row] == pytest.approx(np.mean(others), rel=1e-6)
    assert table[["out_of_fold", "apparent"]].stack().between(0, 1).all()


@pytest.mark.parametrize("model", ["clinical", "hybrid"])
def test_external_score_is_the_mean_of_all_members(study, model):
    train.main(train_arguments(study, model))
    arguments, output = predict_arguments(study, model, external=True)
    predict.main(arguments)
    table = pd.read_csv(output)
    assert table.columns.tolist() == ["patient", "center", "score"]
    assert table["patient"].tolist() == [f"CC-{k:04d}" for k in range(6)]
    ensemble = load_model(study / model / "seed-1")
    expected = ensemble.probabilities(read_samples([study / "CC.csv"], ensemble.spec)).mean(axis=0)
    np.testing.assert_allclose(table["score"], expected, rtol=1e-6)


def test_triplets_become_patients_as_said_at_training(study):
    """Network scores by hand: sigmoid of every triplet's logit, then the maximum."""
    import torch
    from safetensors.torch import load_file

    from hscore.learning import networks

    train.main(train_arguments(study, "image"))
    samples = read_samples([study / "CC.csv"], SPECS["image"])
    scores = load_model(study / "image" / "seed-1").probabilities(samples)
    network = networks.build(SETTINGS["network"], (3, 16, 16), 0).eval()
    network.load_state_dict(load_file(study / "image" / "seed-1" / "fold-1.safetensors"))
    for patient in range(6):
        own = torch.from_numpy(samples.images[samples.owner == patient])
        with torch.no_grad():
            triplets = torch.sigmoid(network(own, torch.empty(len(own), 0)))
        assert scores[1, patient] == pytest.approx(triplets.max().item(), rel=1e-5)


def test_clinical_model_needs_no_torch(study):
    predicting, output = predict_arguments(study, "clinical")
    code = (
        "import sys; from hscore.steps import train, predict\n"
        f"train.main({train_arguments(study, 'clinical')!r}); predict.main({predicting!r})\n"
        "assert not {'torch', 'monai', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    model = read_json(study / "clinical" / "seed-1" / "model.json")
    assert model["kind"] == "logistic" and len(model["coefficients"]) == 3
    assert pd.read_csv(study / "clinical" / "seed-1" / "history.csv")["held_out_auc"].notna().all()
    # one binary variable: a score is the rate of its row of the table, a half added to every cell
    folds = pd.read_csv(study / "folds.csv")
    manifest = pd.concat([pd.read_csv(study / "AA.csv"), pd.read_csv(study / "BB.csv")])
    joined = folds.merge(manifest, on="patient").merge(pd.read_csv(output), on="patient")
    for _, row in joined.iterrows():
        same = joined[(joined["fold"] != row["fold"]) & (joined["mri_ln_positive"] == row["mri_ln_positive"])]
        assert row["out_of_fold"] == pytest.approx((same["lnm"].sum() + 0.5) / (len(same) + 1), abs=1e-6)


def test_a_reading_is_its_own_score_and_needs_no_model(study):
    spec = json.dumps({"label": "Node call", "reading": "mri_ln_positive"})
    known = pd.concat([pd.read_csv(study / f"{center}.csv") for center in ("AA", "BB", "CC")]).set_index("patient")
    for external in (False, True):
        arguments, output = predict_arguments(study, "clinical", seeds=(), external=external)
        arguments[1] = spec
        predict.main(arguments)
        table = pd.read_csv(output, index_col="patient")
        for column in ["score"] if external else ["out_of_fold", "apparent"]:
            assert table[column].tolist() == known["mri_ln_positive"][table.index].tolist()
        if not external:
            assert table.index.tolist() == pd.read_csv(study / "folds.csv")["patient"].tolist()


def test_predicting_with_another_split_is_refused(study):
    train.main(train_arguments(study, "clinical"))
    folds = pd.read_csv(study / "folds.csv")
    folds.assign(fold=(folds["fold"] + 1) % 3).to_csv(study / "folds.csv", index=False)
    with pytest.raises(SystemExit, match="was trained on another split"):
        predict.main(predict_arguments(study, "clinical")[0])


def test_testing_on_a_training_center_as_external_is_refused(study):
    train.main(train_arguments(study, "clinical"))
    arguments, output = predict_arguments(study, "clinical", external=True)
    arguments[arguments.index("--manifests") + 1] = str(study / "BB.csv")
    with pytest.raises(SystemExit, match="was trained on center 'BB'"):
        predict.main(arguments)
    assert not output.exists()


def test_seeds_of_different_models_are_refused(study):
    train.main(train_arguments(study, "clinical"))
    train.main(train_arguments(study, "image"))
    arguments, _ = predict_arguments(study, "clinical")
    arguments.insert(arguments.index("--manifests"), str(study / "image" / "seed-1"))
    with pytest.raises(SystemExit, match="differ in 'model': not one model's seeds"):
        predict.main(arguments)


def test_weights_that_are_not_what_training_wrote_are_refused(study):
    train.main(train_arguments(study, "image"))
    path = study / "image/seed-1/fold-1.safetensors"
    weights = bytearray(path.read_bytes())
    weights[-1] ^= 1
    path.write_bytes(weights)
    arguments, output = predict_arguments(study, "image")
    with pytest.raises(SystemExit, match="fold-1.safetensors is not what training wrote; delete the folder"):
        predict.main(arguments)
    path.unlink()
    with pytest.raises(SystemExit, match="is not what training wrote"):
        predict.main(arguments)
    assert not output.exists()


def test_gpu_promised_but_absent_is_one_sentence(study):
    settings = SETTINGS | {"device": "gpu"}
    command = [sys.executable, "-m", "hscore.steps.train", *train_arguments(study, "image", settings=settings)]
    environment = ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    *log, error = done.stderr.splitlines()
    assert all(line.startswith("INFO ") for line in log) and any(
        "INFO torch" in line and "built for" in line for line in log
    )
    assert error == (
        "error: train.device is 'gpu' but no CUDA device is visible; write 'cpu' or run where there is one"
    )


@pytest.mark.slow
def test_killed_process_resumes_to_the_same_bytes(study):
    """SIGKILL in the middle of training, then the same command again."""
    settings = SETTINGS | {"epochs": 40}
    train.main(train_arguments(study, "hybrid", settings=settings))
    first = study / "hybrid" / "seed-1"
    expected = {path.name: path.read_bytes() for path in first.glob("*.safetensors")}
    model = (first / "model.json").read_bytes()
    for path in first.iterdir():
        path.unlink()
    first.rmdir()
    code = (
        "from hscore.steps import train; from hscore.learning import training; training.CHECKPOINT_SECONDS = -1\n"
        f"train.main({train_arguments(study, 'hybrid', settings=settings)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    state = study / "state" / "hybrid" / "seed-1"
    deadline = time.monotonic() + 60
    while not (list(state.glob("*/fold-0.pt")) and list(state.glob("*/running-1.pt"))):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not first.exists()
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "was finished before the interruption" in done.stderr and "going on after epoch" in done.stderr
    assert {path.name: path.read_bytes() for path in first.glob("*.safetensors")} == expected
    assert (first / "model.json").read_bytes() == model

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
from learning_inputs import SETTINGS, SPECS, make_study
from scipy.special import expit, logit

import hscore
import score_tables
from hscore.files import read_json
from hscore.learning import calibration
from hscore.learning.ensemble import load_model
from hscore.learning.samples import read_samples
from hscore.metrics.logistic import fit_firth
from hscore.statistics.diagnosis.discrimination import delong
from hscore.steps import predict, train_model

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(hscore.__file__).parents[1])}


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def train_arguments(study, model, seeds=(1,), settings=SETTINGS):
    name = "-".join(map(str, seeds))
    scores = [f"{study / base}-development.csv" for base in SPECS[model].get("fuse", [])]
    return [
        "--model", model, "--spec", json.dumps(SPECS[model]), "--settings", json.dumps(settings),
        "--seeds", *map(str, seeds), "--folds", str(study / "folds.csv"),
        "--manifests", str(study / "AA.csv"), str(study / "BB.csv"), "--scores", *scores,
        "--state", str(study / "state" / model / f"seed-{name}"), "--output", str(study / model / f"seed-{name}"),
    ]  # fmt: skip


def predict_arguments(study, model, seeds=("1",), external=False):
    folders = [str(study / model / f"seed-{seed}") for seed in seeds]
    cohort = "external" if external else "development"
    manifests = ["CC.csv"] if external else ["AA.csv", "BB.csv"]
    own = [] if external else ["--folds", str(study / "folds.csv"), "--recalibration", "platt"]
    scores = [f"{study / base}-{cohort}.csv" for base in SPECS[model].get("fuse", [])]
    output = study / f"{model}-{cohort}.csv"
    return ["--model", model, "--spec", json.dumps(SPECS[model]), "--model-folders", *folders,
            "--manifests", *[str(study / name) for name in manifests], *own,
            "--calibration", str(study / f"{model}-calibration.json"),
            "--scores", *scores, "--output", str(output)], output  # fmt: skip


def fold_scores(study, model, seeds, manifests, patients=None):
    """Each fold's probabilities, the mean over the seeds, by hand [folds, patients]."""
    members = []
    for seed in seeds:
        ensemble = load_model(study / model / f"seed-{seed}")
        samples = read_samples([study / f"{name}.csv" for name in manifests], ensemble.spec, patients)
        members.append(ensemble.probabilities(samples))
    return np.mean(members, axis=0)


@pytest.mark.parametrize("model", ["clinical", "image", "hybrid"])
def test_development_scores_are_calibrated_scores_of_the_right_members(study, model):
    for seed in (1, 2):
        train_model.main(train_arguments(study, model, [seed]))
    arguments, output = predict_arguments(study, model, (1, 2))
    predict.main(arguments)
    table = score_tables.read(output)
    folds = pd.read_csv(study / "folds.csv")
    assert table.columns.tolist() == ["patient", "center", "fold", "out_of_fold", "apparent"]
    assert table["patient"].tolist() == folds["patient"].tolist()
    raw = fold_scores(study, model, (1, 2), ("AA", "BB"), folds["patient"].tolist())
    risks = calibration.apply(read_json(study / f"{model}-calibration.json"), raw)
    for row, fold in enumerate(folds["fold"]):
        others = [risks[other, row] for other in range(3) if other != fold]
        assert table["out_of_fold"][row] == pytest.approx(risks[fold, row], rel=1e-6)
        assert table["apparent"][row] == pytest.approx(np.mean(others), rel=1e-6)
    assert table[["out_of_fold", "apparent"]].stack().between(0, 1).all()


@pytest.mark.parametrize("model", ["clinical", "hybrid"])
def test_external_score_is_the_mean_of_the_members_calibrated_risks(study, model):
    train_model.main(train_arguments(study, model))
    predict.main(predict_arguments(study, model)[0])
    arguments, output = predict_arguments(study, model, external=True)
    predict.main(arguments)
    table = score_tables.read(output)
    names = [f"fold_{fold}" for fold in range(3)]
    assert table.columns.tolist() == ["patient", "center", "score", *names]
    assert table["patient"].tolist() == [f"CC-{k:04d}" for k in range(6)]
    raw = fold_scores(study, model, (1,), ("CC",))
    risks = calibration.apply(read_json(study / f"{model}-calibration.json"), raw)
    np.testing.assert_allclose(table[names].to_numpy().T, risks, rtol=1e-6)
    np.testing.assert_allclose(table["score"], risks.mean(axis=0), rtol=1e-6)


def test_each_seed_alone_has_its_own_external_score(study):
    """As a study of that seed alone would align its members, with the common map from score to risk."""
    for seed in (1, 2):
        train_model.main(train_arguments(study, "image", [seed]))
    predict.main(predict_arguments(study, "image", (1, 2))[0])
    arguments, output = predict_arguments(study, "image", (1, 2), external=True)
    predict.main(arguments)
    table, frozen = score_tables.read(output), read_json(study / "image-calibration.json")
    assert table.columns.tolist()[-2:] == ["seed_1", "seed_2"]
    development = pd.read_csv(study / "folds.csv")["patient"].tolist()
    for seed in (1, 2):
        seen, new = (
            fold_scores(study, "image", (seed,), *which) for which in ((("AA", "BB"), development), (("CC",),))
        )
        alignment = calibration.align(seen) | {"to": frozen["alignment"]["to"]}
        expected = calibration.apply({**frozen, "alignment": alignment}, new).mean(axis=0)
        np.testing.assert_allclose(table[f"seed_{seed}"], expected, rtol=1e-6)
    assert (table["seed_1"] != table["seed_2"]).any()


def test_external_scores_of_a_trained_model_need_its_calibration(study, capsys):
    arguments, _ = predict_arguments(study, "clinical", external=True)
    where = arguments.index("--calibration")
    with pytest.raises(SystemExit):
        predict.main(arguments[:where] + arguments[where + 2 :])
    assert "need its --calibration" in capsys.readouterr().err


def test_seeds_in_one_folder_or_in_two_are_the_same_model(study):
    """Groups of seeds, as a GPU trains them, give the members that jobs of one seed give."""
    for seeds in ([1], [2], [1, 2]):
        train_model.main(train_arguments(study, "image", seeds))
    apart = [path for seed in (1, 2) for path in sorted((study / "image" / f"seed-{seed}").glob("*.safetensors"))]
    together = sorted((study / "image" / "seed-1-2").glob("*.safetensors"))
    assert [path.name for path in together] == [path.name for path in apart] and len(together) == 6
    assert [path.read_bytes() for path in together] == [path.read_bytes() for path in apart]
    tables = []
    for groups in ((1, 2), ("1-2",)):
        arguments, output = predict_arguments(study, "image", groups)
        predict.main(arguments)
        tables.append(score_tables.read(output))
    pd.testing.assert_frame_equal(*tables)


def test_late_fusion_from_out_of_fold_scores_to_external_ones(study):
    """The late hybrid by hand: Firth's regression on the logit of the image score and on MRI-LN, fold by fold."""
    for model in ("image", "late"):
        train_model.main(train_arguments(study, model, settings=SETTINGS | {"epochs": 20}))
        for external in (False, True):
            predict.main(predict_arguments(study, model, external=external)[0])
    manifest = pd.concat([pd.read_csv(study / "AA.csv"), pd.read_csv(study / "BB.csv")])
    development = pd.read_csv(study / "folds.csv").merge(manifest, on="patient")
    image = score_tables.read(study / "image-development.csv")[["patient", "out_of_fold"]]
    development = development.merge(image, on="patient")
    external = score_tables.read(study / "image-external.csv").merge(pd.read_csv(study / "CC.csv"), on="patient")
    late = score_tables.read(study / "late-development.csv").set_index("patient")["out_of_fold"]

    def values(table, column):
        return np.column_stack([logit(table[column].to_numpy()), table["mri_ln_positive"]])

    members, everyone, kept = [], [], []
    for fold in range(3):
        others = development[development["fold"] != fold]
        design, labels = values(others, "out_of_fold"), others["lnm"].to_numpy()
        kept.append([0, 1] if fit_firth(design, labels)[1] > 0 else [1])  # a falling image score is left out
        coefficients = fit_firth(design[:, kept[-1]], labels)

        def risk(design, coefficients=coefficients, kept=kept[-1]):
            return expit(coefficients[0] + design[:, kept] @ coefficients[1:])

        everyone.append(risk(values(development, "out_of_fold")))
        members.append(risk(values(external, f"fold_{fold}")))
    assert [0, 1] in kept
    frozen = read_json(study / "late-calibration.json")
    risks = pd.DataFrame(calibration.apply(frozen, np.array(everyone)), columns=development["patient"])
    for fold, own in development.groupby("fold"):
        np.testing.assert_allclose(late[own["patient"]], risks.loc[fold, own["patient"]], rtol=1e-5)
    table = score_tables.read(study / "late-external.csv")
    np.testing.assert_allclose(table["score"], calibration.apply(frozen, np.array(members)).mean(axis=0), rtol=1e-5)
    assert read_json(study / "late" / "seed-1" / "model.json")["input"]["scores"] == ["image"]


def test_triplets_become_patients_as_said_at_training(study):
    """Network scores by hand: sigmoid of every triplet's logit, then the maximum."""
    import torch
    from safetensors.torch import load_file

    from hscore.learning import networks

    train_model.main(train_arguments(study, "image"))
    samples = read_samples([study / "CC.csv"], SPECS["image"])
    scores = load_model(study / "image" / "seed-1").probabilities(samples)
    network = networks.build(SETTINGS["network"], [(3, 16, 16)], 0, "max").eval()
    network.load_state_dict(load_file(study / "image" / "seed-1" / "seed-1-fold-1.safetensors"))
    for patient in range(6):
        own = torch.from_numpy(samples.images[0].pixels[samples.images[0].patient_index == patient])
        with torch.no_grad():
            features = network.features(0, own).unsqueeze(1)
            mask = [torch.ones(len(own), 1, dtype=torch.bool)]
            triplets = torch.sigmoid(network.score([features], mask, torch.empty(len(own), 0)))
        assert scores[1, patient] == pytest.approx(triplets.max().item(), rel=1e-5)


def test_clinical_model_needs_no_torch(study):
    predicting, output = predict_arguments(study, "clinical")
    code = (
        "import sys; from hscore.steps import predict, train_model\n"
        f"train_model.main({train_arguments(study, 'clinical')!r}); predict.main({predicting!r})\n"
        "assert not {'torch', 'monai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    model = read_json(study / "clinical" / "seed-1" / "model.json")
    assert model["kind"] == "logistic" and len(model["coefficients"]) == 3
    assert pd.read_csv(study / "clinical" / "seed-1" / "history.csv")["held_out_auc"].notna().all()
    folds = pd.read_csv(study / "folds.csv", index_col="patient")
    called, lnm = known_reading(study)[folds.index].to_numpy(), folds["lnm"].to_numpy() == 1
    # one binary variable: a member's score is the rate of its row of the table, a half added to every cell
    raw = fold_scores(study, "clinical", (1,), ("AA", "BB"), folds.index.tolist())
    for fold, member in enumerate(raw):
        for row, risk in enumerate(member):
            same = lnm[(folds["fold"].to_numpy() != fold) & (called == called[row])]
            assert risk == pytest.approx((same.sum() + 0.5) / (len(same) + 1), abs=1e-6)
    # pooled, it keeps the two groups of the reading and so its AUC, although members differ in their intercepts
    score = score_tables.read(output).set_index("patient")["out_of_fold"][folds.index].to_numpy()
    assert len(np.unique(score)) == 2 < len(np.unique(raw))
    assert delong(lnm, score).auc == delong(lnm, called).auc


def known_reading(study):
    """The node reading of everybody, by patient."""
    tables = [pd.read_csv(study / f"{center}.csv", index_col="patient") for center in ("AA", "BB", "CC")]
    return pd.concat(tables)["mri_ln_positive"]


def test_a_reading_keeps_its_two_groups_and_needs_no_model(study):
    """Calibrated, the groups get their shares of metastasis; where no study calibrated it, it stays 0 and 1."""
    arguments, output = predict_arguments(study, "reading", seeds=())
    predict.main(arguments)
    table, folds = score_tables.read(output).set_index("patient"), pd.read_csv(study / "folds.csv", index_col="patient")
    assert table.index.tolist() == folds.index.tolist()
    called, lnm = known_reading(study)[table.index].to_numpy(), folds["lnm"].to_numpy() == 1
    assert (table["out_of_fold"] == table["apparent"]).all() and table["out_of_fold"].nunique() == 2
    assert delong(lnm, table["out_of_fold"].to_numpy()).auc == delong(lnm, called).auc
    assert table["out_of_fold"].mean() == pytest.approx(lnm.mean())
    arguments, output = predict_arguments(study, "reading", seeds=(), external=True)
    predict.main(arguments)
    risks = dict(zip(called, table["out_of_fold"], strict=True))
    external = score_tables.read(output).set_index("patient")["score"]
    assert external.tolist() == [risks[call] for call in known_reading(study)[external.index]]
    where = arguments.index("--calibration")
    predict.main(arguments[:where] + arguments[where + 2 :])
    assert score_tables.read(output)["score"].tolist() == known_reading(study)[external.index].tolist()


def test_predicting_with_another_split_is_refused(study):
    train_model.main(train_arguments(study, "clinical"))
    folds = pd.read_csv(study / "folds.csv")
    folds.assign(fold=(folds["fold"] + 1) % 3).to_csv(study / "folds.csv", index=False)
    with pytest.raises(SystemExit, match="was trained on another split"):
        predict.main(predict_arguments(study, "clinical")[0])


def test_testing_on_a_training_center_as_external_is_refused(study):
    train_model.main(train_arguments(study, "clinical"))
    predict.main(predict_arguments(study, "clinical")[0])
    arguments, output = predict_arguments(study, "clinical", external=True)
    arguments[arguments.index("--manifests") + 1] = str(study / "BB.csv")
    with pytest.raises(SystemExit, match="was trained on center 'BB'"):
        predict.main(arguments)
    assert not output.exists()


def test_seeds_of_different_models_are_refused(study):
    train_model.main(train_arguments(study, "clinical"))
    train_model.main(train_arguments(study, "image"))
    arguments, _ = predict_arguments(study, "clinical")
    arguments.insert(arguments.index("--manifests"), str(study / "image" / "seed-1"))
    with pytest.raises(SystemExit, match="differ in 'model': not one model's seeds"):
        predict.main(arguments)


def test_weights_that_are_not_what_training_wrote_are_refused(study):
    train_model.main(train_arguments(study, "image"))
    path = study / "image/seed-1/seed-1-fold-1.safetensors"
    weights = bytearray(path.read_bytes())
    weights[-1] ^= 1
    path.write_bytes(weights)
    arguments, output = predict_arguments(study, "image")
    with pytest.raises(SystemExit, match="seed-1-fold-1.safetensors is not what training wrote; delete the folder"):
        predict.main(arguments)
    path.unlink()
    with pytest.raises(SystemExit, match="is not what training wrote"):
        predict.main(arguments)
    assert not output.exists()


def test_gpu_promised_but_absent_is_one_sentence(study):
    settings = SETTINGS | {"device": "gpu"}
    command = [sys.executable, "-m", "hscore.steps.train_model", *train_arguments(study, "image", settings=settings)]
    environment = ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    *log, error = done.stderr.splitlines()
    assert all(line.startswith("INFO ") for line in log) and any(
        "INFO torch" in line and "built for" in line for line in log
    )
    assert error == (
        "error: train.device is 'gpu' but no CUDA device is visible; write 'cpu' or run on a machine with one"
    )


@pytest.mark.slow
def test_killed_process_resumes_to_the_same_bytes(study):
    """SIGKILL in the middle of training, then the same command again."""
    settings = SETTINGS | {"epochs": 40}
    train_model.main(train_arguments(study, "hybrid", settings=settings))
    first = study / "hybrid" / "seed-1"
    expected = {path.name: path.read_bytes() for path in first.glob("*.safetensors")}
    model = (first / "model.json").read_bytes()
    for path in first.iterdir():
        path.unlink()
    first.rmdir()
    code = (
        "from hscore.steps import train_model; from hscore.learning import training; training.CHECKPOINT_SECONDS = -1\n"
        f"train_model.main({train_arguments(study, 'hybrid', settings=settings)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    state = study / "state" / "hybrid" / "seed-1"
    deadline = time.monotonic() + 60
    while not (list(state.glob("*/finished-0.pt")) and list(state.glob("*/running-1.pt"))):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not first.exists()
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert "was finished before the interruption" in done.stderr and "resuming after epoch" in done.stderr
    assert {path.name: path.read_bytes() for path in first.glob("*.safetensors")} == expected
    assert (first / "model.json").read_bytes() == model

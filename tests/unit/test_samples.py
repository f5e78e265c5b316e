"""Reading what a model learns from: order, ownership, digests, and refused inputs."""

import logging

import numpy as np
import pandas as pd
import pytest

import score_tables
from hscore.errors import UserError
from hscore.learning import samples

SPEC = {"label": "x", "sequence": "ADC", "region": "tumour", "clinical": ["mri_ln_positive", "age"]}


@pytest.fixture
def study(tmp_path):
    """Two centers with two patients each; patient k has k + 1 samples that hold the number k."""
    manifests = []
    for center, numbers in {"AA": [0, 1], "BB": [2, 3]}.items():
        rows = []
        for k in numbers:
            folder = tmp_path / f"sub-{k}"
            folder.mkdir()
            arrays = {"ADC_tumour": np.full((k + 1, 3, 4, 4), k, np.float32), "T2WI_tumour": np.zeros((9, 3, 4, 4))}
            np.savez(folder / "samples.npz", **arrays)
            rows.append({"patient": f"{k:03d}", "center": center, "age": 40.5 + k, "mri_ln_positive": k % 2,
                         "figo_stage": "IB", "samples": folder})  # fmt: skip
        manifests.append(tmp_path / f"{center}.csv")
        pd.DataFrame(rows).to_csv(manifests[-1], index=False)
    return manifests


def test_samples_in_order_of_the_manifests(study):
    read = samples.read_samples(study, SPEC)
    assert read.patients["patient"].tolist() == ["000", "001", "002", "003"]
    (images,) = read.images
    assert images.array_key == "ADC_tumour" and images.patient_index.tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert images.pixels.shape == (10, 3, 4, 4)
    assert images.pixels.dtype == np.float32 and images.pixels.flags.c_contiguous
    assert (images.pixels == images.patient_index[:, None, None, None]).all()
    assert read.clinical.tolist() == [[0, 40.5], [1, 41.5], [0, 42.5], [1, 43.5]]


def test_samples_in_order_of_the_folds(study):
    read = samples.read_samples(study, SPEC, ["003", "000"])
    assert read.patients["patient"].tolist() == ["003", "000"]
    assert read.images[0].pixels[:, 0, 0, 0].tolist() == [3, 3, 3, 3, 0]
    assert read.clinical[:, 1].tolist() == [43.5, 40.5]


def test_only_the_models_own_array_is_read(study, monkeypatch):
    read = []
    original = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", lambda self, key: read.append(key) or original(self, key))
    samples.read_samples(study, SPEC)
    assert set(read) == {"ADC_tumour"}


def test_clinical_model_reads_no_samples(study, tmp_path):
    (tmp_path / "sub-0" / "samples.npz").unlink()
    read = samples.read_samples(study, {"clinical": ["age"]})
    assert read.images == () and read.clinical.shape == (4, 1)


def test_digest_tells_a_changed_pixel_scalar_or_owner(study):
    read = samples.read_samples(study, SPEC)
    assert read.digest() == samples.read_samples(study, SPEC).digest()
    for part in (lambda s: s.images[0].pixels, lambda s: s.clinical, lambda s: s.images[0].patient_index):
        changed = samples.read_samples(study, SPEC)
        part(changed).reshape(-1)[-1] += 1
        assert changed.digest() != read.digest()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"sequence": "CET1WI", "region": "tumour"}, "no patient has CET1WI_tumour"),
        ({"clinical": ["scc"]}, "'scc' is not a column"),
        ({"clinical": ["figo_stage"]}, "'figo_stage' of patient '000' is 'IB', not a number"),
    ],
)
def test_what_a_model_cannot_have_is_one_sentence(study, spec, message):
    with pytest.raises(UserError, match=message):
        samples.read_samples(study, spec)


def without(study, patient, *keys):
    """Take arrays out of a patient's samples."""
    path = study[0].parent / f"sub-{patient}" / "samples.npz"
    with np.load(path) as arrays:
        left = {key: arrays[key] for key in arrays.files if key not in keys}
    np.savez(path, **left)


def test_patient_without_the_sequence_is_left_out_with_a_word(study, caplog):
    without(study, 1, "ADC_tumour")
    with caplog.at_level(logging.INFO):
        read = samples.read_samples(study, SPEC)
    assert "1 of 4 patients have no ADC_tumour and are left out" in caplog.text
    assert read.patients["patient"].tolist() == ["000", "002", "003"] and read.excluded_patients == ("001",)
    assert read.images[0].pixels[:, 0, 0, 0].tolist() == [0, 2, 2, 2, 3, 3, 3, 3]
    assert read.images[0].patient_index.tolist() == [0, 1, 1, 1, 2, 2, 2, 2]
    assert read.clinical[:, 1].tolist() == [40.5, 42.5, 43.5]


def test_several_sequences_of_which_a_patient_may_lack_some(study):
    without(study, 1, "ADC_tumour")
    without(study, 2, "T2WI_tumour")
    without(study, 3, "ADC_tumour", "T2WI_tumour")
    read = samples.read_samples(study, {"sequences": ["T2WI", "ADC"], "region": "tumour"})
    assert [one.array_key for one in read.images] == ["T2WI_tumour", "ADC_tumour"]
    assert read.patients["patient"].tolist() == ["000", "001", "002"] and read.excluded_patients == ("003",)
    t2wi, adc = read.images
    assert t2wi.patient_index.tolist() == [0] * 9 + [1] * 9 and adc.patient_index.tolist() == [0, 2, 2, 2]
    assert adc.indices_of(np.array([1, 2])).tolist() == [1, 2, 3]


def test_scores_of_fused_models_in_order_and_with_gaps(study, tmp_path):
    for name, scores in {"a": [0.3, 0.1, None, None], "b": [0.4, None, 0.2, None]}.items():
        table = pd.DataFrame({"patient": ["003", "001", "002", "000"], "fold": 0, "out_of_fold": scores})
        score_tables.write(tmp_path / f"{name}.csv", name, table)
    paths = [tmp_path / f"{name}.csv" for name in "ab"]
    spec = {"fuse": ["b", "a"], "clinical": ["age"]}
    read = samples.read_samples(study, spec, ["001", "000", "003", "002"], paths, "out_of_fold")
    assert read.patients["patient"].tolist() == ["001", "003", "002"] and read.excluded_patients == ("000",)
    np.testing.assert_equal(read.fused_scores, [[np.nan, 0.1], [0.4, 0.3], [0.2, np.nan]])
    with pytest.raises(UserError, match="the scores of 'a' are fused but not given"):
        samples.read_samples(study, spec, scores=paths[1:], evaluation="out_of_fold")
    score_tables.write(paths[0], "a", pd.DataFrame({"patient": ["000"], "score": [0.5]}))
    with pytest.raises(UserError, match="a.csv has no row for patient '001'"):
        samples.read_samples(study, {"fuse": ["a"]}, scores=paths)


def test_missing_clinical_value_names_the_patient(study):
    table = pd.read_csv(study[1], dtype={"patient": str})
    table.loc[1, "age"] = None
    table.to_csv(study[1], index=False)
    with pytest.raises(UserError, match="'age' of patient '003' is missing"):
        samples.read_samples(study, SPEC)


def test_patient_of_the_folds_without_manifest(study):
    with pytest.raises(UserError, match="patient '009' has a fold but is in none"):
        samples.read_samples(study, SPEC, ["000", "009"])


def test_patient_in_two_manifests(study):
    with pytest.raises(UserError, match="patient '000' is in .*AA.csv and in .*AA.csv"):
        samples.read_samples([study[0], study[0]], SPEC)


def test_samples_of_different_shapes(study, tmp_path):
    np.savez(tmp_path / "sub-2" / "samples.npz", ADC_tumour=np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(UserError, match="different shapes"):
        samples.read_samples(study, SPEC)


def test_samples_with_nan(study, tmp_path):
    np.savez(tmp_path / "sub-2" / "samples.npz", ADC_tumour=np.full((1, 3, 4, 4), np.nan, np.float32))
    with pytest.raises(UserError, match="patient '002'.*not finite"):
        samples.read_samples(study, SPEC)


@pytest.mark.parametrize("damage", ["a bit", "the end", "all"])
def test_damaged_samples_are_noticed(study, tmp_path, damage):
    path = tmp_path / "sub-2" / "samples.npz"
    np.savez(path, ADC_tumour=np.ones((2, 3, 4, 4), np.float32))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # within the pixels
    path.write_bytes({"a bit": content, "the end": content[:-40], "all": b""}[damage])
    with pytest.raises(UserError, match=r"samples\.npz is damaged .*; make it again: snakemake --force .*sub-2 "):
        samples.read_samples(study, SPEC)


def write_folds(path, lnm, fold):
    names = [f"{k:03d}" for k in range(len(lnm))]
    pd.DataFrame({"patient": names, "center": "AA", "lnm": lnm, "fold": fold}).to_csv(path, index=False)
    return path


def test_folds_keep_leading_zeros_and_digest_ignores_row_order(tmp_path):
    folds = samples.read_folds(write_folds(tmp_path / "folds.csv", [0, 1, 0, 1], [0, 0, 1, 1]))
    assert folds["patient"].tolist() == ["000", "001", "002", "003"]
    assert samples.folds_digest(folds) == samples.folds_digest(folds.iloc[::-1])
    moved = folds.assign(fold=[0, 1, 1, 0])
    assert samples.folds_digest(moved) != samples.folds_digest(folds)


@pytest.mark.parametrize(
    ("lnm", "fold", "message"),
    [
        ([0, 1, None, 1], [0, 0, 1, 1], "patient '002', lnm: the value is missing"),
        ([0, 1, 0, 1], [0, 0, 0, 0], "at least two folds"),
        ([0, 1, 0, 0], [0, 0, 1, 1], "without fold 0 all patients have the same"),
    ],
)
def test_folds_that_cannot_be_trained(tmp_path, lnm, fold, message):
    with pytest.raises(UserError, match=message):
        samples.read_folds(write_folds(tmp_path / "folds.csv", lnm, fold))


def test_standardisation_leaves_binary_columns_alone():
    values = np.array([[0, 40, 7], [1, 50, 7], [1, 60, 7]], np.float32)
    mean, deviation = samples.standardization(values)
    np.testing.assert_allclose(mean, [0, 50, 7])
    np.testing.assert_allclose(deviation, [1, np.sqrt(200 / 3), 1])


def test_a_column_that_is_constant_but_for_rounding_is_not_stretched():
    values = np.column_stack([np.full(30, 0.1), np.arange(30) * 1e-9 + 1e-3])
    assert 0 < values[:, 0].std() < 1e-15
    _, deviation = samples.standardization(values)
    np.testing.assert_allclose(deviation, [1, values[:, 1].std()])

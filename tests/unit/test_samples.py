"""Reading what a model learns from: order, ownership, digests, and refused inputs."""

import numpy as np
import pandas as pd
import pytest

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
    assert read.owner.tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert read.images.shape == (10, 3, 4, 4)
    assert read.images.dtype == np.float32 and read.images.flags.c_contiguous
    assert (read.images == read.owner[:, None, None, None]).all()
    assert read.clinical.tolist() == [[0, 40.5], [1, 41.5], [0, 42.5], [1, 43.5]]


def test_samples_in_order_of_the_folds(study):
    read = samples.read_samples(study, SPEC, ["003", "000"])
    assert read.patients["patient"].tolist() == ["003", "000"]
    assert read.images[:, 0, 0, 0].tolist() == [3, 3, 3, 3, 0]
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
    assert len(read.images) == 0 and read.clinical.shape == (4, 1)


def test_digest_tells_a_changed_pixel_scalar_or_owner(study):
    read = samples.read_samples(study, SPEC)
    assert read.digest() == samples.read_samples(study, SPEC).digest()
    for name in ("images", "clinical", "owner"):
        changed = samples.read_samples(study, SPEC)
        getattr(changed, name).reshape(-1)[-1] += 1
        assert changed.digest() != read.digest()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"sequence": "CET1WI", "region": "tumour"}, "has no samples 'CET1WI_tumour'.*add CET1WI to cohort.required"),
        ({"clinical": ["scc"]}, "'scc' is not a column"),
        ({"clinical": ["figo_stage"]}, "'figo_stage' of patient '000' is 'IB', not a number"),
    ],
)
def test_what_a_model_cannot_have_is_one_sentence(study, spec, message):
    with pytest.raises(UserError, match=message):
        samples.read_samples(study, spec)


def test_missing_clinical_value_names_the_patient(study):
    table = pd.read_csv(study[1], dtype={"patient": str})
    table.loc[1, "age"] = None
    table.to_csv(study[1], index=False)
    with pytest.raises(UserError, match="'age' of patient '003' is missing"):
        samples.read_samples(study, SPEC)


def test_patient_of_the_folds_without_manifest(study):
    with pytest.raises(UserError, match="patient '009' has a fold but stands in none"):
        samples.read_samples(study, SPEC, ["000", "009"])


def test_patient_in_two_manifests(study):
    with pytest.raises(UserError, match="'000' stands in the manifests twice"):
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
        ([0, 1, None, 1], [0, 0, 1, 1], "'002' has no lymph-node status"),
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

"""Merging the stages' files: nothing lost, nothing invented, wrong input refused."""

import json
import subprocess

import pytest

from example_results import example_results
from hscore.errors import UserError
from hscore.report import results as merging


@pytest.fixture
def results():
    return example_results()


def parts(**changes):
    content = {
        "study": "tiny",
        "data": "own",
        "config": {"models": {}, "seed": 3, "centers": [{"center": "b", "name": "Hospital B"}]},
        "flows": [{"center": "b", "role": "external"}, {"center": "a", "role": "development"}],
        "table1": {},
        "thresholds": {},
        "validation": {"performance": [], "comparisons": [], "anything_new": [1]},
        "survival": {"cohorts": {}},
        "trained": [],
        "published": {"items": []},
    }
    return {**content, **changes}


def test_contract_keys_are_all_there(results):
    assert {
        "study", "config", "versions", "code_version", "models", "flow", "table1",
        "thresholds", "performance", "primary", "comparisons", "cut_off_error", "survival", "verdicts",
    } <= set(results)  # fmt: skip
    assert results["study"]["simulated"] is True
    assert [model["model"] for model in results["models"]] == list(results["config"]["models"])
    json.dumps(results, allow_nan=False)


def test_centres_keep_their_order_and_take_their_names_from_the_config():
    content = merging.merge(**parts())
    assert content["study"]["centers"] == [
        {"center": "b", "name": "Hospital B", "role": "external"},
        {"center": "a", "name": "a", "role": "development"},
    ]


def test_own_data_is_not_called_simulated():
    assert merging.merge(**parts())["study"]["simulated"] is False


def test_every_key_of_the_validation_passes_through():
    assert merging.merge(**parts())["anything_new"] == [1]


def test_a_validation_file_must_not_overwrite_another_stage():
    with pytest.raises(ValueError, match="survival"):
        merging.merge(**parts(validation={"performance": [], "survival": {}}))


def test_unknown_kind_of_data_is_refused():
    with pytest.raises(UserError, match="'real'.*must be 'simulated' or 'own'"):
        merging.merge(**parts(data="real"))


def test_long_lists_of_a_model_file_stay_out():
    assert merging.summary_of_model({"seed": 1, "history": list(range(99)), "shape": [3, 64, 64]}) == {
        "seed": 1,
        "shape": [3, 64, 64],
    }


def test_versions_name_what_the_numbers_depend_on():
    versions = merging.versions()
    assert {"hscore", "python", "numpy", "lifelines", "matplotlib"} <= set(versions)
    assert all(isinstance(version, str) and version for version in versions.values())


def test_code_version_is_none_without_git(monkeypatch):
    monkeypatch.setattr(merging.shutil, "which", lambda _: None)
    assert merging.code_version() is None


def test_code_version_is_none_outside_a_checkout(monkeypatch):
    failed = subprocess.CompletedProcess([], 128, stdout="", stderr="fatal: not a git repository")
    monkeypatch.setattr(merging.subprocess, "run", lambda *_, **__: failed)
    assert merging.code_version() is None


def test_patients_who_are_there_twice_are_a_note_of_their_centres():
    pairs = [{"same": ["T2WI"], "patients": [{"center": "a", "patient": "1"}, {"center": "b", "patient": "9"}]}]
    flow = merging.merge(**parts(same_patients=pairs))["flow"]
    label = "same examination or images as another patient"
    assert flow["a"]["notes"] == flow["b"]["notes"] == [{"code": "patient_twice", "label": label, "n": 1}]
    assert "notes" not in merging.merge(**parts())["flow"]["a"]


def test_what_tells_the_label_is_a_note_of_its_centre():
    found = {"b": {"flagged": ["T2WI corner"], "n": 22}, "a": {"flagged": [], "n": 30}}
    flow = merging.merge(**parts(shortcuts=found))["flow"]
    assert [(note["code"], note["n"]) for note in flow["b"]["notes"]] == [("label_shortcut", 22)]
    assert "notes" not in flow["a"] and "notes" not in merging.merge(**parts())["flow"]["b"]

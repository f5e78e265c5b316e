"""`python -m hscore.steps.collect_results`: the stages' files in, results.json out."""

import json
from pathlib import Path

import pandas as pd
import pytest

from example_results import TRUTH, example_results
from hscore.contracts.center_truth import CenterTruth
from hscore.files import read_json, write_json
from hscore.steps import collect_results

ROOT = Path(__file__).parents[2]
FROM_OTHERS = {
    "study",
    "config",
    "versions",
    "code_version",
    "models",
    "trained",
    "flow",
    "table1",
    "thresholds",
    "survival",
    "published",
    "verdicts",
    "learning_curves",
    "explanation",
    "imaging",
    "cases",
    "truth",
}
FILES = ("table1", "thresholds", "validation", "survival", "imaging", "cases", "truth", "hazard-ratios")


def write_history(path, curves):
    """A history of two folds whose learning curves are these: in each epoch a row with the lowest, one the highest."""
    rows = {}
    for name, points in curves.items():
        for point in points:
            for key in ("low", "high"):
                rows.setdefault((point["epoch"], key), {})[name] = point[key]
    table = pd.DataFrame([{"epoch": epoch, **row} for (epoch, _), row in rows.items()])
    table.to_csv(path, index=False)


@pytest.fixture
def stages(tmp_path):
    """The example's parts as the stages' files, and the step's arguments."""
    whole = example_results()
    for center, flow in whole["flow"].items():
        write_json(tmp_path / f"{center}.json", flow)
    write_json(tmp_path / "truth.json", dict.fromkeys(CenterTruth.__required_keys__) | TRUTH)
    write_json(tmp_path / "hazard-ratios.json", whole["truth"]["hazard_ratios"])
    for name in ("table1", "thresholds", "survival", "explanation", "imaging", "cases"):
        write_json(tmp_path / f"{name}.json", whole[name])
    write_json(tmp_path / "validation.json", {key: value for key, value in whole.items() if key not in FROM_OTHERS})
    folders = []
    for model in whole["trained"]:
        folders.append(tmp_path / model["model"] / "seed-1")
        write_json(folders[-1] / "model.json", model)
        if model["kind"] == "network":
            write_history(folders[-1] / "history.csv", whole["learning_curves"][model["model"]])
    arguments = {
        "study": whole["study"]["name"],
        "data": "simulated",
        "config": json.dumps(whole["config"]),
        "flows": [tmp_path / f"{center}.json" for center in whole["flow"]],
        "models": folders,
        "explanation": tmp_path / "explanation.json",
        "published": ROOT / "resources/published.yaml",
        "output": tmp_path / "results.json",
        **{name: tmp_path / f"{name}.json" for name in FILES},
    }
    return whole, arguments


def call(arguments):
    words = []
    for name, value in arguments.items():
        words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    collect_results.main(words)


def test_the_files_of_the_stages_become_the_example(stages):
    whole, arguments = stages
    call(arguments)
    written = read_json(arguments["output"])
    for content in (written, whole):
        content["study"].pop("created")
        content.pop("code_version")
    assert written == json.loads(json.dumps(whole))


def test_a_missing_part_leaves_no_results(stages):
    _, arguments = stages
    arguments["survival"].unlink()
    with pytest.raises(SystemExit, match="survival.json does not exist; make it again"):
        call(arguments)
    assert not arguments["output"].exists()


def test_a_config_that_is_not_json_is_refused_in_words(stages, capsys):
    _, arguments = stages
    with pytest.raises(SystemExit):
        call({**arguments, "config": "{not json"})
    assert "not valid JSON" in capsys.readouterr().err

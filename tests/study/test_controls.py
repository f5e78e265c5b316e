"""The negative controls as studies of their own, with coarse images: `make controls` runs them at full resolution."""

import json

import pytest
import yaml

from coarse_simulation import write_coarse
from workflow_runs import ROOT, snakemake

pytestmark = pytest.mark.controls

HEADER = "center\tname\trole\tscanner\tpatients\tlnm_positive\n"
FAR = ("far", "external", "philips", 22, 9)  # large enough for the guard to be sure of a leak
CENTERS = (("one", "development", "siemens", 12, 4), ("two", "development", "ge", 12, 4), FAR)
UNEQUAL = (("one", "development", "siemens", 12, 9), ("two", "development", "ge", 12, 3), FAR)


def judged(folder, control: str):
    """The verdict on a small study of one control, and its folder of results."""
    rows = UNEQUAL if control == "center_only" else CENTERS
    lines = ["\t".join([center, center, *map(str, rest)]) + "\n" for center, *rest in rows]
    (folder / "centers.tsv").write_text(HEADER + "".join(lines))
    parameters = write_coarse(folder / "simulation.yaml", in_plane=3, through=1, variants=1)
    overrides = {
        "centers": str(folder / "centers.tsv"),
        "simulation": {"parameters": str(parameters)},
        "split": {"folds": 2},
        "train": {"epochs": 2, "network": {"channels": [8, 16], "head": [8]}},
    }
    (folder / "overrides.yaml").write_text(yaml.safe_dump(overrides))
    config = ROOT / f"config/controls/{control}.yaml"
    profile = ["--workflow-profile", str(ROOT / "workflow/profiles/test")]
    snakemake(folder, *profile, "--configfile", str(config), str(folder / "overrides.yaml"), "--", "control")
    results = folder / "results" / yaml.safe_load(config.read_text())["study"]
    assert json.loads((results / "report/results.json").read_text())["study"]["simulated"] is True
    return json.loads((results / "recovery/control.json").read_text()), results


def test_planted_leak_is_caught_where_it_is_and_told_in_the_report(tmp_path):
    verdict, results = judged(tmp_path, "corner_leak")
    assert verdict["holds"], verdict
    found = json.loads((results / "qc/shortcuts.json").read_text())
    assert [center for center, entry in found.items() if entry["flagged"]] == ["far"]
    flow = json.loads((results / "report/results.json").read_text())["flow"]
    assert "label_shortcut" in [note["code"] for note in flow["far"]["notes"]]
    assert "predicts the node status" in (results / "report/report.html").read_text()


@pytest.mark.parametrize("control", ["permuted_labels", "noise_images", "center_only"])
def test_a_control_with_nothing_to_find_finds_nothing(tmp_path, control):
    verdict, _ = judged(tmp_path, control)
    assert verdict["control"] == control and len(verdict["checks"]) > 4
    assert verdict["holds"], verdict

"""The guard against shortcuts on real files: a leak in the corner of simulated images, converted as in a study."""

import json

import pandas as pd
import pytest
from converted import CONFIG

from coarse_simulation import write_coarse
from hscore import batch
from hscore.contracts import batch_record
from hscore.contracts.status import Status
from hscore.files import write_json
from hscore.imaging.quality.check_patient import check_patient
from hscore.simulation import atlas, codes
from hscore.simulation.parameters import load
from hscore.simulation.patient_images import write_patient
from hscore.simulation.patients import simulate_center
from hscore.steps import check_shortcuts, convert_patient
from workflow_runs import ROOT

SEED, PATIENTS, POSITIVE = 3, 22, 9


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The planted parameters, coarse, and an atlas of one variant."""
    folder = tmp_path_factory.mktemp("planted")
    parameters = load(write_coarse(folder / "simulation.yaml", through=1, variants=1))
    (folder / "atlas").mkdir()
    outlines = atlas.load_outlines(ROOT / "resources/pelvis.yaml")
    codes.save(folder / "atlas", 0, atlas.build(outlines, SEED, 0))
    return parameters, folder / "atlas"


def center(folder, planted, control: str) -> list[str]:
    """A simulated centre, converted and looked at; returns the arguments of the step."""
    parameters, where = planted
    rows, truth = simulate_center(parameters, "far", "philips", PATIENTS, POSITIVE, SEED, control=control)
    for row in rows:
        images = folder / "images" / row["patient"]
        images.mkdir(parents=True)
        write_patient(images, parameters, truth, where, row["patient"], "philips", SEED)
    record = str(folder / "nifti/far/batches/1-of-1.json")
    whose = ["--patients", *(row["patient"] for row in rows), "--center", "far", "--images", str(folder / "images")]
    convert_patient.main([*whose, "--settings", json.dumps(CONFIG["convert"]), "--output", record])
    pd.DataFrame(rows)[["patient", "lnm"]].to_csv(folder / "lnm.csv", index=False)
    converted, quality = batch_record.read([record]), folder / "qc/far/batches/1-of-1.json"
    made = batch.folders(quality, converted)
    write_json(folder / "boxes.json", {})
    for patient, source in converted.items():
        made[patient].mkdir(parents=True)
        check_patient(Status.read(source), list(CONFIG["convert"]["sequences"]), source, folder, folder, made[patient])
    batch_record.write(quality, made)
    return ["--quality", str(quality), "--centers", "far", "--lnm", str(folder / "lnm.csv")]


@pytest.mark.parametrize("control", ["corner_leak", "none"])
def test_a_leak_in_the_corner_is_found_and_nothing_is_where_there_is_none(tmp_path, planted, control):
    check_shortcuts.main([*center(tmp_path, planted, control), "--output", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())["far"]
    assert (found["n"], found["positives"]) == (PATIENTS, POSITIVE)
    if control == "none":
        assert found["flagged"] == []
    else:
        # Rows of a converted volume run from back to front. In the ADC the constant corner divides itself away.
        assert {name.split()[0] for name in found["flagged"]} == {"CET1WI", "T2WI"}
        assert all("corner, last rows" in name for name in found["flagged"])

"""Calibration of the simulator: plain features of the rendered boxes come close to the planted ideal observers.

The study's networks see the tumour box, and the box grown by 5 pixels, so the features use nothing else. Run with
`-s` to see the figures.
"""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hscore.metrics.ranking import auc
from hscore.simulation import anatomy, atlas, scanners
from hscore.simulation.parameters import SEQUENCES, load, stream
from hscore.simulation.patients import simulate_center
from hscore.simulation.rendering import render, tumor_mask
from hscore.simulation.signal import add_rician_noise, tissue_signal

ROOT = Path(__file__).parents[2]
PATIENTS, POSITIVES, SEED, GROWN = 140, 45, 5, 5


def features(parameters, scanner, kind, name, record, pelvis, volume):
    """(features of the tumour box, further features of the grown box); signals relative to muscle."""
    protocol, field = (
        scanners.protocol_of(parameters, scanner, kind, {}),
        parameters["scanners"][scanner]["field_tesla"],
    )
    (x0, x1), (y0, y1), (z0, z1) = pelvis.tumor.reach
    margin = (GROWN + 1) * protocol["pixel"]
    where = scanners.stack(parameters, protocol, name, kind, SEED)
    where = where.crop(where.block((z0 + 4, y0 - margin, x0 - margin), (z1 - 4, y1 + margin, x1 + margin)))
    image = render(pelvis, volume, where, kind, protocol, field, parameters, record["levels"])
    reference = parameters["tissues"]["tumour" if kind == "ADC" else "muscle"]
    signal = float(tissue_signal(reference, kind, protocol | {"b_values": [0]}, field, parameters)[0])
    image = add_rician_noise(image, signal / protocol["snr"], stream(SEED, name, kind)) / signal
    if kind == "ADC":
        image = np.log(image[0] / image[-1]) / (protocol["b_values"][-1] - protocol["b_values"][0]) * 1e3
    else:
        image = image[0]
    mask = tumor_mask(pelvis, where)
    rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    box = image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    corners = box[~mask[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]]
    depth = pelvis.tumor.depth(where.z, where.y, where.x)
    core, rim = image[depth > 3.5], image[(depth > 0) & (depth < 2.5)]
    quarter = len(rows) // 4
    beside = image[:, rows[quarter] : rows[-quarter], :]
    lateral = np.concatenate([beside[..., : columns[0]], beside[..., columns[-1] + 1 :]], axis=-1)
    before = np.concatenate([image[:, : rows[0]], image[:, rows[-1] + 1 :]], axis=1)
    inside = [core.mean(), rim.mean() - core.mean(), core.std(), image[mask].mean(), corners.mean()]
    return inside, [lateral.mean(), lateral.std(), before.mean()]


def cross_validated_auc(values, lnm):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
    aucs = []
    for seed in range(4):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        scores = cross_val_predict(model, values, lnm, cv=folds, method="predict_proba")[:, 1]
        aucs.append(auc(lnm, scores))
    return float(np.mean(aucs))


@pytest.fixture(scope="module")
def variants():
    outlines = atlas.load_outlines(ROOT / "resources/pelvis.yaml")
    number = load(ROOT / "resources/simulation.yaml")["atlas"]["variants"]
    return [atlas.build(outlines, SEED, variant) for variant in range(number)]


@pytest.mark.slow
@pytest.mark.parametrize("scanner", ["siemens"])  # the others by hand: they differ in noise and pixel size only
def test_plain_features_come_close_to_the_ideal_observer(scanner, variants):
    parameters = load(ROOT / "resources/simulation.yaml")
    rows, truth = simulate_center(parameters, f"calibration-{scanner}", scanner, PATIENTS, POSITIVES, SEED)
    lnm = np.array([row["lnm"] for row in rows])
    patients = truth["patients"].items()
    pelves = {name: anatomy.build(parameters, name, record, SEED) for name, record in patients}
    for kind in SEQUENCES:
        ideal = truth["ideal_auc_of_these_patients"][kind]
        pairs = [
            features(parameters, scanner, kind, name, record, pelves[name], variants[pelves[name].variant])
            for name, record in patients
        ]
        tumor = cross_validated_auc(np.array([inside for inside, _ in pairs]), lnm)
        peritumoral = cross_validated_auc(np.array([inside + around for inside, around in pairs]), lnm)
        print(
            f"{scanner} {kind}: tumour {tumor:.3f} (ideal {ideal['tumour']:.3f}), "
            f"peritumoral {peritumoral:.3f} (ideal {ideal['peritumoral']:.3f})"
        )
        assert tumor == pytest.approx(ideal["tumour"], abs=0.09)
        assert peritumoral == pytest.approx(ideal["peritumoral"], abs=0.09)
        assert tumor < ideal["tumour"] + 0.05  # the tight box does not hold the peritumoral sign

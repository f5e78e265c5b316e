"""A full results.json made from seeded random patients: test data for the report, never part of the package.

Scores, covariates and survival times are drawn here; the cohort and statistics rooms turn them into the same structures
as in a real study, so that the report is always tested against what those stages really write.
"""

import base64
import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from hscore.cohort import description
from hscore.cohort.flow import SURVIVAL_ONLY
from hscore.imaging.convert.protocol import protocol
from hscore.imaging.quality.indicators import METRICS
from hscore.learning import calibration
from hscore.recovery import hazard_ratios
from hscore.recovery.observers import reported_truth
from hscore.report import results
from hscore.report.page.quality_page import overview
from hscore.simulation import parameters
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import cases, intention_to_diagnose, selection, subgroups, validation
from hscore.statistics.diagnosis.freeze import freeze
from hscore.statistics.survival import survival_by_score

ROOT = Path(__file__).parents[1]
CENTERS = [
    {"center": "sysucc", "name": "Simulated centre A (Guangzhou)", "role": "development", "n": 55, "positives": 12},
    {"center": "henan", "name": "Simulated centre B (Zhengzhou)", "role": "development", "n": 30, "positives": 6},
    {"center": "yunnan", "name": "Simulated centre C (Kunming)", "role": "external", "n": 35, "positives": 8},
]
MORE_CENTERS = [  # for a study of several external centres
    {
        "center": f"more{number}",
        "name": f"Simulated centre {letter}",
        "role": "external",
        "n": n,
        "positives": positives,
    }
    for number, (letter, n, positives) in enumerate([("D", 30, 9), ("E", 40, 8), ("F", 25, 6)])
]
SEPARATION = {  # of the model's scores between LNM-positive and negative patients, in standard deviations
    "cet1wi_tumour": 1.1,
    "cet1wi_peritumoral": 1.45,
    "t2wi_peritumoral": 0.9,
    "adc_peritumoral": 0.8,
    "clinical": None,
    "hybrid": 2.0,
    "late_hybrid": 2.1,
    "fused": 1.6,
    "fused_hybrid": 2.2,
}
FAMILY = {"single": ["cet1wi_tumour", "cet1wi_peritumoral"], "combined": ["fused"]}
EXCLUDED = [
    ("missing_sequence", "sequence missing"),
    ("no_roi", "no region of interest"),
    ("outcomes_unknown", "neither lymph-node status at pathology nor survival known"),
]


ROLES = ("development", "external")
PICTURE = "UklGRhoAAABXRUJQVlA4TA4AAAAvAQAAAAcQEf0PRET/Aw=="  # WebP of two pixels
TRUTH = {
    "ideal_auc": {
        "CET1WI": {"tumour": 0.76, "peritumoral": 0.88},
        "T2WI": {"tumour": 0.70, "peritumoral": 0.77},
        "ADC": {"tumour": 0.73, "peritumoral": 0.76},
        "mri_ln": 0.81,
        "hybrid": 0.93,
        "all_sequences": 0.87,
        "all_sequences_mri_ln": 0.94,
    },
}
MONTHS_TO_EVENT = {1: 45.0, 0: 190.0}  # on average, by node status


def example_results(
    simulated: bool = True,
    scale: int = 1,
    seed: int = 7,
    roles: tuple[str, ...] = ROLES,
    cut_off: bool = True,
    survival_only: int = 0,
    several: bool = False,
) -> dict[str, Any]:
    """Results of a study whose centres have ``scale`` times the default study's patients; a copy of one's own.

    ``roles`` are those its centres have; without development, models and thresholds come from elsewhere. With
    ``cut_off`` False no cut-off of the main model separates, so that none is frozen. Of the included, ``survival_only``
    patients of every centre have no known node status. With ``several`` there are four external centres.
    """
    return copy.deepcopy(_made(simulated, scale, seed, roles, cut_off, survival_only, several))


@cache
def _made(
    simulated: bool,
    scale: int,
    seed: int,
    roles: tuple[str, ...],
    cut_off: bool,
    survival_only: int,
    several: bool,
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    config |= {"data": "simulated" if simulated else "own", "study": "simulated" if simulated else "our-hospital"}
    config["validate"]["bootstrap"]["resamples"] = 50
    config["survive"]["events_per_variable"] = 2
    everywhere = [*CENTERS, *(MORE_CENTERS if several else [])]
    centers = [row for row in everywhere if row["role"] in roles]
    config["centers"] = [
        {key: row[key] for key in ("center", "name", "role")} | {"patients": row["n"] * scale} for row in centers
    ]
    if not simulated:
        del config["simulation"]
        for row in config["centers"]:
            row["name"] = f"Hospital {row['center']}"
    patients = _patients(rng, scale, everywhere)
    scores = {name: _scores(rng, patients, shift) for name, shift in SEPARATION.items()}
    cohorts = {role: (patients["cohort"] == role).to_numpy() for role in ROLES}
    patients.loc[patients.groupby("center").cumcount(ascending=False) < survival_only, "lnm"] = np.nan
    members = {role: own & patients["lnm"].notna().to_numpy() for role, own in cohorts.items()}
    y_true = patients["lnm"].to_numpy() == 1
    frozen = {name: _calibrate(columns, y_true, members, config["validate"]) for name, columns in scores.items()}
    if not cut_off:
        nothing = {"value": None, "sensitivity": None, "specificity": None}
        frozen["hybrid"] |= nothing | {"why": "no threshold was frozen: the best threshold separates nothing"}
    evaluations, characteristics = {}, {}
    for evaluation, role in (("external", "external"), ("out_of_fold", "development"), ("apparent", "development")):
        if role in roles:
            chosen = {name: columns[evaluation][members[role]] for name, columns in scores.items()}
            each = _members(chosen) if role == "external" else {}
            folds = config["split"]["folds"] if evaluation == "out_of_fold" else None
            evaluations[evaluation] = ScoredCohort(y_true[members[role]], chosen, each, folds=folds)
            columns = [*subgroups.COLUMNS, "mri_ln_positive", "scc_ag_ng_ml"]
            characteristics[evaluation] = patients.loc[members[role], columns].astype(object)
    included = patients[patients["cohort"].isin(roles)]
    validated = validation.validate(evaluations, frozen, config["validate"], characteristics)
    survived = _survival(included, scores["hybrid"], frozen["hybrid"], cohorts, config["survive"])
    if "development" in roles:
        chosen = {"images": selection.choose(evaluations["out_of_fold"], FAMILY, 0.95)}
        validated["selection"] = selection.compare_externally(evaluations.get("external"), chosen, 0.95)
    validated["intention_to_diagnose"] = [
        row
        for name, role in (("external", "external"), ("out_of_fold", "development"))
        if role in roles
        for row in intention_to_diagnose.report(
            name,
            evaluations[name],
            characteristics[name],
            _excluded([row for row in centers if row["role"] == role]),
            survival_only * sum(row["role"] == role for row in centers),
            {name: None for name in SEPARATION if name != "clinical"},
            frozen,
            config["validate"],
        )
    ]
    content = results.merge(
        study=config["study"],
        data=config["data"],
        config=config,
        flows=[_flow(row, scale, survival_only) for row in centers],
        table1=description.describe(included),
        thresholds=frozen,
        validation=validated,
        survival=survived,
        trained=[_model(name, spec) for name, spec in config["models"].items()] if "development" in roles else [],
        imaging=_imaging(centers),
        cases=_cases(included, scores, frozen, members, roles),
        truth=reported_truth(TRUTH, config["models"], _hazard_ratios(included, scores["hybrid"], cohorts, survived))
        if simulated
        else None,
        published=yaml.safe_load((ROOT / "resources/published.yaml").read_text(encoding="utf-8")),
        histories={name: _history(rng) for name, spec in config["models"].items() if "region" in spec},
        explanation=_explanation(rng),
    )
    content["study"]["created"] = "2026-01-31T12:00:00+00:00"
    return content


def _members(scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores of five members of every model but the reading, about their mean."""
    noise = np.random.default_rng(0).normal(0, 0.4, (5, next(iter(scores.values())).size))
    found = {}
    for name, score in scores.items():
        if SEPARATION[name] is not None:
            found[name] = 1 / (1 + np.exp(-(np.log(score / (1 - score)) + noise - noise.mean(axis=0))))
    return found


def _patients(rng: np.random.Generator, scale: int, centers: list[dict]) -> pd.DataFrame:
    """Included patients: manifest columns, outcomes and cohort."""
    frames = []
    for row in centers:
        n = row["n"] * scale - len(EXCLUDED)
        lnm = np.repeat([1, 0], [row["positives"] * scale, n - row["positives"] * scale])
        short_axis = rng.normal(6 + 3.5 * lnm, 2.2).clip(2).round(1)
        event_time = rng.exponential(np.where(lnm == 1, MONTHS_TO_EVENT[1], MONTHS_TO_EVENT[0]))
        censoring = rng.uniform(12, 90, n)
        frame = pd.DataFrame(
            {
                "patient": [f"{row['center']}-{number:04d}" for number in range(1, n + 1)],
                "center": row["center"],
                "cohort": row["role"],
                "lnm": lnm,
                "age": rng.normal(49, 10, n).round(),
                "figo_stage": rng.choice(["IB", "IIA", "IIB"], n),
                "histology": rng.choice(["squamous", "adenocarcinoma"], n, p=[0.85, 0.15]),
                "grade": rng.choice(["G1", "G2", "G3", None], n, p=[0.2, 0.4, 0.3, 0.1]),
                "scc_ag_ng_ml": rng.lognormal(0.5 + 0.5 * lnm, 0.8, n).round(1),
                "mri_ln_short_axis_mm": short_axis,
                "mri_ln_positive": (short_axis >= 10).astype(int),
                "tumour_volume_ml": np.linspace(5, 90, n).round(1),
                "scanner": "Philips 3 T",
                "dfs_months": (np.minimum(event_time, censoring) + 0.1).round(1),
                "dfs_event": (event_time <= censoring).astype(int),
                "competing_event": np.nan,
            }
        )
        frame.loc[rng.random(n) < 0.1, "scc_ag_ng_ml"] = np.nan
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _calibrate(columns, y_true, members, settings):
    """Scores become risks, in place; what is frozen of the model."""
    own = columns["out_of_fold"][None, members["development"]]
    outcome = y_true[members["development"]]
    found = calibration.fit(own, np.ones_like(own, bool), outcome, settings["recalibration"])
    for name, values in columns.items():
        columns[name] = calibration.apply(found, values[None])[0]
    return freeze(outcome, columns["out_of_fold"][members["development"]], found["recalibration"], settings)


def _scores(rng: np.random.Generator, patients: pd.DataFrame, shift: float | None) -> dict[str, np.ndarray]:
    """A model's scores of all patients, 0..1, by evaluation; without ``shift`` those of the MRI node reading."""
    if shift is None:
        score = np.where(patients["mri_ln_positive"] == 1, 0.71, 0.14)
        return {"external": score, "out_of_fold": score, "apparent": score}
    lnm = patients["lnm"].to_numpy()
    columns = {}
    for evaluation, extra in (("external", 0.0), ("out_of_fold", -0.1), ("apparent", 0.7)):
        latent = rng.normal(size=lnm.size) + (shift + extra) * (lnm - 0.5)
        columns[evaluation] = 1 / (1 + np.exp(-1.2 * latent))
    return columns


def _survival(included: pd.DataFrame, scores: dict, frozen: dict, members: dict, settings: dict) -> dict:
    cohorts = {}
    for cohort, column, kind in (("external", "score", "external"), ("development", "out_of_fold", "out_of_fold")):
        frame = included[included["cohort"] == cohort].set_index("patient")
        if len(frame):
            cohorts[cohort] = (column, frame.assign(score=scores[kind][members[cohort]]))
    return survival_by_score.analyze(cohorts, settings["model"], frozen, settings)


def _hazard_ratios(included: pd.DataFrame, scores: dict, members: dict, survived: dict) -> dict:
    """What compare_hazard_ratios writes: the truly high are those with metastasis."""
    records = {
        row.patient: {
            "high_risk": row.lnm == 1,
            "monthly_hazard": 1 / MONTHS_TO_EVENT[int(row.lnm == 1)],
            "dfs": {"months": row.dfs_months, "event": row.dfs_event},
        }
        for row in included.itertuples()
    }
    truth = {"patients": records, "parameters": parameters.load(ROOT / "resources/simulation.yaml")}
    of_cohorts = {}
    for cohort, kind in (("external", "external"), ("development", "out_of_fold")):
        patients = included.loc[included["cohort"] == cohort, "patient"]
        if len(patients):
            of_cohorts[cohort] = pd.Series(scores[kind][members[cohort]], patients)
    return hazard_ratios.compare(survived, of_cohorts, [truth], 0.95)


def _imaging(centers: list[dict]) -> dict:
    """What describe_images writes, of one sequence; the second centre's sections differ."""
    header = {"chosen_as": "CET1WI", "vendor": "Maker", "model": "One", "field_strength_t": "3", "b_values": ""}
    header |= {"orientation": "transverse", "matrix": "288 x 288", "spacing_mm": "0.9 x 0.9", "contrast_agent": "yes"}
    header |= {"repetition_time_ms": "4.5", "echo_time_ms": "", "slices": "24"}
    inventories = {
        row["center"]: [
            {**header, "patient": f"{row['center']}-{number}", "slice_thickness_mm": "5" if number % 2 else thickness}
            for number in range(4)
        ]
        for row, thickness in zip(centers, ("5", "6", *("5",) * len(centers)), strict=False)
    }
    patients = [
        {"patient": f"p{number}", "findings": [], "sequences": {"CET1WI": {"snr": 20.0 + number, "adc_median": None}}}
        for number in range(6)
    ]
    return {
        "protocol": protocol(inventories, ["CET1WI", "T2WI"]),
        "quality": {row["center"]: overview(patients) for row in centers},
        "metrics": METRICS,
    }


def _cases(included: pd.DataFrame, scores: dict, frozen: dict, members: dict, roles: tuple[str, ...]) -> dict:
    """What show_cases writes, with one picture for all."""
    patients = included[included["lnm"].notna()].set_index("patient")
    frames = {
        evaluation: pd.DataFrame(
            {name: columns[evaluation][members[role]] for name, columns in scores.items()},
            patients.index[patients["cohort"] == role],
        )
        for evaluation, role in (("external", "external"), ("out_of_fold", "development"))
        if role in roles
    }
    main = next(iter(frames))
    cuts = {name: entry["value"] for name, entry in frozen.items()}
    return {
        "model": "hybrid",
        "threshold": cuts["hybrid"],
        "evaluation": main,
        "waterfall": {name: cases.waterfall(frame["hybrid"], patients) for name, frame in frames.items()},
        "shown": [
            {**one, "montage": PICTURE} for one in cases.shown_patients(frames[main], patients, cuts, "hybrid", 4)
        ],
    }


def _excluded(centers: list[dict]) -> pd.DataFrame:
    """The excluded patients of these centres: two of each with known node status, one of them with a reading too."""
    patients = [f"{row['center']}-out-{number}" for row in centers for number in range(len(EXCLUDED))]
    columns = {"lnm": [1.0, 0.0, np.nan], "mri_ln_positive": ["1", np.nan, "0"]}
    return pd.DataFrame({name: values * len(centers) for name, values in columns.items()}, patients)


def _flow(row: dict, scale: int, survival_only: int) -> dict:
    excluded = [
        {"code": code, "label": label, "n": 1, "patients": [f"{row['center']}-{row['n'] * scale - number:04d}"]}
        for number, (code, label) in enumerate(EXCLUDED)
    ]
    return {
        "center": row["center"],
        "role": row["role"],
        "in_table": row["n"] * scale,
        "included": row["n"] * scale - len(excluded),
        "survival_only": {"label": SURVIVAL_ONLY, "n": survival_only, "patients": ["p"] * survival_only},
        "excluded": excluded,
        "notes": [{"code": "several_series", "label": "several series matched; one was chosen", "n": 4}],
        "not_in_table": ["henan-9999"] if row["center"] == "henan" else [],
    }


def _model(name: str, spec: dict) -> dict:
    """The part of a model.json that the report shows."""
    kind = "network" if "region" in spec else "fusion" if "fuse" in spec else "logistic"
    seeds = {"seeds": [1], "parameters": 25_000 + 32 * len(spec.get("clinical", []))} if kind == "network" else {}
    return {
        "model": name,
        "kind": kind,
        "spec": spec,
        **seeds,
        "learned": True,
        "folds": 5,
        "patients": 79,
        "positives": 18,
    }


def _history(rng: np.random.Generator) -> list[dict]:
    """Rows of history.csv: 2 folds of 20 epochs."""
    rows = []
    for fold in range(2):
        for epoch in range(1, 21):
            loss = round(0.7 * 0.97**epoch + rng.normal(0, 0.02), 4)
            row = {"seed": 1, "fold": fold, "epoch": epoch, "loss": loss, "auc": round(0.95 - 0.4 * loss, 4)}
            scored = {"held_out_loss": round(loss + 0.1, 4), "held_out_auc": 0.75} if epoch % 5 == 0 else {}
            rows.append({**dict.fromkeys(("held_out_loss", "held_out_auc")), **row, **scored})
    return rows


def _explanation(rng: np.random.Generator) -> dict:
    """Four patients with pictures of noise."""

    def picture() -> dict:
        levels = rng.integers(0, 256, 64 * 64, dtype=np.uint8).tobytes()
        return {"rows": 64, "columns": 64, "levels": base64.b64encode(levels).decode()}

    kinds = ("true positive", "false positive", "true negative", "false negative")
    shown = [
        {"kind": kind, "patient": f"yunnan-000{number}", "lnm": kind in ("true positive", "false negative"),
         "score": 0.9 - 0.2 * number, "array": "CET1WI_peritumoral",
         "sample": picture(), "map": picture(), "random_map": picture()}
        for number, kind in enumerate(kinds)
    ]  # fmt: skip
    check = {"members": 0.58, "random_weights": 0.01, "member_and_random_weights": 0.03, "measure": "Spearman"}
    return {"model": "hybrid", "threshold": 0.4, "checks": {"CET1WI_peritumoral": check}, "shown": shown}

"""Who the simulated patients are: nodal disease, signs, clinical variables, survival, and what is missing.

Everything is drawn from the planted parameters (resources/simulation.yaml). Given LNM, the image signs, the node's
short axis and the clinical variables are independent of each other but for what the parameters say, so the ideal
observer of every sequence and region has a closed form.
"""

from math import erf, exp, log, sqrt
from statistics import NormalDist

import numpy as np

from hscore.errors import UserError
from hscore.simulation.parameters import SEQUENCES, scanner, stream

REGIONS = ("tumour", "peritumoral")
TABLE_COLUMNS = (
    "patient",
    "center",
    "age",
    "figo_stage",
    "histology",
    "grade",
    "scc_ag_ng_ml",
    "mri_ln_short_axis_mm",
    "lnm",
    "dfs_months",
    "dfs_event",
)
MRI_LN_POSITIVE_MM = 10.0  # published


def patient_name(center: str, number: int) -> str:
    """The id of a simulated patient, numbered from 1."""
    return f"{center}-{number:04d}"


def simulate_center(parameters: dict, center: str, scanner_name: str, patients: int, positives: int, seed: int):
    """Draw one centre.

    Returns (rows, truth): `rows` are the clinical table's (dicts by TABLE_COLUMNS, missing is None), `truth` is
    everything that was planted. Exactly `positives` of the `patients` have LNM; impossible counts are a UserError.
    """
    if patients < 1 or not 0 <= positives <= patients:
        raise UserError(
            f"centre '{center}': {positives} patients with LNM of {patients} cannot be simulated; "
            "give at least one patient and no more with LNM than there are"
        )
    scanner(parameters, scanner_name)
    random = stream(seed, center, "patients")
    lnm = np.zeros(patients, int)
    lnm[random.permutation(patients)[:positives]] = 1
    signs = _draw_signs(parameters["signs"], lnm, stream(seed, center, "signs"))

    records = {}
    for index in range(patients):
        name = patient_name(center, index + 1)
        own = {sequence: {place: float(v[index]) for place, v in s.items()} for sequence, s in signs.items()}
        records[name] = _patient(parameters, int(lnm[index]), own, positives / patients, stream(seed, center, name))
    missing = _draw_missing(parameters["missing"], list(records), stream(seed, center, "missing"))
    for name, record in records.items():
        record["missing"] = missing[name]

    rows = [_table_row(name, center, record) for name, record in records.items()]
    truth = {
        "simulated": True,
        "center": center,
        "scanner": scanner_name,
        "seed": seed,
        "parameters": {
            key: parameters[key] for key in ("signs", "tumour", "node_short_axis_mm", "survival", "missing")
        },
        "ideal_auc": ideal_auc(parameters["signs"]["separation"]),
        "ideal_auc_of_these_patients": _ideal_auc_observed(parameters["signs"]["separation"], signs, lnm),
        "patients": records,
    }
    return rows, truth


def ideal_auc(separation: dict) -> dict:
    """AUC of the ideal observer by sequence and region: Phi(d' / sqrt 2), d' the Euclidean sum of the signs seen."""

    def auc(*distances: float) -> float:
        return NormalDist().cdf(sqrt(sum(d * d for d in distances)) / sqrt(2))

    return {
        sequence: {"tumour": auc(d["inside"]), "peritumoral": auc(d["inside"], d["around"])}
        for sequence, d in separation.items()
    }


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Mann-Whitney AUC by pairs; None without both classes."""
    high, low = scores[positive == 1], scores[positive == 0]
    if not len(high) or not len(low):
        return None
    difference = high[:, None] - low[None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def level(sign: float, separation: float, width: float) -> float:
    """How strongly a sign shows, 0..1 (see `signs.width` in the parameters)."""
    return 1.0 / (1.0 + exp(-(sign - separation / 2) / width))


def _draw_signs(parameters: dict, lnm: np.ndarray, random: np.random.Generator) -> dict:
    """Signs by sequence and place (inside, around), each an array over patients."""
    shared_part = sqrt(parameters["correlation_between_sequences"])
    own_part = sqrt(1 - parameters["correlation_between_sequences"])
    signs = {sequence: {} for sequence in SEQUENCES}
    for place in ("inside", "around"):
        shared = random.standard_normal(len(lnm))
        for sequence in SEQUENCES:
            noise = shared_part * shared + own_part * random.standard_normal(len(lnm))
            signs[sequence][place] = parameters["separation"][sequence][place] * lnm + noise
    return signs


def _ideal_auc_observed(separation: dict, signs: dict, lnm: np.ndarray) -> dict:
    """What the ideal observer reaches on the patients drawn: the likelihood ratio is linear in the signs."""
    observed = {}
    for sequence, d in separation.items():
        inside = d["inside"] * signs[sequence]["inside"]
        both = inside + d["around"] * signs[sequence]["around"]
        observed[sequence] = {"tumour": area_under_curve(inside, lnm), "peritumoral": area_under_curve(both, lnm)}
    return observed


def _patient(parameters: dict, lnm: int, signs: dict, prevalence: float, random: np.random.Generator) -> dict:
    """One patient's planted values; lengths in mm, diffusion coefficients in 1e-6 mm2/s, times in months."""
    tumour = _draw_tumour(parameters["tumour"], lnm, random)
    log_radius = log(tumour["radius_mm"][0] / parameters["tumour"]["radius_mm"]["median"])
    short_axis = _draw_short_axis(parameters["node_short_axis_mm"], lnm, random)
    clinical = _draw_clinical(parameters["clinical"], lnm, log_radius, random)
    probability = _ideal_h_score(parameters, signs["CET1WI"], short_axis, prevalence)
    high = probability > parameters["survival"]["high_above_probability"]
    separation, width = parameters["signs"]["separation"], parameters["signs"]["width"]
    levels = {
        sequence: {place: level(value, separation[sequence][place], width) for place, value in places.items()}
        for sequence, places in signs.items()
    }
    low, top = parameters["signs"]["ADC"]["inside"]["mean"]
    adc = parameters["tissues"]["tumour"]["adc"] * (low + levels["ADC"]["inside"] * (top - low))
    return {
        "lnm": lnm,
        "signs": signs,
        "levels": levels,
        "tumour": tumour,
        "tumour_adc": adc,
        "mri_ln_short_axis_mm": short_axis,
        "node_side": "left" if random.random() < 0.5 else "right",
        "clinical": clinical,
        "ideal_h_score": probability,
        "high_risk": bool(high),
        "dfs": _draw_survival(parameters["survival"], bool(high), random),
    }


def _draw_tumour(parameters: dict, lnm: int, random: np.random.Generator) -> dict:
    radius = parameters["radius_mm"]
    lateral = radius["median"] * exp(radius["log_shift_lnm"] * lnm + radius["log_sd"] * random.standard_normal())
    lateral = float(np.clip(lateral, *radius["range"]))
    anteroposterior = lateral * random.uniform(*parameters["anteroposterior_ratio"])
    craniocaudal = lateral * random.uniform(*parameters["craniocaudal_ratio"])
    return {
        "center_mm": [float(random.normal(0, 4)), float(random.normal(0, 3)), float(random.normal(0, 4))],
        "radius_mm": [lateral, float(anteroposterior), float(craniocaudal)],
    }


def _draw_short_axis(parameters: dict, lnm: int, random: np.random.Generator) -> float:
    node = parameters["positive" if lnm else "negative"]
    value = node["median"] * exp(node["log_sd"] * random.standard_normal())
    return round(float(np.clip(value, *node["range"])), 1)


def _draw_clinical(parameters: dict, lnm: int, log_radius: float, random: np.random.Generator) -> dict:
    age = parameters["age_years"]
    years = age["mean"] + age["sd"] * (random.standard_normal() + age["shift_lnm"] * lnm)
    histology = _ordered_choice(parameters["histology"], random.standard_normal())
    figo, grade, scc = parameters["figo_stage"], parameters["grade"], parameters["scc_ag_ng_ml"]
    shift = figo["shift_lnm"] * lnm + figo["shift_per_log_radius"] * log_radius
    antigen = log(scc["median"]) + scc["log_shift_lnm"] * lnm + scc["log_shift_per_log_radius"] * log_radius
    antigen += scc["log_sd"] * random.standard_normal()
    antigen += 0.0 if histology == "squamous" else scc["log_shift_not_squamous"]
    return {
        "age": int(np.clip(round(years), *age["range"])),
        "figo_stage": _ordered_choice(figo["frequency"], shift + random.standard_normal()),
        "histology": histology,
        "grade": _ordered_choice(grade["frequency"], grade["shift_lnm"] * lnm + random.standard_normal()),
        "scc_ag_ng_ml": round(float(np.clip(exp(antigen), *scc["range"])), 1),
    }


def _ordered_choice(frequency: dict, value: float) -> str:
    """The category whose share of the standard normal distribution holds `value` (ordered probit)."""
    rank = 0.5 * (1 + erf(value / sqrt(2))) * sum(frequency.values())
    for category, share in frequency.items():
        if rank <= share:
            return category
        rank -= share
    return category


def _ideal_h_score(parameters: dict, signs: dict, short_axis: float, prevalence: float) -> float:
    """P(LNM | CET1WI signs, MRI-LN status) by Bayes' rule; what a perfect hybrid model would say, 0..1."""
    if prevalence in (0, 1):
        return float(prevalence)
    d = parameters["signs"]["separation"]["CET1WI"]
    logit = log(prevalence / (1 - prevalence))
    logit += sum(d[place] * (signs[place] - d[place] / 2) for place in ("inside", "around"))
    above = {}
    for status, node in parameters["node_short_axis_mm"].items():
        if status in ("negative", "positive"):
            above[status] = 1 - NormalDist(log(node["median"]), node["log_sd"]).cdf(log(MRI_LN_POSITIVE_MM))
    if short_axis >= MRI_LN_POSITIVE_MM:
        logit += log(above["positive"] / above["negative"])
    else:
        logit += log((1 - above["positive"]) / (1 - above["negative"]))
    return 1 / (1 + exp(-logit))


def _draw_survival(parameters: dict, high: bool, random: np.random.Generator) -> dict:
    """Exponential event time with proportional hazards, cut by follow-up and random loss; months, one decimal."""
    hazard = parameters["monthly_hazard_low"] * (parameters["hazard_ratio"] if high else 1.0)
    event = random.exponential(1 / hazard)
    censored = min(random.uniform(*parameters["follow_up_months"]), random.exponential(1 / parameters["monthly_loss"]))
    months = max(0.1, round(float(min(event, censored)), 1))
    return {"months": months, "event": int(event <= censored)}


def _draw_missing(parameters: dict, names: list[str], random: np.random.Generator) -> dict:
    """What each patient lacks: {"sequence": name or None, "roi": bool, "clinical": [columns]}."""
    lacking = {name: {"sequence": None, "roi": False, "clinical": []} for name in names}

    def some(share: float) -> list[str]:
        return [names[i] for i in random.permutation(len(names))[: round(share * len(names))]]

    for name in some(parameters["sequence"]):
        lacking[name]["sequence"] = SEQUENCES[int(random.integers(len(SEQUENCES)))]
    for name in some(parameters["roi"]):
        lacking[name]["roi"] = True
    for column in ("grade", "scc_ag_ng_ml"):
        for name in some(parameters[column]):
            lacking[name]["clinical"].append(column)
    return lacking


def _table_row(name: str, center: str, record: dict) -> dict:
    clinical = {key: None if key in record["missing"]["clinical"] else v for key, v in record["clinical"].items()}
    return {
        "patient": name,
        "center": center,
        **clinical,
        "mri_ln_short_axis_mm": record["mri_ln_short_axis_mm"],
        "lnm": record["lnm"],
        "dfs_months": record["dfs"]["months"],
        "dfs_event": record["dfs"]["event"],
    }

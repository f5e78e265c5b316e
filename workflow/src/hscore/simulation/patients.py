"""Draw the simulated patients: nodal disease, signs, clinical variables, survival, and missing data.

Everything is drawn from the planted parameters (resources/simulation.yaml). A latent nodal risk drives lymph-node
metastasis, the signs on the images and the clinical variables. Metastasis drives the largest node's size, and the ideal
observer's H score drives survival (`survival.py`). `ideal.py` has the closed forms.

Each patient has her own random numbers, so the other simulated patients do not matter, with one exception: which
patients have LNM depends on their number, which is given for the centre.
"""

from math import erf, exp, log, sqrt

import numpy as np

from hscore.errors import UserError
from hscore.metrics.ranking import auc
from hscore.simulation import ideal, planted_faults, survival
from hscore.simulation.parameters import SEQUENCES, scanner, stream

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


def patient_name(center: str, number: int) -> str:
    """Return the id of a simulated patient, numbered from 1."""
    return f"{center}-{number:04d}"


def simulate_center(
    parameters: dict,
    center: str,
    scanner_name: str,
    patients: int,
    positives: int,
    seed: int,
    shift: str = "mild",
    control: str = "none",
) -> tuple[list[dict], dict]:
    """Draw one centre.

    Args:
        parameters: the planted parameters.
        center: name of the centre.
        scanner_name: name of its scanner.
        patients: number of patients.
        positives: number of patients with LNM; at the shift "strong" the prevalence is shifted, too.
        seed: seed of the simulation.
        shift: level of the differences between centres (`center_shift` of the parameters).
        control: negative control (see `planted_faults`).

    Returns:
        The rows of the clinical table (dictionaries by TABLE_COLUMNS, missing is None), and all planted values.

    Raises:
        UserError: impossible counts, or an unknown control, scanner or shift.
    """
    if patients < 1 or not 0 <= positives <= patients:
        raise UserError(
            f"centre '{center}': {positives} patients with LNM of {patients} cannot be simulated; "
            "give at least one patient and no more with LNM than there are"
        )
    if control not in planted_faults.CONTROLS:
        raise UserError(
            f"control '{control}' is unknown to the simulation; known are {', '.join(planted_faults.CONTROLS)}"
        )
    scanner(parameters, scanner_name)
    parameters = planted_faults.planted(parameters, control)
    effects = center_effects(parameters, center, shift, seed)
    if 0 < positives < patients:
        odds = positives / (patients - positives) * exp(effects["prevalence_logit"])
        positives = min(max(round(patients * odds / (1 + odds)), 1), patients - 1)
    prevalence = positives / patients
    prior = min(max(positives, 0.5), patients - 0.5) / patients  # the H score needs finite odds, also if all have LNM
    names = [patient_name(center, number) for number in range(1, patients + 1)]
    lnm = _lowest(names, "lnm", positives, center, seed)
    records = {
        name: _patient(parameters, int(name in lnm), prior, effects, stream(seed, center, name)) for name in names
    }
    missing = _missing(parameters["missing"], names, effects["missing"], center, seed)
    for name, record in records.items():
        record["missing"] = missing[name]

    lnm = planted_faults.labels(records, control, center, seed)
    rows = [_table_row(name, center, record, lnm[name]) for name, record in records.items()]
    truth = {
        "simulated": True,
        "center": center,
        "scanner": scanner_name,
        "seed": seed,
        "control": control,
        "center_shift": {"level": shift, **effects},
        "prevalence": prevalence,
        "lnm": lnm,
        "ideal_auc": planted_faults.expected_auc(ideal.observers(parameters), control),
        "ideal_auc_of_these_patients": observed_auc(parameters, records, lnm),
        "parameters": {
            key: parameters[key] for key in ("signs", "tumour", "node_short_axis_mm", "survival", "missing")
        },
        "patients": records,
    }
    return rows, truth


def center_effects(parameters: dict, center: str, shift: str, seed: int) -> dict:
    """Return the random effects by which a centre differs from the others, with the spread of a `center_shift` level.

    size, age, stage: case mix, in standard deviations between patients; prevalence_logit; missing: a factor; protocol:
    factors of signal-to-noise ratio, bias field, echo time and flip angle.
    """
    levels = parameters["center_shift"]
    if shift not in levels:
        raise UserError(f"center_shift '{shift}' is unknown to the simulation; known are {', '.join(levels)}")
    spread, random = levels[shift], stream(seed, center, "center")
    size, age, stage, prevalence, missing, *scan = random.standard_normal(9)
    case_mix = spread["case_mix_sd"]
    return {
        "size": float(case_mix * size),
        "age": float(case_mix * age),
        "stage": float(case_mix * stage),
        "prevalence_logit": float(spread["prevalence_logit_sd"] * prevalence),
        "missing": exp(spread["missing_log_sd"] * missing),
        "protocol": {
            name: exp(spread["protocol_log_sd"] * value)
            for name, value in zip(("snr", "bias", "te", "flip"), scan, strict=True)
        },
    }


def observed_auc(parameters: dict, records: dict, labels: dict) -> dict:
    """Return the AUC of the ideal observers on the patients drawn (records and LNM by name)."""
    planted, lnm, records = parameters["signs"], np.array([labels[name] for name in records]), list(records.values())

    def best(sequences, places) -> np.ndarray:
        """Return each patient's log likelihood ratio given the signs at these places and the tumour's size."""
        return np.array(
            [
                ideal.log_likelihood_ratio(
                    planted["latent"],
                    [
                        (record["signs"][sequence][place], planted["separation"][sequence][place])
                        for sequence in sequences
                        for place in places
                    ]
                    + [(record["size"], planted["size"])],
                )
                for record in records
            ]
        )

    everything = best(SEQUENCES, ideal.PLACES["peritumoral"])
    readings = np.array([ideal.reading_ratio(parameters, record["mri_ln_short_axis_mm"]) for record in records])
    return {
        **{
            sequence: {region: auc(lnm, best((sequence,), places)) for region, places in ideal.PLACES.items()}
            for sequence in planted["separation"]
        },
        "all_sequences": auc(lnm, everything),
        "all_sequences_mri_ln": auc(lnm, everything + readings),
        "mri_ln": auc(
            lnm, np.array([r["mri_ln_short_axis_mm"] >= ideal.MRI_LN_POSITIVE_MM for r in records]).astype(float)
        ),
        "hybrid": auc(lnm, np.array([record["ideal_h_score"] for record in records])),
    }


def level(sign: float, width: float) -> float:
    """Return how clearly a sign shows, 0..1 (see `signs.width` in the parameters)."""
    return 1.0 / (1.0 + exp(-sign / width))


def _lowest(names: list[str], purpose: str, count: int, center: str, seed: int) -> set[str]:
    """Return the `count` patients with the lowest random numbers for this purpose."""
    numbers = {name: stream(seed, center, name, purpose).random() for name in names}
    return set(sorted(names, key=numbers.get)[:count])


def _patient(parameters: dict, lnm: int, prevalence: float, center: dict, random: np.random.Generator) -> dict:
    """Return one patient's planted values: lengths in mm, diffusion in 1e-6 mm2/s, times in months."""
    planted = parameters["signs"]
    risk = planted["latent"] * (lnm - 0.5) + random.standard_normal()

    def marker(separation: float) -> float:
        """Return a variable driven by the latent risk: standard normal in each class, means `separation` apart."""
        share = separation / planted["latent"]
        return float(share * risk + sqrt(1 - share**2) * random.standard_normal())

    signs = {
        sequence: {place: marker(d) for place, d in places.items()}
        for sequence, places in planted["separation"].items()
    }
    size = marker(planted["size"])
    tumor = _draw_tumor(parameters["tumour"], size + center["size"], random)
    short_axis = _draw_short_axis(parameters["node_short_axis_mm"], lnm, random)
    clinical = _draw_clinical(parameters["clinical"], marker, size + center["size"], center)
    log_odds = ideal.h_score_logit(parameters, signs["CET1WI"], size, short_axis, prevalence)
    h_score = 1 / (1 + exp(-log_odds))
    hazard = float(survival.hazard(parameters["survival"], log_odds))
    levels = {
        sequence: {place: level(value, planted["width"]) for place, value in places.items()}
        for sequence, places in signs.items()
    }
    return {
        "lnm": lnm,
        "latent_risk": float(risk),
        "signs": signs,
        "size": size,
        "levels": levels,
        "tumour": tumor,
        "tissue": _key_values(parameters, levels),
        "mri_ln_short_axis_mm": short_axis,
        "node_side": "left" if random.random() < 0.5 else "right",
        "clinical": clinical,
        "ideal_h_score": h_score,
        "high_risk": h_score >= parameters["survival"]["cut_off"],
        "monthly_hazard": hazard,
        "dfs": _draw_survival(parameters["survival"], hazard, random),
        "artefacts": _draw_artifacts(parameters["artefacts"], random),
    }


def _key_values(parameters: dict, levels: dict) -> dict:
    """Return the mean tissue values at these sign levels: contrast (mmol/l), T2 (ratio to plain), ADC (1e-6 mm2/s)."""

    def mean(sequence: str, place: str) -> float:
        """Return the mean factor of a sign at its level."""
        low, high = parameters["signs"][sequence][place]["mean"]
        return low + levels[sequence][place] * (high - low)

    return {
        tissue: {
            "gd_mmol_l": parameters["tissues"][tissue]["gd"] * mean("CET1WI", place),
            "t2_ratio": mean("T2WI", place),
            "adc": parameters["tissues"][tissue]["adc"] * mean("ADC", place),
        }
        for tissue, place in (("tumour", "inside"), ("peritumoral", "around"))
    }


def _draw_tumor(parameters: dict, size: float, random: np.random.Generator) -> dict:
    """Draw centre and radii [mm] of the tumour."""
    radius = parameters["radius_mm"]
    lateral = float(np.clip(radius["median"] * exp(radius["log_sd"] * size), *radius["range"]))
    anteroposterior = lateral * random.uniform(*parameters["anteroposterior_ratio"])
    craniocaudal = lateral * random.uniform(*parameters["craniocaudal_ratio"])
    return {
        "center_mm": [float(random.normal(0, 4)), float(random.normal(0, 3)), float(random.normal(0, 4))],
        "radius_mm": [lateral, float(anteroposterior), float(craniocaudal)],
    }


def _draw_short_axis(parameters: dict, lnm: int, random: np.random.Generator) -> float:
    """Draw the short axis of the largest node [mm]."""
    node = parameters["positive" if lnm else "negative"]
    value = node["median"] * exp(node["log_sd"] * random.standard_normal())
    return round(float(np.clip(value, *node["range"])), 1)


def _draw_clinical(parameters: dict, marker, size: float, center: dict) -> dict:
    """Draw the clinical variables; `marker(separation)` is a normal variable driven by the latent risk."""
    age, figo, scc = parameters["age_years"], parameters["figo_stage"], parameters["scc_ag_ng_ml"]
    years = age["mean"] + age["sd"] * (marker(age["separation"]) + center["age"])
    stage = marker(figo["separation"]) + figo["shift_per_size"] * size + center["stage"]
    histology = _ordered_choice(parameters["histology"]["frequency"], marker(parameters["histology"]["separation"]))
    antigen = log(scc["median"]) + scc["log_sd"] * (marker(scc["separation"]) + scc["shift_per_size"] * size)
    antigen += 0.0 if histology == "squamous" else scc["log_shift_not_squamous"]
    return {
        "age": int(np.clip(round(years), *age["range"])),
        "figo_stage": _ordered_choice(figo["frequency"], stage / sqrt(1 + figo["shift_per_size"] ** 2)),
        "histology": histology,
        "grade": _ordered_choice(parameters["grade"]["frequency"], marker(parameters["grade"]["separation"])),
        "scc_ag_ng_ml": round(float(np.clip(exp(antigen), *scc["range"])), 1),
    }


def _ordered_choice(frequency: dict, value: float) -> str:
    """Return the category whose share of the standard normal distribution contains `value` (ordered probit)."""
    rank = 0.5 * (1 + erf(value / sqrt(2))) * sum(frequency.values())
    for category, share in frequency.items():
        if rank <= share:
            return category
        rank -= share
    return category


def _draw_survival(parameters: dict, hazard: float, random: np.random.Generator) -> dict:
    """Draw the months, with one decimal, and whether the event was observed."""
    months, event = survival.draw(parameters, hazard, random)
    return {"months": float(months), "event": int(event)}


def _draw_artifacts(shares: dict, random: np.random.Generator) -> dict:
    """Draw the artefact of each sequence: "ghosting", "motion" or None."""
    artifacts = {}
    for sequence in SEQUENCES:
        place = random.random()
        artifacts[sequence] = None
        for kind, share in shares[sequence].items():
            if 0 <= place < share:
                artifacts[sequence] = kind
            place -= share
    return artifacts


def _missing(shares: dict, names: list[str], factor: float, center: str, seed: int) -> dict:
    """Return what each patient lacks: {"sequence": name or None, "roi": bool, "clinical": [columns]}."""

    def some(item: str) -> set[str]:
        """Return the patients who lack an item."""
        return _lowest(names, f"missing {item}", round(min(1.0, factor * shares[item]) * len(names)), center, seed)

    without = {item: some(item) for item in ("sequence", "roi", "grade", "scc_ag_ng_ml")}
    return {
        name: {
            "sequence": str(stream(seed, center, name, "sequence").choice(SEQUENCES))
            if name in without["sequence"]
            else None,
            "roi": name in without["roi"],
            "clinical": [column for column in ("grade", "scc_ag_ng_ml") if name in without[column]],
        }
        for name in names
    }


def _table_row(name: str, center: str, record: dict, lnm: int) -> dict:
    """Return the row of the clinical table."""
    clinical = {key: None if key in record["missing"]["clinical"] else v for key, v in record["clinical"].items()}
    return {
        "patient": name,
        "center": center,
        **clinical,
        "mri_ln_short_axis_mm": record["mri_ln_short_axis_mm"],
        "lnm": lnm,
        "dfs_months": record["dfs"]["months"],
        "dfs_event": record["dfs"]["event"],
    }

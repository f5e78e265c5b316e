"""Every statistic beside R's value for it: `python tests/agreement.py` prints the table, the tests hold every row.

Needs the R results in ../shared/data/stats and ../shared/data/tcga_cesc; their READMEs name packages and versions. The
aim is a relative difference of at most 1e-6, of 1e-5 where both sides iterate. A row that is allowed more says why.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))

from hscore.statistics import (  # noqa: E402  (the path must be set first when this runs as a program)
    accuracy,
    calibration,
    concordance,
    cox,
    decision,
    discrimination,
    logistic,
    partial_likelihood,
    proportional_hazards,
    proportions,
    reclassification,
    survival,
    thresholds,
)
from hscore.statistics.estimates import two_sided_p  # noqa: E402

EXACT, ITERATIVE = 1e-6, 1e-5
GLM = (
    "R's glm stops at a relative deviance change of 1e-8 and takes the standard error from the step before; ours is at "
    "the maximum. Repeating R's stopping rule gives R's value (next row)."
)
BAND = "A log-log band is undefined while nobody has had the event: R says NA, we start the curve with a band of 1."
COXPH = (
    "R's coxph stops at a relative change of the log likelihood of 1e-9; ours is at the maximum. "
    "Repeating R's stopping rule gives R's value (next rows)."
)


@dataclass(frozen=True)
class Row:
    """One number: R's and ours, the relative difference allowed, and why if it is more than usual."""

    data: str
    statistic: str
    reference: float | None
    ours: float | None
    allowed: float = EXACT
    why: str = ""

    @property
    def difference(self) -> float:
        """Relative to the reference where that is above 1e-3 in size, absolute below; None equals None only."""
        if self.reference is None or self.ours is None:
            return 0.0 if self.reference is self.ours else np.inf
        size = abs(self.reference)
        return abs(self.ours - self.reference) / (size if size > 1e-3 else 1.0)

    @property
    def agrees(self) -> bool:
        """Within what is allowed."""
        return self.difference <= self.allowed


def rows(shared: Path) -> Iterator[Row]:
    """All rows; ``shared`` is the folder that holds ``stats`` and ``tcga_cesc``."""
    stats = shared / "stats"
    yield from of_proportions(read(stats / "expected_proportions.json"))
    yield from of_asah(stats)
    yield from of_decisions(stats)
    yield from of_lung(stats)
    yield from of_tcga(shared / "tcga_cesc")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def of_proportions(expected: dict) -> Iterator[Row]:
    for case in expected["proportions"]:
        for kind, name in (("wilson", "wilson"), ("clopper-pearson", "clopper_pearson")):
            ours = proportions.proportion(case["x"], case["n"], kind, 0.95)
            for bound, reference, value in zip(("low", "high"), case[name], (ours["low"], ours["high"]), strict=True):
                yield Row("proportions", f"{kind} {case['x']}/{case['n']} {bound}", reference, value)


def of_roc(data: str, expected: dict, positive: np.ndarray, table: pd.DataFrame) -> Iterator[Row]:
    for name, marker in expected["markers"].items():
        scores = table[name].to_numpy(float)
        ours = discrimination.auc_interval(positive, scores, 0.95)
        variance = discrimination.delong(positive, scores).covariance[0, 0]
        yield Row(data, f"AUC {name}", marker["auc"], ours["estimate"])
        yield Row(data, f"DeLong variance {name}", marker["delong_var"], variance)
        yield Row(data, f"DeLong low {name}", marker["delong_ci95_pROC_clipped"][0], ours["low"])
        yield Row(data, f"DeLong high {name}", marker["delong_ci95_pROC_clipped"][1], ours["high"])
        error = discrimination.hanley_mcneil_error(ours["estimate"], expected["n_pos"], expected["n_neg"])
        yield Row(data, f"Hanley-McNeil SE {name}", marker["hanley_mcneil_se"], error)
        chosen = thresholds.choose(positive, scores, "youden")
        best = min(marker["youden_best"].values(), key=lambda point: point["threshold_midpoint"])
        yield Row(data, f"Youden threshold {name}", best["threshold_midpoint"], chosen["value"])
        yield Row(data, f"Youden sensitivity {name}", best["sensitivity"], chosen["sensitivity"])
        yield Row(data, f"Youden specificity {name}", best["specificity"], chosen["specificity"])
    for pair, reference in expected["pairs"].items():
        a, b = (table[name].to_numpy(float) for name in pair.split(" vs "))
        ours = discrimination.compare(positive, a, b, 0.95)
        for name, value in {"difference": "diff", "z": "z", "p": "p"}.items():
            yield Row(data, f"paired DeLong {name} {pair}", reference[value], ours[name])
        yield Row(data, f"paired DeLong low {pair}", reference["ci95_diff"][0], ours["low"])
        yield Row(data, f"paired DeLong high {pair}", reference["ci95_diff"][1], ours["high"])
        unpaired = discrimination.compare_unpaired(positive, a, positive, b, 0.95)
        yield Row(data, f"unpaired DeLong D {pair}", reference["unpaired_wrong_for_this_design"]["D"], unpaired["t"])
        yield Row(data, f"unpaired DeLong p {pair}", reference["unpaired_wrong_for_this_design"]["p"], unpaired["p"])


def of_table(data: str, expected: dict, positive: np.ndarray, called: np.ndarray) -> Iterator[Row]:
    counts = accuracy.confusion(positive, called)
    for name in ("tp", "fp", "fn", "tn"):
        yield Row(data, name, expected[name], counts[name])
    for kind, bounds in (("wilson", "wilson"), ("clopper-pearson", "clopper_pearson")):
        for name, ours in accuracy.rates(counts, kind, 0.95).items():
            yield Row(data, name, expected[name]["estimate"], ours["estimate"])
            yield Row(data, f"{name} {kind} low", expected[name][bounds][0], ours["low"])
            yield Row(data, f"{name} {kind} high", expected[name][bounds][1], ours["high"])
    ratios = accuracy.ratios(counts, 0.95)
    short = {
        "positive_likelihood_ratio": "lr_pos",
        "negative_likelihood_ratio": "lr_neg",
        "diagnostic_odds_ratio": "dor",
    }
    for name, ours in ratios.items():
        yield Row(data, name, expected[short[name]]["est"], ours["estimate"])
        yield Row(data, f"{name} low", expected[short[name]]["ci_log"][0], ours["low"])
        yield Row(data, f"{name} high", expected[short[name]]["ci_log"][1], ours["high"])
    for name, value in accuracy.indices(counts).items():
        yield Row(data, name, expected[name], value)


def of_calibration(data: str, expected: dict, positive: np.ndarray, predicted: np.ndarray) -> Iterator[Row]:
    everyone = np.ones((1, positive.size))
    ours = calibration.describe(positive, predicted, 0.95, everyone)
    yield Row(data, "Brier", expected["brier"], ours["brier"]["estimate"])
    yield Row(data, "scaled Brier", expected["scaled_brier"], ours["scaled_brier"]["estimate"])
    yield Row(data, "log loss", expected["log_loss"], calibration.log_loss(positive, predicted))
    yield Row(data, "O/E", expected["OE"], ours["observed_expected"]["estimate"])
    yield Row(data, "O/E low", expected["OE_ci_poisson_log"][0], ours["observed_expected"]["low"])
    yield Row(data, "O/E high", expected["OE_ci_poisson_log"][1], ours["observed_expected"]["high"])
    large = expected["calibration_in_the_large"]
    yield Row(data, "intercept (slope 1)", large["intercept_offset"], ours["intercept"]["estimate"], ITERATIVE)
    line = expected["logistic_recalibration"]
    yield Row(data, "slope", line["slope"], ours["slope"]["estimate"], ITERATIVE)
    predictor = calibration.logit(calibration.cut(predicted))
    for name, columns, offset, reference in (
        ("SE intercept (slope 1)", np.empty((positive.size, 0)), predictor, large["se"]),
        ("SE slope", predictor[:, None], 0.0, line["se_slope"]),
    ):
        ours_error = logistic.fit(columns, positive, offset).errors[-1]
        yield Row(data, name, reference, ours_error, 1e-4, GLM)
        yield Row(data, f"{name}, R's stopping rule", reference, as_glm_stops(columns, positive, offset), EXACT)
    yield Row(data, "Spiegelhalter z", expected["spiegelhalter"]["z"], ours["spiegelhalter"]["z"])
    yield Row(data, "Spiegelhalter p", expected["spiegelhalter"]["p_two_sided"], ours["spiegelhalter"]["p"])
    for name, reference in {"ici": "Eavg", "e90": "E90", "emax": "Emax"}.items():
        yield Row(data, f"{name} (lowess)", expected["val_prob"][reference], ours[name])


def as_glm_stops(x: np.ndarray, positive: np.ndarray, offset: np.ndarray | float) -> float:
    """Standard error of the last coefficient as R's ``glm`` computes it: start, stopping rule and weights as there."""
    design = np.column_stack([np.ones(positive.size), x])
    mu = (positive + 0.5) / 2
    eta, deviance = np.log(mu / (1 - mu)), np.inf
    while True:
        weight = mu * (1 - mu)
        working = eta - offset + (positive - mu) / weight
        information = (design * weight[:, None]).T @ design
        beta = np.linalg.solve(information, design.T @ (weight * working))
        eta = design @ beta + offset
        mu = 1 / (1 + np.exp(-eta))
        before, deviance = deviance, 2 * positive.size * calibration.log_loss(positive, mu)
        if abs(deviance - before) / (abs(deviance) + 0.1) < 1e-8:
            return float(np.sqrt(np.linalg.inv(information)[-1, -1]))


def of_nri(data: str, expected: dict, positive: np.ndarray, old: np.ndarray, new: np.ndarray) -> Iterator[Row]:
    z = 1.959963984540054

    def error(ours: dict) -> float:
        return (ours["high"] - ours["low"]) / (2 * z)

    continuous = reclassification.continuous_nri(positive, old, new, 0.95)
    yield Row(data, "continuous NRI", expected["continuous"]["nri"], continuous["estimate"])
    yield Row(data, "continuous NRI SE", expected["continuous"]["se"], error(continuous))
    yield Row(data, "continuous NRI events", expected["continuous"]["nri_events"], continuous["events"])
    yield Row(data, "continuous NRI non-events", expected["continuous"]["nri_nonevents"], continuous["non_events"])
    ours = reclassification.categorical_nri(positive, old, new, expected["cutpoints"], 0.95)
    yield Row(data, "categorical NRI", expected["categorical"]["nri"], ours["estimate"])
    yield Row(data, "categorical NRI SE", expected["categorical"]["se_multinomial"], error(ours))
    ours = reclassification.idi(positive, old, new, 0.95)
    yield Row(data, "IDI", expected["idi"]["idi"], ours["estimate"])
    yield Row(data, "IDI SE", expected["idi"]["se"], error(ours))
    yield Row(data, "IDI p", expected["idi"]["p"], ours["p"])


def of_net_benefit(data: str, expected: dict, positive: np.ndarray, table: pd.DataFrame) -> Iterator[Row]:
    at = np.array(expected["thresholds"])
    everyone = np.ones((1, positive.size))
    for name, reference in expected["models"].items():
        ours = decision.curve(positive, table[name].to_numpy(float)[:, None] >= at, at, 0.95, everyone)
        for t, r, o in zip(at, reference["net_benefit"], ours["net_benefit"], strict=True):
            yield Row(data, f"net benefit {name} at {t:g}", r, o)
        avoided = ours["interventions_avoided_per_100"]
        for t, r, o in zip(at, reference["net_intervention_avoided_per_100"], avoided, strict=True):
            yield Row(data, f"interventions avoided {name} at {t:g}", r, o)
    ours = decision.curve(positive, np.ones((positive.size, at.size), dtype=bool), at, 0.95, everyone)
    for t, r, o in zip(at, expected["treat_all"], ours["net_benefit"], strict=True):
        yield Row(data, f"net benefit treat all at {t:g}", r, o)


def of_asah(folder: Path) -> Iterator[Row]:
    expected, table = read(folder / "expected_asah.json"), pd.read_csv(folder / "asah.csv")
    positive = table["outcome_poor"].to_numpy() == 1
    yield from of_roc("aSAH", expected["roc"], positive, table)
    right = []
    for rule, reference in expected["at_thresholds"].items():
        name, cut = rule.split(">=")
        called = table[name].to_numpy() >= float(cut)
        right.append(called == positive)
        yield from of_table(f"aSAH {rule}", reference, positive, called)
    groups = {"sensitivity": positive, "specificity": ~positive, "accuracy": np.ones(positive.size, dtype=bool)}
    for name, group in groups.items():
        reference, ours = expected[f"mcnemar_{name}"], accuracy.mcnemar(right[0][group], right[1][group])
        yield Row("aSAH", f"McNemar chi2 {name}", reference["mcnemar_nocc"]["chi2"], ours["chi2"])
        yield Row("aSAH", f"McNemar p {name}", reference["mcnemar_nocc"]["p"], ours["p"])
        yield Row("aSAH", f"McNemar exact p {name}", reference["exact_binomial_p"], ours["p_exact"])
    expected, table = expected["predictions"], pd.read_csv(folder / "asah_predictions.csv")
    yield from of_roc("aSAH models", expected["roc"], positive, table)
    for name, reference in expected["calibration"].items():
        yield from of_calibration(f"aSAH {name}", reference, positive, table[name].to_numpy())
    yield from of_nri("aSAH models", expected["nri"], positive, *table[["p_clinical", "p_hybrid"]].to_numpy().T)
    yield from of_net_benefit("aSAH models", expected["dca"], positive, table)


def of_decisions(folder: Path) -> Iterator[Row]:
    expected, table = read(folder / "expected_dca_binary.json"), pd.read_csv(folder / "dca_binary_predictions.csv")
    positive = table["cancer"].to_numpy(bool)
    yield from of_roc("dcurves", expected["roc"], positive, table)
    yield from of_net_benefit("dcurves", expected["dca"], positive, table)
    yield from of_nri("dcurves", expected["nri"], positive, *table[["p_base", "cancerpredmarker"]].to_numpy().T)
    for name, reference in expected["calibration"].items():
        yield from of_calibration(f"dcurves {name}", reference, positive, table[name].to_numpy())


def of_curves(
    data: str, expected: dict, time: np.ndarray, event: np.ndarray, group: np.ndarray | None
) -> Iterator[Row]:
    yield Row(data, "n", expected["n"], time.size)
    yield Row(data, "events", expected["events"], int(event.sum()))
    follow_up = survival.follow_up(time, event)
    yield Row(data, "median follow-up, reverse KM", expected["reverse_km_median_followup"], follow_up)
    parts = {"all": np.ones(time.size, dtype=bool)}
    blocks = [expected["km_overall"]["log-log"]]
    if group is not None:
        names = [row["stratum"] for row in expected["km_by_group"]["log-log"]["median"]]
        parts |= dict(zip(names, (~group, group), strict=True))
        blocks.append(expected["km_by_group"]["log-log"])
    for block in blocks:
        for reference in block["median"]:
            member = parts[reference["stratum"]]
            curve = survival.kaplan_meier(time[member], event[member], 0.95)
            label = f"KM median {reference['stratum']}"
            yield Row(data, label, reference["median"], survival.median(curve.time, curve.survival))
            low, high = survival.median_interval(curve)
            yield Row(data, f"{label} low", reference["lcl"], low)
            yield Row(data, f"{label} high", reference["ucl"], high)
        for reference in block["at_times"]:
            member = parts[reference["stratum"]]
            curve = survival.kaplan_meier(time[member], event[member], 0.95)
            ours = survival.at_time(curve, reference["time"])
            label = f"KM at {reference['time']:g} {reference['stratum']}"
            yield Row(data, label, reference["surv"], ours[0])
            allowed, why = (np.inf, BAND) if ours[0] == 1 else (EXACT, "")
            yield Row(data, f"{label} low (log-log)", reference["lcl"], ours[1], allowed, why)
            yield Row(data, f"{label} high (log-log)", reference["ucl"], ours[2], allowed, why)
            risk = survival.at_risk(time[member], np.array([reference["time"]]))[0]
            yield Row(data, f"{label} at risk", reference["n_risk"], risk)
    if group is None:
        return
    ours = survival.log_rank(time, event, group)
    yield Row(data, "log-rank chi2", expected["logrank"]["chi2"], ours["chi2"])
    yield Row(data, "log-rank p", expected["logrank"]["p"], ours["p"])
    for place, member in enumerate((~group, group)):
        mean, error = survival.restricted_mean(time[member], event[member], expected["rmst"]["tau"])
        yield Row(data, f"restricted mean, group {place}", expected["rmst"]["rmean"][place], mean)
        yield Row(data, f"restricted mean SE, group {place}", expected["rmst"]["se"][place], error)
    table = pd.DataFrame({"group": group * 1.0})
    yield from of_cox(data, "univariable group", expected["cox_univariable_group"]["efron"], time, event, table)


def of_cox(
    data: str, label: str, expected: dict, time: np.ndarray, event: np.ndarray, table: pd.DataFrame
) -> Iterator[Row]:
    ours = cox.fit(time, event, table, 0.95)
    for reference, row in zip(expected["coef"], ours, strict=True):
        name = f"Cox {label}, {reference['term']}"
        yield Row(data, f"{name} HR", reference["hr"], row["estimate"], ITERATIVE)
        yield Row(data, f"{name} low", reference["hr_lcl"], row["low"], ITERATIVE)
        yield Row(data, f"{name} high", reference["hr_ucl"], row["high"], ITERATIVE)
        yield Row(data, f"{name} p", reference["p"], row["p"], 1e-4, COXPH)
    for reference, p in zip(expected["coef"], as_coxph_stops(time, event, table.to_numpy(float)), strict=True):
        yield Row(data, f"Cox {label}, {reference['term']} p, R's stopping rule", reference["p"], p)
    beta = np.log([row["estimate"] for row in ours])
    x = table.to_numpy(float)
    for place, b in enumerate((np.zeros(beta.size), beta)):
        value = partial_likelihood.log_likelihood(x, time, event, b)
        yield Row(data, f"Cox {label} log likelihood {place}", expected["loglik"][place], value)
    value, error = concordance.concordance(time, event, x @ beta, np.where(event, 1.0, 0.0))
    yield Row(data, f"Harrell's C {label}", expected["concordance"]["harrell"], value)
    yield Row(data, f"Harrell's C SE {label}", expected["concordance"]["se"], error)


def as_coxph_stops(time: np.ndarray, event: np.ndarray, x: np.ndarray) -> list[float]:
    """p-values [p] as R's ``coxph`` computes them: Newton's method from zero until the log likelihood settles."""
    beta, before = np.zeros(x.shape[1]), -np.inf
    while True:
        value = partial_likelihood.log_likelihood(x, time, event, beta)
        score, information = partial_likelihood.score_and_information(x, time, event, beta)
        if abs(1 - before / value) <= 1e-9:
            return [two_sided_p(z) for z in beta / np.sqrt(np.diag(np.linalg.inv(information)))]
        beta, before = beta + np.linalg.solve(information, score), value


def of_models(data: str, expected: dict, time: np.ndarray, event: np.ndarray, table: pd.DataFrame) -> Iterator[Row]:
    yield Row(data, "n", expected["n"], time.size)
    for name, reference in expected["cox_univariable"].items():
        yield from of_cox(data, "univariable", reference, time, event, table[[name]])
    yield from of_cox(data, "multivariable", expected["cox_multivariable"]["efron"], time, event, table)
    x = table.to_numpy(float)
    beta = np.log([row["estimate"] for row in cox.fit(time, event, table, 0.95)])
    for kind, references in expected["cox_zph"].items():
        ours = proportional_hazards.test(time, event, x, beta, list(table), kind)
        for reference, row in zip(references, ours, strict=True):
            label = f"cox.zph {kind} {reference['term']}"
            yield Row(data, f"{label} chi2", reference["chisq"], row["chi2"], ITERATIVE)
            yield Row(data, f"{label} p", reference["p"], row["p"], ITERATIVE)
    weight = np.where(event, concordance.censoring_survival(time, event, time) ** -2.0, 0.0)
    value, error = concordance.concordance(time, event, x @ beta, weight)
    yield Row(data, "Uno's C", expected["uno_concordance"]["est"], value)
    yield Row(data, "Uno's C SE", expected["uno_concordance"]["se"], error)


def of_lung(folder: Path) -> Iterator[Row]:
    expected, table = read(folder / "expected_lung.json"), pd.read_csv(folder / "lung.csv")
    for data, key, part in (
        ("lung", "full", table),
        ("lung, complete", "complete_cases_age_sex_ecog", table.dropna(subset=["ph.ecog"])),
    ):
        time, event = part["time"].to_numpy(float), part["event"].to_numpy() == 1
        yield from of_curves(data, expected[key], time, event, part["sex"].to_numpy() == 2)
        if "cox_zph" in expected[key]:
            yield from of_models(data, expected[key], time, event, part[["age", "sex", "ph.ecog"]])


def of_tcga(folder: Path) -> Iterator[Row]:
    expected, table = read(folder / "expected_tcga_cesc_dev.json"), pd.read_csv(folder / "tcga_cesc_dev.csv")
    stage = table["figo_stage"].str.extract(r"stage (iv|i{1,3})", flags=re.IGNORECASE)[0]
    table["figo_adv"] = (stage.str.lower() != "i").where(stage.notna()).astype(float)
    positive_nodes = table["ln_positive_he"]
    table["lnm"] = (positive_nodes > 0).where(positive_nodes.notna()).astype(float)
    for key, reference in expected.items():
        if (match := re.fullmatch(r"(OS|PFI|DFI)_(all|cox|by_(\w+))", key)) is None:
            continue
        end, kind, by = match.groups()
        needed = {"all": [], "cox": ["lnm", "age", "figo_adv"]}.get(kind, [by])
        part = table.dropna(subset=[end, f"{end}.time", *needed])
        time, event = part[f"{end}.time"].to_numpy(float), part[end].to_numpy() == 1
        data = f"TCGA-CESC {key}"
        yield from of_curves(data, reference, time, event, part[by].to_numpy() == 1 if by else None)
        if kind == "cox":
            yield from of_models(data, reference, time, event, part[needed])
    nodes = table.dropna(subset=["ct_pelvic_nodes", "lnm"])
    called = nodes["ct_pelvic_nodes"].to_numpy() == "present"
    yield from of_table("TCGA-CESC CT nodes", expected["ct_nodes_vs_pathology"]["metrics"], nodes["lnm"] == 1, called)
    part = table.dropna(subset=["lnm", "age", "figo_adv"])
    columns, positive = part[["age", "figo_adv"]].to_numpy(float), part["lnm"].to_numpy() == 1
    model = logistic.fit(columns, positive)
    for place, name in enumerate(("(Intercept)", "age", "figo_adv")):
        data, reference = "TCGA-CESC logistic", expected["logistic_lnm"]
        yield Row(data, f"coefficient {name}", reference["coef"][name], model.coefficients[place], ITERATIVE)
        yield Row(data, f"SE {name}", reference["se"][name], model.errors[place], ITERATIVE)


def table(all_rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| data | statistic | R | ours | difference | allowed | |", "|---|---|---:|---:|---:|---:|---|"]
    for row in all_rows:
        values = [("none" if v is None else f"{v:.12g}") for v in (row.reference, row.ours)]
        mark = row.why if row.agrees else "**DIFFERS** " + row.why
        cells = [row.data, row.statistic, *values, f"{row.difference:.1e}", f"{row.allowed:g}", mark]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    found = list(rows(ROOT.parent / "shared" / "data"))
    print(table(found))
    wrong = [row for row in found if not row.agrees]
    usual = [row.difference for row in found if not row.why]
    print(
        f"\n{len(found)} rows, {len(wrong)} differ by more than allowed; {len(found) - len(usual)} with an explanation."
    )
    print(f"Largest difference of the others: {max(usual):.1e}")
    sys.exit(bool(wrong))

"""Compare every statistic with R: `make -C tests agreement` prints the table, and the tests check every row.

The data and R's results are in references/stats and references/tcga_cesc; their READMEs name packages and versions.
Further R results for the same data are in references: make.R, survival.R and evaluation.R write r.json, survival.json
and evaluation.json. The aim is a relative difference of at most 1e-6, or 1e-5 where both sides iterate. A row that is
allowed more says why. Every number of the reference files is compared or listed in ``NOT_COMPARED``.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import chdtrc, logit, ndtri, stdtrit
from sklearn.metrics import log_loss

ROOT = Path(__file__).parents[1]
REFERENCES = ROOT / "tests" / "references"
sys.path.insert(0, str(ROOT / "workflow" / "src"))

from hscore.metrics import logistic, probability  # noqa: E402
from hscore.statistics.common import (  # noqa: E402
    bootstrap,
    meta_analysis,
    multiplicity,
    precision,
    proportions,
    smoother,
    splines,
)
from hscore.statistics.common.estimates import two_sided_p  # noqa: E402
from hscore.statistics.common.scored_cohorts import ScoredCohort  # noqa: E402
from hscore.statistics.diagnosis import (  # noqa: E402
    accuracy,
    added_value,
    calibration,
    decision,
    discrimination,
    reclassification,
    resampled_roc,
    subgroups,
    thresholds,
)
from hscore.statistics.survival import (  # noqa: E402
    censoring,
    competing,
    concordance,
    cox,
    cox_models,
    imputation,
    partial_likelihood,
    proportional_hazards,
    subdistribution,
    survival_calibration,
    survival_curves,
    time_dependent,
)

EXACT, ITERATIVE = 1e-6, 1e-5
Z = 1.959963984540054
GLM = (
    "R's glm stops at a relative deviance change of 1e-8 and takes the standard error from the step before; ours is at "
    "the maximum. Repeating R's stopping rule gives R's value (next row)."
)
BAND = (
    "A log-log band is undefined while nobody has had the event: R says NA, ours is Clopper-Pearson's limit for those "
    "followed so far (rows 'survival of 1')."
)
GRAY = "cmprsk has Gray's variance; ours is the delta method's, as in survival (rows above)."
JACKKNIFE = "timeROC's variance is that of the influence function; ours leaves one patient out at a time."
PMVALSAMPSIZE = "pmvalsampsize rounds 1.96 and the standard error asked for, and simulates the linear predictor."
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


# Numbers of the reference files that no row compares, by a pattern of their path, and why.
NOT_COMPARED = {
    r"/(wilson_cc|agresti_coull|wald|jeffreys)$": "another interval: Wilson and Clopper-Pearson are ours",
    r"/(delong_ci95_raw|delong_se|cov_delong|var1|var2)$": "follows from the numbers compared",
    r"/wilcoxon_p$|/hanley_mcneil_se$": "test of an AUC of 0.5, an older standard error: not offered",
    r"/mcnemar_cc/|/n11$|/n00$": "with continuity correction: not offered; concordant pairs do not enter the test",
    r"/km_(overall|by_group)/(log|plain)/": "other bands: log-log is ours",
    r"/log-log/.*/(n|events|se)$": "follows from the numbers compared",
    r"/cox_zph/(rank|identity|log)/": "other functions of time: Kaplan-Meier's, the default, is ours",
    r"/breslow/": "other ties: Efron's are ours",
    r"/(wald_test|score_test)/|/aic$": "other tests and criteria of a whole model: not offered",
    r"/coef/\d+/(coef|z)$": "hazard ratio and p are compared",
    r"/(lr_test|cox_zph/.*)/df$|/logrank/df$|/cox_\w+.*/(n|events)$": "degrees of freedom and sizes of the models",
    r"/logrank/(n|observed|expected)$|/peto_rho1/": "parts of the log-rank test, another weight: not offered",
    r"/hosmer_lemeshow/": "Hosmer-Lemeshow: not offered, as it depends on the grouping",
    r"/val_prob/(Dxy|C \(ROC\)|R2|D|D:Chi-sq|U|U:Chi-sq|U:p|Q|Brier|Intercept|Slope|S:z|S:p)$": (
        "val.prob's own versions of what is compared above (on rounded logits), and indices not offered"
    ),
    r"/brier_null$|/observed_rate$|/mean_predicted$|/log_loss$": "follows from the numbers compared",
    r"/(calibration_in_the_large|logistic_recalibration)/(ci95_wald|p|intercept|se_intercept|slope_ci95_wald)$": (
        "follows from estimate and standard error, which are compared; the joint intercept is not offered"
    ),
    r"/nri/(cutpoints|reclass_)|/nri/\w+/(se_null_Pencina2008|z|p|ci95_multinomial|nri_events|nri_nonevents)$": (
        "follows from the numbers compared; the standard error under the null is not offered"
    ),
    r"/OE_ci_poisson_log$": "Poisson limits of O/E: ours are binomial, as pmvalsampsize's formula (row 'width of O/E')",
    r"/thresholds$|/treat_none$|/tau$": "settings of the comparison",
    r"/person_time$|/figo/|/lnm/|/disagree|/zero_times|/negative_times|/n_centres$|/tab/|^/n$": "describe the data",
    r"/(x|n|n_pos|n_neg|events|df)$": "sizes that enter the comparison",
    r"/conf|/level$|/alpha$": "settings of the comparison",
    r"^/(time_dependent/(beta|months|hazard)|rubin/(estimates|variances)|holm/p|lowess/place)$": "inputs",
    r"^/shares/(right|of)$|^/pooled/\d+/(values|variances)$": "inputs",
    r"^/(pooled/(estimates|covariances)|calibration/(horizon|hazard|coef|at|predicted))$": "inputs",
    r"^/pooled/(df2|f)$": "chi2 / df1 and p, which are compared, follow from them",
    r"^/(paired_difference/\d+/counts|unpaired_delong/first|spline/(knots|at)|incidence/times)$": "inputs",
}


class Reference(dict):
    """A part of a reference file that remembers, in ``used``, which of its numbers (or lists of them) were read."""

    def __init__(self, content: dict, path: str, used: set[str]) -> None:
        super().__init__({key: self._wrap(value, f"{path}/{key}", used) for key, value in content.items()})
        self.path, self.used = path, used

    @classmethod
    def _wrap(cls, value: object, path: str, used: set[str]) -> object:
        if isinstance(value, dict):
            return cls(value, path, used)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return [cls(one, f"{path}/{place}", used) for place, one in enumerate(value)]
        return value

    def __getitem__(self, key: str) -> object:
        self.used.add(f"{self.path}/{key}")
        return super().__getitem__(key)

    def items(self) -> Iterator[tuple[str, object]]:
        return ((key, self[key]) for key in self)

    def values(self) -> Iterator[object]:
        return (self[key] for key in self)

    def numbers(self) -> Iterator[str]:
        """Path of every number or list of numbers."""
        for key, value in super().items():
            parts = value if isinstance(value, list) else [value]
            for part in parts:
                if isinstance(part, Reference):
                    yield from part.numbers()
            if any(isinstance(part, int | float) for part in parts):
                yield f"{self.path}/{key}"


FILES = {
    "proportions": "stats/expected_proportions.json",
    "asah": "stats/expected_asah.json",
    "decisions": "stats/expected_dca_binary.json",
    "lung": "stats/expected_lung.json",
    "tcga": "tcga_cesc/expected_tcga_cesc_dev.json",
    "packages": "r.json",
    "survival": "survival.json",
    "evaluation": "evaluation.json",
}


@dataclass(frozen=True)
class Agreement:
    """All rows, and the numbers of the reference files that none of them reads, by the reason why."""

    rows: list[Row]
    not_compared: Counter

    @classmethod
    def compute(cls, folder: Path = REFERENCES) -> "Agreement":
        """Compare everything in ``folder``. ValueError for a number that is neither compared nor has a reason."""
        files = {name: read(folder / place) for name, place in FILES.items()}
        rows = [
            *of_proportions(files["proportions"]),
            *of_asah(files["asah"], folder / "stats"),
            *of_decisions(files["decisions"], folder / "stats"),
            *of_lung(files["lung"], folder / "stats"),
            *of_tcga(files["tcga"], folder / "tcga_cesc"),
            *of_packages(files["packages"], folder),
            *of_survival_models(files["survival"], folder),
            *of_added_value(files["evaluation"], folder / "stats"),
            *of_pooled(files["evaluation"]["pooled"]),
        ]
        reasons = Counter()
        for name, content in files.items():
            for path in content.numbers():
                if path not in content.used:
                    reasons[reason(path, name)] += 1
        return cls(rows, reasons)


def reason(path: str, name: str) -> str:
    """Why a number is not compared."""
    for pattern, why in NOT_COMPARED.items():
        if re.search(pattern, path):
            return why
    raise ValueError(f"{name}: nothing compares {path}, and NOT_COMPARED does not say why")


def read(path: Path) -> Reference:
    return Reference(json.loads(path.read_text(encoding="utf-8")), "", set())


def of_proportions(expected: dict) -> Iterator[Row]:
    for case in expected["proportions"]:
        yield Row("proportions", f"{case['x']}/{case['n']}", case["estimate"], case["x"] / case["n"])
        for kind, name in (("wilson", "wilson"), ("clopper-pearson", "clopper_pearson")):
            ours = proportions.proportion(case["x"], case["n"], kind, 0.95)
            for bound, reference, value in zip(("low", "high"), case[name], (ours["low"], ours["high"]), strict=True):
                yield Row("proportions", f"{kind} {case['x']}/{case['n']} {bound}", reference, value)
        if case["x"] == case["n"]:
            time = np.full(case["n"], 12.0)
            found = survival_curves.at_time(survival_curves.kaplan_meier(time, time < 0, 0.95), 12.0)
            for bound, reference, value in zip(("low", "high"), case["clopper_pearson"], found[1:], strict=True):
                yield Row("proportions", f"survival of 1, {case['n']} followed, {bound}", reference, value)


def of_roc(data: str, expected: dict, y_true: np.ndarray, table: pd.DataFrame) -> Iterator[Row]:
    for name, marker in expected["markers"].items():
        scores = table[name].to_numpy(float)
        ours = discrimination.auc_interval(y_true, scores, 0.95, "delong")
        variance = discrimination.delong(y_true, scores).covariance[0, 0]
        yield Row(data, f"AUC {name}", marker["auc"], ours["estimate"])
        yield Row(data, f"DeLong variance {name}", marker["delong_var"], variance)
        yield Row(data, f"DeLong low {name}", marker["delong_ci95_pROC_clipped"][0], ours["low"])
        yield Row(data, f"DeLong high {name}", marker["delong_ci95_pROC_clipped"][1], ours["high"])
        chosen = thresholds.choose(y_true, scores, "youden")
        best = min(marker["youden_best"].values(), key=lambda point: point["threshold_midpoint"])
        yield Row(data, f"Youden threshold {name}", best["threshold_midpoint"], chosen["value"])
        yield Row(data, f"Youden sensitivity {name}", best["sensitivity"], chosen["sensitivity"])
        yield Row(data, f"Youden specificity {name}", best["specificity"], chosen["specificity"])
    for pair, reference in expected["pairs"].items():
        a, b = (table[name].to_numpy(float) for name in pair.split(" vs "))
        ours = discrimination.compare(y_true, a, b, 0.95)
        for name, value in {"difference": "diff", "z": "z", "p": "p"}.items():
            yield Row(data, f"paired DeLong {name} {pair}", reference[value], ours[name])
        yield Row(data, f"paired DeLong low {pair}", reference["ci95_diff"][0], ours["low"])
        yield Row(data, f"paired DeLong high {pair}", reference["ci95_diff"][1], ours["high"])
        unpaired = discrimination.compare_unpaired(y_true, a, y_true, b, 0.95)
        yield Row(data, f"unpaired DeLong D {pair}", reference["unpaired_wrong_for_this_design"]["D"], unpaired["t"])
        yield Row(data, f"unpaired DeLong p {pair}", reference["unpaired_wrong_for_this_design"]["p"], unpaired["p"])


def of_table(data: str, expected: dict, y_true: np.ndarray, y_pred: np.ndarray) -> Iterator[Row]:
    counts = accuracy.confusion(y_true, y_pred)
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
    for name, ours in accuracy.summary_measures(y_true, y_pred, bootstrap.cohort_counts(y_true.size), 0.95).items():
        yield Row(data, name, expected[name], ours["estimate"])


def of_calibration(data: str, expected: dict, y_true: np.ndarray, predicted: np.ndarray) -> Iterator[Row]:
    everyone = bootstrap.cohort_counts(y_true.size)
    ours = calibration.describe(y_true, predicted, 0.95, everyone)
    yield Row(data, "Brier", expected["brier"], ours["brier"]["estimate"])
    yield Row(data, "scaled Brier", expected["scaled_brier"], ours["scaled_brier"]["estimate"])
    yield Row(data, "log loss", expected["log_loss"], log_loss(y_true, predicted))
    yield Row(data, "O/E", expected["OE"], ours["observed_expected"]["estimate"])
    large = expected["calibration_in_the_large"]
    yield Row(data, "intercept (slope 1)", large["intercept_offset"], ours["intercept"]["estimate"], ITERATIVE)
    line = expected["logistic_recalibration"]
    yield Row(data, "slope", line["slope"], ours["slope"]["estimate"], ITERATIVE)
    predictor = probability.clipped_logit(predicted)
    for name, columns, offset, reference in (
        ("SE intercept (slope 1)", np.empty((y_true.size, 0)), predictor, large["se"]),
        ("SE slope", predictor[:, None], 0.0, line["se_slope"]),
    ):
        ours_error = logistic.fit(columns, y_true, offset).errors[-1]
        yield Row(data, name, reference, ours_error, 1e-4, GLM)
        yield Row(data, f"{name}, R's stopping rule", reference, as_glm_stops(columns, y_true, offset), EXACT)
    yield Row(data, "Spiegelhalter z", expected["spiegelhalter"]["z"], ours["spiegelhalter"]["z"])
    yield Row(data, "Spiegelhalter p", expected["spiegelhalter"]["p_two_sided"], ours["spiegelhalter"]["p"])
    for name, reference in {"ici": "Eavg", "e90": "E90", "emax": "Emax"}.items():
        yield Row(data, f"{name} (lowess)", expected["val_prob"][reference], ours[name])


def as_glm_stops(x: np.ndarray, y_true: np.ndarray, offset: np.ndarray | float) -> float:
    """Standard error of the last coefficient as R's ``glm`` computes it: start, stopping rule and weights as there."""
    design = np.column_stack([np.ones(y_true.size), x])
    mu = (y_true + 0.5) / 2
    eta, deviance = np.log(mu / (1 - mu)), np.inf
    while True:
        weight = mu * (1 - mu)
        working = eta - offset + (y_true - mu) / weight
        information = (design * weight[:, None]).T @ design
        beta = np.linalg.solve(information, design.T @ (weight * working))
        eta = design @ beta + offset
        mu = 1 / (1 + np.exp(-eta))
        before, deviance = deviance, 2 * y_true.size * log_loss(y_true, mu)
        if abs(deviance - before) / (abs(deviance) + 0.1) < 1e-8:
            return float(np.sqrt(np.linalg.inv(information)[-1, -1]))


def of_nri(data: str, expected: dict, y_true: np.ndarray, old: np.ndarray, new: np.ndarray) -> Iterator[Row]:
    def error(ours: dict) -> float:
        return (ours["high"] - ours["low"]) / (2 * Z)

    continuous = reclassification.continuous_nri(y_true, old, new, 0.95)
    yield Row(data, "continuous NRI", expected["continuous"]["nri"], continuous["estimate"])
    yield Row(data, "continuous NRI SE", expected["continuous"]["se"], error(continuous))
    yield Row(data, "continuous NRI events", expected["continuous"]["nri_events"], continuous["events"])
    yield Row(data, "continuous NRI non-events", expected["continuous"]["nri_nonevents"], continuous["non_events"])
    ours = reclassification.categorical_nri(y_true, old, new, expected["cutpoints"], 0.95)
    yield Row(data, "categorical NRI", expected["categorical"]["nri"], ours["estimate"])
    yield Row(data, "categorical NRI SE", expected["categorical"]["se_multinomial"], error(ours))
    ours = reclassification.idi(y_true, old, new, 0.95)
    yield Row(data, "IDI", expected["idi"]["idi"], ours["estimate"])
    yield Row(data, "IDI SE", expected["idi"]["se"], error(ours))
    yield Row(data, "IDI events", expected["idi"]["improveSens"], ours["events"])
    yield Row(data, "IDI non-events", expected["idi"]["improveSpec"], ours["non_events"])


def of_net_benefit(data: str, expected: dict, y_true: np.ndarray, table: pd.DataFrame) -> Iterator[Row]:
    at = np.array(expected["thresholds"])
    everyone = bootstrap.cohort_counts(y_true.size)
    for name, reference in expected["models"].items():
        ours = decision.curve(y_true, table[name].to_numpy(float)[:, None] >= at, at, 0.95, everyone)
        for t, r, o in zip(at, reference["net_benefit"], ours["net_benefit"]["estimate"], strict=True):
            yield Row(data, f"net benefit {name} at {t:g}", r, o)
        avoided = ours["interventions_avoided_per_100"]["estimate"]
        for t, r, o in zip(at, reference["net_intervention_avoided_per_100"], avoided, strict=True):
            yield Row(data, f"interventions avoided {name} at {t:g}", r, o)
        n = y_true.size
        rest = {"tp_rate": (y_true.sum(), ours["missed"]), "fp_rate": ((~y_true).sum(), ours["spared"])}
        for rate, (everybody, left) in rest.items():
            for t, r, o in zip(at, reference[rate], left, strict=True):
                yield Row(data, f"{rate} {name} at {t:g}", r, (everybody - o) / n)
    ours = decision.curve(y_true, np.ones((y_true.size, at.size), dtype=bool), at, 0.95, everyone)
    for t, r, o in zip(at, expected["treat_all"], ours["net_benefit"]["estimate"], strict=True):
        yield Row(data, f"net benefit treat all at {t:g}", r, o)


def of_asah(expected: dict, folder: Path) -> Iterator[Row]:
    table = pd.read_csv(folder / "asah.csv")
    y_true = table["outcome_poor"].to_numpy() == 1
    yield from of_roc("aSAH", expected["roc"], y_true, table)
    right = []
    for rule, reference in expected["at_thresholds"].items():
        name, cut = rule.split(">=")
        y_pred = table[name].to_numpy() >= float(cut)
        right.append(y_pred == y_true)
        yield from of_table(f"aSAH {rule}", reference, y_true, y_pred)
    groups = {"sensitivity": y_true, "specificity": ~y_true, "accuracy": np.ones(y_true.size, dtype=bool)}
    for name, group in groups.items():
        reference, ours = expected[f"mcnemar_{name}"], accuracy.mcnemar(right[0][group], right[1][group])
        yield Row("aSAH", f"McNemar only a {name}", reference["n10"], ours["only_a"])
        yield Row("aSAH", f"McNemar only b {name}", reference["n01"], ours["only_b"])
        yield Row("aSAH", f"McNemar chi2 {name}", reference["mcnemar_nocc"]["chi2"], ours["chi2"])
        yield Row("aSAH", f"McNemar p {name}", reference["mcnemar_nocc"]["p"], ours["p"])
        yield Row("aSAH", f"McNemar exact p {name}", reference["exact_binomial_p"], ours["p_exact"])
    expected, table = expected["predictions"], pd.read_csv(folder / "asah_predictions.csv")
    yield from of_roc("aSAH models", expected["roc"], y_true, table)
    for name, reference in expected["calibration"].items():
        yield from of_calibration(f"aSAH {name}", reference, y_true, table[name].to_numpy())
    yield from of_nri("aSAH models", expected["nri"], y_true, *table[["p_clinical", "p_hybrid"]].to_numpy().T)
    yield from of_net_benefit("aSAH models", expected["dca"], y_true, table)


def of_decisions(expected: dict, folder: Path) -> Iterator[Row]:
    table = pd.read_csv(folder / "dca_binary_predictions.csv")
    y_true = table["cancer"].to_numpy(bool)
    yield from of_roc("dcurves", expected["roc"], y_true, table)
    yield from of_net_benefit("dcurves", expected["dca"], y_true, table)
    yield from of_nri("dcurves", expected["nri"], y_true, *table[["p_base", "cancerpredmarker"]].to_numpy().T)
    for name, reference in expected["calibration"].items():
        yield from of_calibration(f"dcurves {name}", reference, y_true, table[name].to_numpy())


def of_curves(
    data: str, expected: dict, time: np.ndarray, event: np.ndarray, group: np.ndarray | None
) -> Iterator[Row]:
    yield Row(data, "n", expected["n"], time.size)
    yield Row(data, "events", expected["events"], int(event.sum()))
    follow_up = survival_curves.describe_follow_up(time, event, 0.95)["median"]
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
            curve = survival_curves.kaplan_meier(time[member], event[member], 0.95)
            label = f"KM median {reference['stratum']}"
            yield Row(data, label, reference["median"], survival_curves.median(curve.time, curve.survival))
            low, high = survival_curves.median_interval(curve)
            yield Row(data, f"{label} low", reference["lcl"], low)
            yield Row(data, f"{label} high", reference["ucl"], high)
        for reference in block["at_times"]:
            member = parts[reference["stratum"]]
            curve = survival_curves.kaplan_meier(time[member], event[member], 0.95)
            ours = survival_curves.at_time(curve, reference["time"])
            label = f"KM at {reference['time']:g} {reference['stratum']}"
            yield Row(data, label, reference["surv"], ours[0])
            allowed, why = (np.inf, BAND) if ours[0] == 1 else (EXACT, "")
            yield Row(data, f"{label} low (log-log)", reference["lcl"], ours[1], allowed, why)
            yield Row(data, f"{label} high (log-log)", reference["ucl"], ours[2], allowed, why)
            risk = survival_curves.at_risk(time[member], np.array([reference["time"]]))[0]
            yield Row(data, f"{label} at risk", reference["n_risk"], risk)
    if group is None:
        return
    ours = survival_curves.log_rank(time, event, group)
    yield Row(data, "log-rank chi2", expected["logrank"]["chi2"], ours["chi2"])
    yield Row(data, "log-rank p", expected["logrank"]["p"], ours["p"])
    for place, member in enumerate((~group, group)):
        mean, error = survival_curves.restricted_mean(time[member], event[member], expected["rmst"]["tau"])
        yield Row(data, f"restricted mean, group {place}", expected["rmst"]["rmean"][place], mean)
        yield Row(data, f"restricted mean SE, group {place}", expected["rmst"]["se"][place], error)
    table = pd.DataFrame({"group": group * 1.0})
    yield from of_cox(data, "univariable group", expected["cox_univariable_group"]["efron"], time, event, table)


def of_cox(
    data: str, label: str, expected: dict, time: np.ndarray, event: np.ndarray, table: pd.DataFrame
) -> Iterator[Row]:
    ours = cox.fit(time, event, table).wald(0.95)
    for reference, row in zip(expected["coef"], ours, strict=True):
        name = f"Cox {label}, {reference['term']}"
        yield Row(data, f"{name} HR", reference["hr"], row["estimate"], ITERATIVE)
        yield Row(data, f"{name} low", reference["hr_lcl"], row["low"], ITERATIVE)
        yield Row(data, f"{name} high", reference["hr_ucl"], row["high"], ITERATIVE)
        yield Row(data, f"{name} p", reference["p"], row["p"], 1e-4, COXPH)
    r_beta, r_p = as_coxph_stops(time, event, table.to_numpy(float))
    for reference, p in zip(expected["coef"], r_p, strict=True):
        yield Row(data, f"Cox {label}, {reference['term']} p, R's stopping rule", reference["p"], p)
    model = cox.fit(time, event, table)
    x, beta = model.x, model.beta
    for reference, error in zip(expected["coef"], np.sqrt(np.diag(model.covariance)), strict=True):
        yield Row(data, f"Cox {label}, {reference['term']} SE", reference["se"], error, ITERATIVE)
    chi2 = 2 * (model.log_likelihood - partial_likelihood.log_likelihood(x, time, event, np.zeros(beta.size)))
    yield Row(data, f"Cox {label} likelihood ratio", expected["lr_test"]["test"], chi2, ITERATIVE)
    yield Row(
        data, f"Cox {label} likelihood ratio p", expected["lr_test"]["pvalue"], chi2_p(chi2, beta.size), ITERATIVE
    )
    for place, b in enumerate((np.zeros(beta.size), beta)):
        value = partial_likelihood.log_likelihood(x, time, event, b)
        yield Row(data, f"Cox {label} log likelihood {place}", expected["loglik"][place], value)
    # at R's coefficients: the order of two patients with almost the same risk depends on where the iteration stops
    value, error = concordance.concordance(time, event, x @ r_beta, np.where(event, 1.0, 0.0))
    yield Row(data, f"Harrell's C {label}", expected["concordance"]["harrell"], value)
    yield Row(data, f"Harrell's C SE {label}", expected["concordance"]["se"], error)


def chi2_p(chi2: float, degrees: int) -> float:
    """Upper tail of the chi-square distribution."""
    return float(chdtrc(degrees, chi2))


def as_coxph_stops(time: np.ndarray, event: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Coefficients and p-values [p] as R's ``coxph``: Newton's method from zero until the log likelihood settles."""
    beta, before = np.zeros(x.shape[1]), -np.inf
    while True:
        value, score, information = partial_likelihood.derivatives(x, time, event, beta)
        if abs(1 - before / value) <= 1e-9:
            return beta, [two_sided_p(z) for z in beta / np.sqrt(np.diag(np.linalg.inv(information)))]
        beta, before = beta + np.linalg.solve(information, score), value


def of_models(data: str, expected: dict, time: np.ndarray, event: np.ndarray, table: pd.DataFrame) -> Iterator[Row]:
    yield Row(data, "n", expected["n"], time.size)
    for name, reference in expected["cox_univariable"].items():
        yield from of_cox(data, "univariable", reference, time, event, table[[name]])
    yield from of_cox(data, "multivariable", expected["cox_multivariable"]["efron"], time, event, table)
    x = table.to_numpy(float)
    beta = cox.fit(time, event, table).beta
    ours = proportional_hazards.test(time, event, x, beta, list(table))
    for reference, row in zip(expected["cox_zph"]["km"], ours, strict=True):
        label = f"cox.zph {reference['term']}"
        yield Row(data, f"{label} chi2", reference["chisq"], row["chi2"], ITERATIVE)
        yield Row(data, f"{label} p", reference["p"], row["p"], ITERATIVE)
    weight = np.where(event, censoring.probability_uncensored(time, event, time) ** -2.0, 0.0)
    value, error = concordance.concordance(time, event, x @ as_coxph_stops(time, event, x)[0], weight)
    yield Row(data, "Uno's C", expected["uno_concordance"]["est"], value)
    yield Row(data, "Uno's C SE", expected["uno_concordance"]["se"], error)


def of_lung(expected: dict, folder: Path) -> Iterator[Row]:
    table = pd.read_csv(folder / "lung.csv")
    for data, key, part in (
        ("lung", "full", table),
        ("lung, complete", "complete_cases_age_sex_ecog", table.dropna(subset=["ph.ecog"])),
    ):
        time, event = part["time"].to_numpy(float), part["event"].to_numpy() == 1
        yield from of_curves(data, expected[key], time, event, part["sex"].to_numpy() == 2)
        if "cox_zph" in expected[key]:
            yield from of_models(data, expected[key], time, event, part[["age", "sex", "ph.ecog"]])


def tcga(folder: Path) -> pd.DataFrame:
    """The TCGA-CESC table with advanced stage as 0, 1 or NaN."""
    table = pd.read_csv(folder / "tcga_cesc_dev.csv")
    stage = table["figo_stage"].str.extract(r"stage (iv|i{1,3})", flags=re.IGNORECASE)[0]
    return table.assign(figo_adv=(stage.str.lower() != "i").where(stage.notna()).astype(float))


def of_tcga(expected: dict, folder: Path) -> Iterator[Row]:
    table = tcga(folder)
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
    y_pred = nodes["ct_pelvic_nodes"].to_numpy() == "present"
    yield from of_table("TCGA-CESC CT nodes", expected["ct_nodes_vs_pathology"]["metrics"], nodes["lnm"] == 1, y_pred)
    part = table.dropna(subset=["lnm", "age", "figo_adv"])
    columns, y_true = part[["age", "figo_adv"]].to_numpy(float), part["lnm"].to_numpy() == 1
    model = logistic.fit(columns, y_true)
    for place, name in enumerate(("(Intercept)", "age", "figo_adv")):
        data, reference = "TCGA-CESC logistic", expected["logistic_lnm"]
        yield Row(data, f"coefficient {name}", reference["coef"][name], model.coefficients[place], ITERATIVE)
        yield Row(data, f"SE {name}", reference["se"][name], model.errors[place], ITERATIVE)
        yield Row(data, f"odds ratio {name}", reference["or"][name], np.exp(model.coefficients[place]), ITERATIVE)


def of_packages(expected: dict, folder: Path) -> Iterator[Row]:
    """Statistics that the shared results have no reference for: R packages on the same data."""
    asah = pd.read_csv(folder / "stats" / "asah.csv")
    lung = pd.read_csv(folder / "stats" / "lung.csv").dropna(subset=["ph.ecog"])
    yield from of_discrimination_packages(expected, asah, pd.read_csv(folder / "stats" / "asah_predictions.csv"))
    yield from of_survival_packages(expected, lung)
    yield from of_time_dependent(expected["time_dependent"], lung)
    yield from of_everybody(expected["everybody"], tcga(folder / "tcga_cesc"))
    yield from of_incidence(expected["incidence"], pd.read_csv(folder / "tcga_cesc" / "tcga_cesc_dev.csv"))
    (ours,) = imputation.pool(*(np.array(expected["rubin"][key])[:, None] for key in ("estimates", "variances")), 0.95)
    total = ((ours["high"] - ours["low"]) / 2 / stdtrit(ours["df"], 0.975)) ** 2
    pooled = {"estimate": ours["estimate"], "total": total, "df": ours["df"], "fmi": ours["missing_information"]}
    for name, value in pooled.items():
        yield Row("mice pool.scalar", f"Rubin's rules {name}", expected["rubin"][name], value)
    yield from of_sample_size(expected["sample_size"])


def of_discrimination_packages(expected: dict, asah: pd.DataFrame, predictions: pd.DataFrame) -> Iterator[Row]:
    y_true = asah["outcome_poor"].to_numpy() == 1
    for name, reference in expected["partial_auc"].items():
        roc = resampled_roc.ResampledRoc(y_true, asah[name].to_numpy(float), bootstrap.cohort_counts(y_true.size))
        for lowest, value in reference.items():
            ours = roc.partial_aucs(float(lowest))[0]
            yield Row("pROC, aSAH", f"partial AUC {name}, specificity {lowest} and more", value, ours)
    reference, scores = expected["unpaired_delong"], asah["s100b"].to_numpy(float)
    first = np.arange(y_true.size) < reference["first"]
    ours = discrimination.compare_unpaired(y_true[first], scores[first], y_true[~first], scores[~first], 0.95)
    for name in ("difference", "df", "p"):
        yield Row("pROC, aSAH", f"unpaired DeLong, other patients, {name}", reference[name], ours[name])
    for reference in expected["paired_difference"]:
        counts = reference["counts"]
        calls = (np.repeat(np.array(kinds, bool), counts) for kinds in ((1, 1, 0, 0), (1, 0, 1, 0)))
        ours = accuracy.paired_difference(*calls, 0.95)
        for bound in ("low", "high"):
            yield Row("ratesci", f"paired difference {counts} {bound}", reference[bound], ours[bound])
    right, of = (expected["shares"][key] for key in ("right", "of"))
    levels = np.repeat(np.array(["a", "b", "c"]), of)
    calls = np.concatenate([np.arange(n) < hits for hits, n in zip(right, of, strict=True)])
    ours = subgroups.heterogeneity(np.ones(calls.size, bool), calls * 1.0, 0.5, levels)["sensitivity"]
    for name in ("chi2", "p"):
        yield Row("R stats prop.test", f"shares by level {name}", expected["shares"][name], ours[name])
    for reference, ours in zip(expected["holm"]["adjusted"], multiplicity.holm(expected["holm"]["p"]), strict=True):
        yield Row("R stats p.adjust", "Holm", reference, ours)
    risk = predictions["p_hybrid"].to_numpy()
    places = np.array(expected["lowess"]["place"]) - 1
    smooth = smoother.Lowess(risk)(y_true * 1.0, np.sort(risk)[places])
    for reference, ours in zip(expected["lowess"]["y"], smooth, strict=True):
        yield Row("R stats lowess, aSAH", "flexible calibration curve", reference, ours)


def of_survival_packages(expected: dict, lung: pd.DataFrame) -> Iterator[Row]:
    time, event = lung["time"].to_numpy(float), lung["event"].to_numpy() == 1
    ours = survival_curves.describe_follow_up(time, event, 0.95)
    for name in ("median", "low", "high"):
        yield Row("survival, lung", f"follow-up, reverse KM, {name}", expected["follow_up"][name], ours[name])
    reference = expected["restricted_mean"]
    women = lung["sex"].to_numpy() == 2
    ours = survival_curves.restricted_mean_difference(time, event, women, reference["tau"], 0.95)
    for name in ("difference", "low", "high", "p"):
        yield Row("survRM2, lung", f"restricted mean {name}", reference[name], ours[name])
    covariates = lung[["age", "sex", "ph.ecog"]]
    untied = time + 1e-4 * np.arange(1, time.size + 1)  # coxphf has Breslow's ties only
    few = np.arange(12)
    monotone = cox.firth(few + 1.0, few < 4, pd.DataFrame({"high": (few < 6) * 1.0}), 0.95)
    for key, rows in (
        ("firth", cox.firth(untied, event, covariates, 0.95)),
        ("profile", cox.fit(untied, event, covariates).profile(0.95)),
        ("monotone", monotone),
    ):
        for name, ours in {"hr": "estimate", "low": "low", "high": "high", "p": "p"}.items():
            found = expected[key][name]
            for reference, row in zip(found if isinstance(found, list) else [found], rows, strict=True):
                yield Row("coxphf, lung", f"{key} {row['term']} {name}", reference, row[ours], ITERATIVE)
    reference = expected["spline"]
    age, knots = lung["age"].to_numpy(float), np.array(reference["knots"])
    columns = pd.DataFrame(splines.basis(age, knots))
    model = cox.fit(time, event, columns)
    step = splines.basis(np.array(reference["at"], float), knots) - splines.basis(np.array([np.median(age)]), knots)
    errors = np.sqrt(np.diag(step @ model.covariance @ step.T))
    for age_at, a, b, c, d in zip(
        reference["at"], reference["log_ratio"], step @ model.beta, reference["error"], errors, strict=True
    ):
        yield Row("survival + Hmisc, lung", f"spline log hazard ratio at {age_at}", a, b, ITERATIVE)
        yield Row("survival + Hmisc, lung", f"spline SE at {age_at}", c, d, ITERATIVE)
    settings = {"events_per_variable": 0, "confidence": 0.95}
    ours = cox_models.spline(time, event, age, settings)["nonlinearity"]
    for name in ("chi2", "p"):
        yield Row("survival + Hmisc, lung", f"spline non-linearity {name}", reference[name], ours[name], ITERATIVE)


def of_time_dependent(expected: dict, lung: pd.DataFrame) -> Iterator[Row]:
    time, event = lung["time"].to_numpy(float), lung["event"].to_numpy() == 1
    risk = (lung[["age", "sex", "ph.ecog"]].to_numpy(float) @ expected["beta"]).round(10)
    for moment, reference, error in zip(expected["times"], expected["auc"], expected["se"], strict=True):
        ours = time_dependent.auc_at(time, event, risk, moment, 0.95)
        yield Row("timeROC, lung", f"AUC at {moment}", reference, ours["estimate"])
        share = ours["estimate"] * (1 - ours["estimate"])
        ours_error = (logit(ours["high"]) - logit(ours["low"])) / (2 * Z) * share
        yield Row("timeROC, lung", f"SE of the AUC at {moment}", error, ours_error, 0.05, JACKKNIFE)
    months = np.array(expected["months"])
    chance = np.exp(-np.exp(risk)[:, None] * np.array(expected["hazard"]))
    everyone = bootstrap.cohort_counts(time.size)
    for moment, reference in zip(months, expected["auc_riskregression"], strict=True):
        ours = time_dependent.aucs(time, event, risk, moment, everyone)[0]
        yield Row("riskRegression, lung", f"AUC at {moment:g}", reference, ours)
    found = {
        "brier": time_dependent.brier_scores(time, event, chance, months),
        "brier_null": time_dependent.null_brier_scores(time, event, months, everyone)[0],
    }
    for name, ours in found.items():
        for moment, reference, value in zip(months, expected[name], ours, strict=True):
            yield Row("riskRegression, lung", f"{name} at {moment:g}", reference, value)
        steps = np.cumsum(np.append(0.0, ours))[:-1] / np.arange(1, months.size + 1)  # a step function from time 0
        for moment, reference, value in zip(
            months[1:], expected[name.replace("brier", "ibs")][1:], steps[1:], strict=True
        ):
            yield Row("riskRegression, lung", f"mean {name} to {moment:g}, steps", reference, value)


def of_everybody(expected: dict, table: pd.DataFrame) -> Iterator[Row]:
    """Survival of all patients with known stage, age and survival, whatever is known of their nodes."""
    for end, reference in expected.items():
        part = table.dropna(subset=[end, f"{end}.time", "age", "figo_adv"]).rename(columns={"figo_adv": "advanced"})
        time, event = part[f"{end}.time"].to_numpy(float), part[end].to_numpy() == 1
        advanced = part["advanced"].to_numpy()
        value, error = concordance.concordance(time, event, advanced, np.ones(time.size))
        ours = {
            "n": time.size,
            "events": int(event.sum()),
            "log_rank": survival_curves.log_rank(time, event, advanced == 1)["chi2"],
            "follow_up": survival_curves.describe_follow_up(time, event, 0.95)["median"],
            "concordance": value,
            "concordance_se": error,
        }
        data = f"TCGA-CESC {end}, nodes known or not"
        for name, found in ours.items():
            yield Row(data, name, reference[name], found)
        for name in ("advanced", "age"):
            (row,) = cox.fit(time, event, part[[name]]).wald(0.95)
            for key, found in {"hr": "estimate", "hr_lcl": "low", "hr_ucl": "high", "p": "p"}.items():
                yield Row(data, f"{name} {key}", reference[name][key], row[found], ITERATIVE)


def of_incidence(expected: dict, table: pd.DataFrame) -> Iterator[Row]:
    table = table.dropna(subset=["PFI", "PFI.time"])
    event = table["PFI"].to_numpy() == 1
    competing_event = ~event & (table["OS"].to_numpy() == 1)
    moments = np.array(expected["times"], float)
    ours = competing.incidence(table["PFI.time"].to_numpy(float), event, competing_event, moments)
    for name, package, values, allowed, why in (
        ("estimate", "cmprsk", ours[0], EXACT, ""),
        ("variance", "survival", ours[1], EXACT, ""),
        ("variance_gray", "cmprsk", ours[1], 0.03, GRAY),
    ):
        for moment, reference, value in zip(moments, expected[name], values, strict=True):
            statistic = f"cumulative incidence {name} at {moment:g}"
            yield Row(f"{package}, TCGA-CESC", statistic, reference, value, allowed, why)


def of_survival_models(expected: dict, folder: Path) -> Iterator[Row]:
    """Strata, several groups, several coefficients at once, calibration and competing events."""
    lung = pd.read_csv(folder / "stats" / "lung.csv").dropna(subset=["ph.ecog"])
    time, event = lung["time"].to_numpy(float), lung["event"].to_numpy() == 1
    sex, ecog = lung["sex"].to_numpy(), lung["ph.ecog"].to_numpy()
    tests = {
        "several": survival_curves.log_rank(time, event, ecog),
        "stratified": survival_curves.log_rank(time, event, sex, ecog),
        "several_stratified": survival_curves.log_rank(time, event, ecog, sex),
    }
    for name, ours in tests.items():
        for key in ("chi2", "p"):
            yield Row("survival, lung", f"log-rank {name} {key}", expected["log_rank"][name][key], ours[key])
    model = cox.fit(time, event, lung[["age", "sex"]], strata=ecog)
    errors = np.sqrt(np.diag(model.covariance))
    reference = expected["stratified"]
    for place, name in enumerate(model.covariates):
        yield Row("survival, lung", f"stratified Cox {name}", reference["coef"][place], model.beta[place], ITERATIVE)
        yield Row("survival, lung", f"stratified Cox {name} SE", reference["se"][place], errors[place], ITERATIVE)
    for place, beta in enumerate((np.zeros(2), model.beta)):
        value = partial_likelihood.log_likelihood(model.x, time, event, beta, ecog)
        yield Row("survival, lung", f"stratified Cox log likelihood {place}", reference["loglik"][place], value)
    yield from of_terms(expected, lung.assign(ecog=lung["ph.ecog"].astype(str)))
    yield from of_survival_calibration(expected["calibration"], lung.iloc[120:])
    yield from of_competing(expected, pd.read_csv(folder / "tcga_cesc" / "tcga_cesc_dev.csv"))


def of_terms(expected: dict, lung: pd.DataFrame) -> Iterator[Row]:
    """Tests of several coefficients as one; ``ecog`` is the factor."""
    time, event = lung["time"].to_numpy(float), lung["event"].to_numpy() == 1
    model = cox.fit(time, event, cox_models.design_matrix(lung[["age", "sex", "ecog"]]))
    levels = [name for name in model.covariates if name.startswith("ecog")]
    reference = expected["terms"]
    for place, names in enumerate((["age"], ["sex"], levels)):
        ours = model.joint_test(names)
        for key in ("chi2", "df", "p"):
            yield Row("survival, lung", f"drop1 {names[0]} {key}", reference[key][place], ours[key], ITERATIVE)
    model = cox.fit(time, event, cox_models.design_matrix(lung[["age", "ecog"]]))
    for place, ours in enumerate(model.proportional_hazards({"ecog": levels})):
        for key in ("chi2", "df", "p"):
            reference = expected["proportional"][key][place]
            yield Row("survival, lung", f"cox.zph of terms {ours['term']} {key}", reference, ours[key], ITERATIVE)
    settings = {"events_per_variable": 0, "confidence": 0.95}
    ours = cox_models.spline(time, event, lung["age"].to_numpy(float), settings)["overall"]
    for key in ("chi2", "p"):
        yield Row("survival + Hmisc, lung", f"spline overall {key}", expected["spline"][key], ours[key], ITERATIVE)
    reference = expected["pooled"]
    ours = imputation.pool_test(np.array(reference["estimates"]), np.array(reference["covariances"]))
    yield Row("mice, lung", "D1 chi2", reference["f"] * reference["df1"], ours["chi2"])
    yield Row("mice, lung", "D1 df", reference["df1"], ours["df"])
    yield Row("mice, lung", "D1 p", reference["p"], ours["p"])


def of_survival_calibration(expected: dict, external: pd.DataFrame) -> Iterator[Row]:
    """A Cox model of age in days, tested on the patients ``external``."""
    data = "survival, lung"
    time, event = external["time"].to_numpy(float), external["event"].to_numpy() == 1
    horizon, hazard = expected["horizon"], expected["hazard"]
    risk = -np.expm1(-hazard * np.exp(expected["coef"] * external["age"].to_numpy(float)))
    ours = survival_calibration.describe(time, event, risk, horizon, 0.95, 0)
    ratio = ours["observed_expected"]
    yield Row(data, "calibration, expected", expected["expected"], ours["expected"])
    yield Row(data, "calibration, observed", expected["observed"], ratio["observed"])
    error = np.log(ratio["high"] / ratio["low"]) / (2 * Z) * ratio["observed"]
    yield Row(data, "calibration, SE of observed", expected["observed_se"], error)
    yield Row(data, "calibration slope", expected["slope"], ours["slope"]["estimate"], ITERATIVE)
    error = (ours["slope"]["high"] - ours["slope"]["low"]) / (2 * Z)
    yield Row(data, "calibration slope SE", expected["slope_se"], error, ITERATIVE)
    for key in ("ici", "e50", "e90"):
        yield Row(data, f"calibration {key}", expected[key], ours[key], ITERATIVE)
    predictor = np.log(-np.log1p(-risk))
    knots = splines.knots(predictor, survival_calibration.KNOTS)
    inside, until = event & (time <= horizon), np.minimum(time, horizon)
    model = cox.fit(until, inside, pd.DataFrame(splines.basis(predictor, knots)))
    at = np.log(-np.log1p(-np.array(expected["predicted"])))
    log_hazard, error = survival_calibration.cumulative_hazard(model, splines.basis(at, knots))
    for name, values in {
        "curve": -np.expm1(-np.exp(log_hazard)),
        "cumulative_hazard": np.exp(log_hazard),
        "cumulative_hazard_se": np.exp(log_hazard) * error,
    }.items():
        for age, reference, value in zip(expected["at"], expected[name], values, strict=True):
            yield Row(data, f"calibration {name} at age {age}", reference, value, ITERATIVE)


def of_competing(expected: dict, table: pd.DataFrame) -> Iterator[Row]:
    """Progression, with death before it as the competing event."""
    table = table.dropna(subset=["PFI", "PFI.time"])
    table = table[table["grade"].isin(["g1", "g2", "g3"])]
    time, event = table["PFI.time"].to_numpy(float), table["PFI"].to_numpy() == 1
    died = ~event & (table["OS"].to_numpy() == 1)
    age = table[["age"]].to_numpy(float)
    advanced = table["figo_stage"].str.contains("stage (?:iv|iii|ii)", na=False).to_numpy() * 1.0
    untied = time + 1e-4 * np.arange(1, time.size + 1)  # crr counts a censoring at the time of an event before it
    for name, x in (("age", age), ("both", np.column_stack([age, advanced]))):
        beta, covariance = subdistribution.fit(untied, event, died, x)
        reference = expected["fine_gray"][name]
        for key, ours in (("coef", beta), ("se", np.sqrt(np.diag(covariance)))):
            for a, b in zip(np.atleast_1d(reference[key]), ours, strict=True):
                yield Row("cmprsk, TCGA-CESC", f"Fine-Gray {name} {key}", a, b, ITERATIVE)
    (beta,), _ = subdistribution.fit(time, event, died, age)
    reference = expected["fine_gray"]["tied"]["coef"]
    yield Row("survival, TCGA-CESC", "Fine-Gray with ties, finegray", reference, beta, ITERATIVE)
    for name, group in (("two", advanced), ("several", table["grade"].to_numpy())):
        ours = subdistribution.gray(time, event, died, group)
        for key in ("chi2", "p"):
            yield Row("cmprsk, TCGA-CESC", f"Gray {name} {key}", expected["gray"][name][key], ours[key])
        other = subdistribution.gray(time, died, event, group)["chi2"]
        yield Row("cmprsk, TCGA-CESC", f"Gray {name}, the other event", expected["gray"][name]["competing"], other)


def of_sample_size(expected: dict) -> Iterator[Row]:
    reference = expected["external"]
    predictor = -1.5 + 1.2 * ndtri((np.arange(200_000) + 0.5) / 200_000)
    ours = {
        "oe": precision.for_observed_expected(0.227, 0.4, 0.95),
        "slope": precision.for_slope(predictor, 0.4, 0.95),
        "auc": precision.for_auc(0.844, 0.227, 0.1, 0.95),
        "net_benefit": precision.for_net_benefit(0.9, 0.87, 0.227, 0.2, 0.2, 0.95),
    }
    for name, value in ours.items():
        yield Row("pmvalsampsize", f"patients for {name}", reference[name], value, 0.01, PMVALSAMPSIZE)
    planned = np.arange(reference["oe"]) < round(0.227 * reference["oe"])
    width = calibration.observed_expected(planned, np.full(planned.size, planned.mean()), 0.95)
    yield Row("pmvalsampsize", "width of O/E", 0.4, width["high"] - width["low"], 0.01, PMVALSAMPSIZE)
    for key, of in (("development", (24, 0.288, 0.174)), ("development_small", (5, 0.1, 0.21))):
        criteria = precision.for_development(*of)
        for (criterion, value), found in zip(criteria.items(), expected[key], strict=True):
            yield Row("pmsampsize", f"patients to develop, {criterion}, {of}", found, value)


def of_added_value(expected: dict, folder: Path) -> Iterator[Row]:
    """Other measured variables take the places of node size, SCC antigen and the reading."""
    asah, lung = (pd.read_csv(folder / f"{name}.csv") for name in ("asah", "lung"))
    nodes = pd.DataFrame(dict(zip(added_value.OF_NODES, (asah["age"], asah["ndka"], asah["wfns"] >= 4), strict=True)))
    score = pd.read_csv(folder / "asah_predictions.csv")["p_hybrid"].to_numpy()
    evaluation = ScoredCohort(asah["outcome_poor"].to_numpy() == 1, {"score": score})
    (ours,) = added_value.node_added_value({"external": evaluation}, {"external": nodes.astype(float)}, "score", 0.95)[
        "evaluations"
    ]
    ours = {**ours["added"], **ours["odds_ratio"], "odds_ratio": ours["odds_ratio"]["estimate"]}
    for name, reference in expected["nodes"].items():
        yield Row("R stats glm, aSAH", f"added value {name}", reference, ours[name], ITERATIVE)
    reference = expected["survival"]
    columns = dict(zip(added_value.MEASURED, (lung["age"], lung["meal.cal"]), strict=True))
    outcomes = {"dfs_months": lung["time"], "dfs_event": lung["event"], "score": lung["pat.karno"] / 101}
    cohort = pd.DataFrame({**columns, **outcomes}).dropna(subset=["score"])
    settings = {"events_per_variable": 10, "confidence": 0.95}
    found = added_value.survival_added_value(dict.fromkeys(("external", "development"), ("score", cohort)), settings)
    row, frozen = found["cohorts"][0], found["frozen"]
    margin = frozen["gain"]["high"] - frozen["gain"]["estimate"]
    ours = {**row["added"], "n": row["n"], "events": row["events"], "hazard_ratio": row["hazard_ratio"]["estimate"]}
    ours |= {"difference": frozen["gain"]["estimate"], "error": margin / Z}
    for name in (name for name in reference if name in ours):
        yield Row("survival, lung", f"added value {name}", reference[name], ours[name], ITERATIVE)
    for name, value in zip(("both", "baseline"), reference["concordance"], strict=True):
        yield Row("survival, lung", f"concordance {name}", value, row["apparent"][name], ITERATIVE)


def of_pooled(expected: list) -> Iterator[Row]:
    for number, reference in enumerate(expected, 1):
        found = meta_analysis.pool(*(np.array(reference[key]) for key in ("values", "variances")), 0.95)
        low, high = found.prediction or (None, None)
        ours = {"mean": found.mean, "low": found.low, "high": found.high, "tau2": found.tau2, "i2": found.i2}
        for name, value in {**ours, "prediction_low": low, "prediction_high": high}.items():
            yield Row("metafor", f"random effects, example {number}, {name}", reference[name], value, ITERATIVE)


def table(all_rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| data | statistic | reference (R) | ours | difference | allowed | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for row in all_rows:
        values = [("none" if v is None else f"{v:.12g}") for v in (row.reference, row.ours)]
        mark = row.why if row.agrees else "**DIFFERS** " + row.why
        cells = [row.data, row.statistic, *values, f"{row.difference:.1e}", f"{row.allowed:g}", mark]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    agreement = Agreement.compute()
    found = agreement.rows
    print(table(found))
    print("\nNot compared:")
    for why, number in agreement.not_compared.most_common():
        print(f"- {number} numbers: {why}")
    wrong = [row for row in found if not row.agrees]
    usual = [row.difference for row in found if not row.why]
    print(
        f"\n{len(found)} rows, {len(wrong)} differ by more than allowed; {len(found) - len(usual)} with an explanation."
    )
    print(f"Largest difference of the others: {max(usual):.1e}")
    sys.exit(bool(wrong))

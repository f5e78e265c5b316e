"""How often each printed interval holds the truth: `python tests/interval_coverage.py` prints the table of the docs.

Scores, calls and times are drawn from distributions whose true AUC, F1, C and survival are known. This verifies the
interval methods; `chain_coverage.py` measures the coverage of the whole chain of a study.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, logit, ndtri

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))

from hscore.statistics.common import bootstrap, meta_analysis  # noqa: E402
from hscore.statistics.common.estimates import wald, wald_ratio  # noqa: E402
from hscore.statistics.diagnosis import accuracy, calibration, discrimination  # noqa: E402
from hscore.statistics.survival import concordance, survival_curves  # noqa: E402

LEVEL = 0.95
Intervals = dict[str, dict]


@dataclass(frozen=True)
class Coverage:
    """Share of studies whose interval holds the truth, its mean width, and the share of points (low = high) or none."""

    statistic: str
    setting: str
    method: str
    covered: float
    width: float
    point: float
    none: float


def measured(statistic: str, setting: str, truth: float, draw: Callable[[], Intervals], studies: int) -> list[Coverage]:
    """Return the coverage of each method; an interval that is refused neither covers nor misses."""
    found: dict[str, list] = {}
    for _ in range(studies):
        for method, row in draw().items():
            known = row["low"] is not None
            found.setdefault(method, []).append((row["low"], row["high"]) if known else (np.nan, np.nan))
    rows = []
    for method, pairs in found.items():
        low, high = np.array(pairs, float).T
        known = ~np.isnan(low)
        low, high = low[known], high[known]
        covered = ((low - 1e-9 <= truth) & (truth <= high + 1e-9)).mean()
        width, point = (high - low).mean(), (high - low < 1e-9).mean()
        rows.append(Coverage(statistic, setting, method, covered, width, point, 1 - known.mean()))
    return rows


def of_auc(positives: int, negatives: int, area: float, studies: int, seed: int = 1) -> list[Coverage]:
    """Binormal scores of equal variance."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(positives + negatives) < positives
    shift = np.sqrt(2) * ndtri(area) * y_true

    def draw() -> Intervals:
        scores = rng.normal(size=y_true.size) + shift
        names = ("delong", "delong-logit", "newcombe")
        return {name: discrimination.auc_interval(y_true, scores, LEVEL, name) for name in names}

    return measured("AUC", f"{positives} against {negatives}, AUC {area:g}", area, draw, studies)


def of_reading(positives: int, negatives: int, rates: tuple[float, float], studies: int) -> list[Coverage]:
    """The AUC of a yes/no reading of a given sensitivity and specificity."""
    rng = np.random.default_rng(2)
    y_true = np.arange(positives + negatives) < positives
    chance = np.where(y_true, rates[0], 1 - rates[1])

    def draw() -> Intervals:
        scores = (rng.random(y_true.size) < chance) * 1.0
        return {name: discrimination.auc_interval(y_true, scores, LEVEL, name) for name in ("delong", "newcombe")}

    setting = f"{positives} against {negatives}, reading {rates[0]:g}/{rates[1]:g}"
    return measured("AUC", setting, sum(rates) / 2, draw, studies)


def of_calls(n: int, prevalence: float, rates: tuple[float, float], studies: int) -> Iterator[Coverage]:
    """F1 and Youden's index of calls of a given sensitivity and specificity."""
    rng = np.random.default_rng(3)
    sensitivity, specificity = rates
    found = prevalence * sensitivity
    f1 = 2 * found / (prevalence + found + (1 - prevalence) * (1 - specificity))
    setting = f"n {n}, prevalence {prevalence:g}, {sensitivity:g}/{specificity:g}"

    def calls() -> tuple[np.ndarray, np.ndarray]:
        y_true = rng.random(n) < prevalence
        return y_true, rng.random(n) < np.where(y_true, sensitivity, 1 - specificity)

    def percentile(y_true: np.ndarray, y_pred: np.ndarray, place: int) -> dict:
        counts = bootstrap.draw(n, 300, rng)
        low, high = bootstrap.percentiles(accuracy._indices(y_true, y_pred, counts)[place], LEVEL)
        return {"low": None if np.isnan(low) else low, "high": high}

    def draw_f1() -> Intervals:
        y_true, y_pred = calls()
        ours = accuracy.f1(accuracy.confusion(y_true, y_pred), LEVEL)
        return {"percentile bootstrap": percentile(y_true, y_pred, 0), "Wilson, transformed": ours}

    def draw_youden() -> Intervals:
        y_true, y_pred = calls()
        ours = accuracy.youden_and_balanced_accuracy(accuracy.confusion(y_true, y_pred), LEVEL)[0]
        return {"percentile bootstrap": percentile(y_true, y_pred, 3), "square-and-add": ours}

    yield from measured("F1", setting, f1, draw_f1, studies)
    yield from measured("Youden index", setting, sensitivity + specificity - 1, draw_youden, studies)


def of_concordance(n: int, slope: float, months: float, studies: int) -> list[Coverage]:
    """Harrell's C of an exponential model with censoring at ``months``."""
    rng = np.random.default_rng(4)

    def cohort(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        risk = rng.normal(size=size)
        time = rng.exponential(100 * np.exp(-slope * risk))
        return np.minimum(time, months), time <= months, risk

    large = [concordance.harrell(*cohort(3000), LEVEL)["estimate"] for _ in range(8)]

    def draw() -> Intervals:
        time, event, risk = cohort(n)
        value, error = concordance.concordance(time, event, risk, event * 1.0)
        plain = wald(value, error, LEVEL, "") if np.isfinite(value) else {"low": None, "high": None}
        return {"Wald": plain, "Wald, logit scale": concordance.harrell(time, event, risk, LEVEL)}

    truth = float(np.mean(large))
    return measured("Harrell's C", f"n {n}, C {truth:.2f}", truth, draw, studies)


def of_survival(n: int, hazard: float, studies: int) -> list[Coverage]:
    """Kaplan-Meier at 24 months, losses between 0 and 60 months: R's band of a point (or none) at 1, and ours."""
    rng = np.random.default_rng(5)

    def draw() -> Intervals:
        time, lost = rng.exponential(1 / hazard, n), rng.uniform(0, 60, n)
        followed, event = np.minimum(time, lost), time <= lost
        if followed.max() < 24:
            return {}
        row = survival_curves.describe_group(followed, event, np.array([0.0, 24]), 60.0, LEVEL)["at"][0]
        certain = row["estimate"] == 1
        return {"log-log, a point at 1": {**row, "low": 1.0} if certain else row, "log-log, exact at 1": row}

    truth = float(np.exp(-24 * hazard))
    return measured("survival", f"n {n}, S {truth:.3f}", truth, draw, studies)


def of_observed_expected(n: int, prevalence: float, studies: int) -> list[Coverage]:
    """O:E of a calibrated risk that is the same for all."""
    rng = np.random.default_rng(6)
    predicted = np.full(n, prevalence)

    def draw() -> Intervals:
        y_true = rng.random(n) < prevalence
        events = y_true.sum()
        if not events:
            return {}
        poisson = wald_ratio(np.log(events / predicted.sum()), events**-0.5, LEVEL, "")
        return {"Poisson": poisson, "binomial": calibration.observed_expected(y_true, predicted, LEVEL)}

    return measured("O:E", f"n {n}, prevalence {prevalence:g}", 1.0, draw, studies)


def of_pooled(centers: int, between: float, studies: int) -> list[Coverage]:
    """The mean logit of the AUC over centres of 28 against 92 patients, and that of a new centre; truths become 0."""
    rng = np.random.default_rng(7)
    y_true = np.arange(120) < 28

    def draw() -> Intervals:
        deviations = rng.normal(0, between, centers + 1)
        found = []
        for deviation in deviations[:-1]:
            shift = np.sqrt(2) * ndtri(expit(logit(0.85) + deviation))
            one = discrimination.delong(y_true, rng.normal(size=y_true.size) + shift * y_true)
            area = float(one.auc[0])
            if area < 1:
                found.append((logit(area) - logit(0.85), one.covariance[0, 0] / (area * (1 - area)) ** 2))
        pooled = meta_analysis.pool(*np.array(found).T, LEVEL)
        low, high = pooled.prediction
        return {
            "Hartung-Knapp, of the mean": {"low": pooled.low, "high": pooled.high},
            "prediction, of a new centre": {"low": low - deviations[-1], "high": high - deviations[-1]},
        }

    setting = f"{centers} centres, SD of logit(AUC) {between:g} between them"
    return measured("pooled logit of AUC", setting, 0.0, draw, studies)


def everything(studies: int) -> Iterator[Coverage]:
    """Every row of the table."""
    for positives, negatives, area in (
        (8, 27, 0.844), (8, 27, 0.933), (32, 109, 0.844), (32, 109, 0.933), (71, 267, 0.75), (71, 267, 0.963),
    ):  # fmt: skip
        yield from of_auc(positives, negatives, area, studies)
    yield from of_reading(32, 109, (0.51, 0.89), studies)
    yield from of_reading(8, 27, (0.51, 0.89), studies)
    for n, prevalence, rates in ((141, 0.227, (0.906, 0.872)), (35, 0.227, (0.906, 0.872)), (35, 0.227, (0.3, 0.9))):
        yield from of_calls(n, prevalence, rates, studies // 4)
    for n, slope, months in ((141, 0.8, 30), (40, 0.8, 30), (40, 2.5, 20)):
        yield from of_concordance(n, slope, months, studies // 2)
    for n, hazard in ((38, 0.0005), (38, 0.002), (100, 0.0005)):
        yield from of_survival(n, hazard, studies // 4)
    for n, prevalence in ((35, 0.227), (141, 0.227), (141, 0.5)):
        yield from of_observed_expected(n, prevalence, studies)
    for centers, between in ((4, 0.0), (4, 0.4), (8, 0.4), (8, 0.8)):
        yield from of_pooled(centers, between, studies)


def table(rows: list[Coverage]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| statistic | setting | interval | coverage, % | mean width | a point, % | not estimable, % |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        shares = (f"{100 * value:.1f}" for value in (row.point, row.none))
        cells = [row.statistic, row.setting, row.method, f"{100 * row.covered:.1f}", f"{row.width:.3f}", *shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(list(everything(int(sys.argv[1]) if len(sys.argv) > 1 else 4000))))

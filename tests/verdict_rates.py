"""How often each verdict against a publication is given: `python tests/verdict_rates.py` prints the tables of the docs.

Both the publication and the rerun are drawn: a development cohort of 338 patients on which the cut-off is chosen, and
an external one of 141, with binormal scores; survival times depend on the logit of the score. In a perfect rerun both
come from the same population, so that every "differs" is an error.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit, ndtri

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "src"))

from hscore.report import adds_to_reading, verdict  # noqa: E402  (the path must be set first when this is a program)
from hscore.statistics.common import proportions  # noqa: E402
from hscore.statistics.common.equivalence import AGREES, DIFFERS, INCONCLUSIVE  # noqa: E402
from hscore.statistics.common.scored_cohorts import ScoredCohort  # noqa: E402
from hscore.statistics.diagnosis import cut_off_error, discrimination, thresholds  # noqa: E402
from hscore.statistics.survival import cox, score_and_reading  # noqa: E402

LEVEL = 0.95
PUBLISHED = yaml.safe_load((ROOT / "resources/published.yaml").read_text(encoding="utf-8"))
DEVELOPMENT, EXTERNAL = ((c["lnm_positive"], c["patients"] - c["lnm_positive"]) for c in PUBLISHED["cohorts"])
SURVIVE = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["survive"]
SETTINGS = {"threshold": "youden", "bootstrap": {"resamples": cut_off_error.RESAMPLES, "seed": 1}}
JUDGED = (AGREES, INCONCLUSIVE, DIFFERS)
OLD = {False: "consistent", True: "differs"}  # the rule before: is the published point inside our interval?
MEDIAN_MONTHS, FOLLOW_UP_MONTHS, SLOPE = 150.0, (24.0, 72.0), 0.33


def cohort(rng: np.random.Generator, positives: int, negatives: int, area: float) -> ScoredCohort:
    """Binormal scores of equal variance, as logits of the ideal observer."""
    y_true = np.arange(positives + negatives) < positives
    shift = np.sqrt(2) * ndtri(area)
    scores = shift * (rng.normal(size=y_true.size) + shift * (y_true - 0.5)) + np.log(positives / negatives)
    return ScoredCohort(y_true, {"model": scores})


def chosen(development: ScoredCohort) -> float:
    """The frozen cut-off."""
    return thresholds.youden(development.y_true, development.scores["model"])


def judged(measure: str, ours: dict, published: float, error: dict | None = None, **item) -> tuple[str, str]:
    """The verdict and, for comparison, that of the old rule."""
    item = {"measure": measure, "published": published, "evaluation": "external", **item}
    theirs = verdict.published_entry(item, PUBLISHED, LEVEL)
    margin = verdict.margin_of(measure, PUBLISHED)
    found = verdict.judge(measure, ours, theirs, margin, error, LEVEL)["verdict"]
    if ours["low"] is None:
        return found, found
    return found, OLD[not ours["low"] <= published <= ours["high"]]


def of_auc(area: float, ours: float, patients: float, studies: int) -> list[tuple[str, str]]:
    """Publication with AUC ``area``, rerun with AUC ``ours`` on ``patients`` times as many patients."""
    rng, rows = np.random.default_rng(1), []
    sizes = [round(size * patients) for size in EXTERNAL]
    for _ in range(studies):
        theirs, rerun = cohort(rng, *EXTERNAL, area), cohort(rng, *sizes, ours)
        published = float(discrimination.delong(theirs.y_true, theirs.scores["model"]).auc[0])
        found = discrimination.auc_interval(rerun.y_true, rerun.scores["model"], LEVEL)
        rows.append(judged("auc", found, round(published, 3)))
    return rows


def counts(called: ScoredCohort, cut: float) -> dict[str, tuple[int, int]]:
    """Numerators and denominators of the external rates."""
    call = called.scores["model"] >= cut
    groups = {"sensitivity": called.y_true, "specificity": ~called.y_true, "accuracy": called.y_true >= 0}
    return {name: (int((call == called.y_true)[who].sum()), int(who.sum())) for name, who in groups.items()}


def of_calls(area: float, studies: int) -> dict[str, list[tuple[str, str]]]:
    """Perfect reruns: sensitivity, specificity and accuracy at cut-offs chosen on development; and without their error.

    A key with "counts alone" leaves the error of choosing the cut-offs out.
    """
    rng, rows = np.random.default_rng(2), {}
    for _ in range(studies):
        development = [cohort(rng, *DEVELOPMENT, area) for _ in range(2)]
        external = [cohort(rng, *EXTERNAL, area) for _ in range(2)]
        theirs, ours = (counts(e, chosen(d)) for d, e in zip(development, external, strict=True))
        errors = cut_off_error.standard_errors("model", external[1], development[1], SETTINGS)
        for name, (x, n) in ours.items():
            y, m = theirs[name]
            entry = proportions.proportion(x, n, "wilson", LEVEL)
            for label, error in ((name, {"estimate": errors[name]}), (f"{name}, counts alone", {"estimate": 0.0})):
                rows.setdefault(label, []).append(judged(name, entry, y / m, error, count=f"{y}/{m}"))
    return rows


def followed(rng: np.random.Generator, log_hazard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Time and event of patients with exponential times and uniform losses."""
    time = rng.exponential(MEDIAN_MONTHS / np.log(2) * np.exp(log_hazard.mean() - log_hazard))
    lost = rng.uniform(*FOLLOW_UP_MONTHS, log_hazard.size)
    return np.minimum(time, lost), time <= lost


def of_hazard_ratio(area: float, studies: int) -> list[tuple[str, str]]:
    """Perfect reruns of the external hazard ratio, where the publication found p < 0.001."""
    rng, rows = np.random.default_rng(3), []

    def found() -> dict:
        cut, patients = chosen(cohort(rng, *DEVELOPMENT, area)), cohort(rng, *EXTERNAL, area)
        score = patients.scores["model"]
        group = pd.DataFrame({"high H score": (score >= cut).astype(float)})
        return cox.fit(*followed(rng, SLOPE * score), group).wald(LEVEL)[0]

    while len(rows) < studies:
        theirs = found()
        if theirs["p"] is not None and theirs["p"] < 0.001:
            rows.append(judged("hazard_ratio", found(), theirs["estimate"], p_below=0.001))
    return rows


def of_added_survival(slope: float, studies: int) -> dict[str, float]:
    """Shares of the answers to whether the score adds to the reading for survival, in external cohorts.

    The reading (sensitivity 51 %, specificity 89 %) doubles the hazard. The score contains it, and its logit adds
    ``slope`` to the log hazard.
    """
    rng, found = np.random.default_rng(4), Counter()
    for _ in range(studies):
        patients = cohort(rng, *EXTERNAL, 0.844)
        reading = (rng.random(patients.y_true.size) < np.where(patients.y_true, 0.51, 0.11)).astype(float)
        score = patients.scores["model"] + 2 * reading
        time, event = followed(rng, np.log(2) * reading + slope * score)
        known = {"score": expit(score), "mri_ln_positive": reading, "dfs_months": time, "dfs_event": event * 1.0}
        row = score_and_reading.describe(pd.DataFrame(known), SURVIVE)["rows"][0]
        found[adds_to_reading.judge(row, 1)] += 1
    answers = (adds_to_reading.ADDS, adds_to_reading.NO_EVIDENCE, adds_to_reading.WORSE, adds_to_reading.NOT_TESTED)
    return {answer: found[answer] / studies for answer in answers}


def shares(rows: list[tuple[str, str]]) -> dict[str, float]:
    """Share of each verdict; ``old`` is that of "differs" by the rule before."""
    found = Counter(new for new, _ in rows)
    return {
        **{name: found[name] / len(rows) for name in (*JUDGED, verdict.NOT_ESTIMABLE)},
        "old": sum(old == DIFFERS for _, old in rows) / len(rows),
    }


def everything(studies: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Every row of the table: what is compared, and the shares."""
    for area in (0.933, 0.844):
        yield f"AUC {area}, perfect rerun", shares(of_auc(area, area, 1, studies))
    for area in (0.90, 0.85, 0.80, 0.70):
        yield f"AUC 0.933, true AUC of the rerun {area:.2f}", shares(of_auc(0.933, area, 1, studies))
    yield "AUC 0.933, perfect rerun, ten times as many patients", shares(of_auc(0.933, 0.933, 10, studies // 4))
    for name, rows in of_calls(0.933, studies // 2).items():
        yield f"{name}, perfect rerun", shares(rows)
    yield "hazard ratio, perfect rerun", shares(of_hazard_ratio(0.933, studies // 4))


def answers(studies: int) -> str:
    """The answers on survival as a Markdown table."""
    lines = ["| added log hazard per logit of the score | adds, % | no evidence, % | worse, % | not tested, % |",
             "|---|---:|---:|---:|---:|"]  # fmt: skip
    for slope in (0.0, 0.15, 0.33):
        cells = [f"{100 * share:.1f}" for share in of_added_survival(slope, studies).values()]
        lines.append(f"| {slope:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(rows: list[tuple[str, dict[str, float]]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| rerun | agrees, % | inconclusive, % | differs, % | old rule: differs, % |", "|---|---:|---:|---:|---:|"]
    for name, found in rows:
        cells = [f"{100 * found[key]:.1f}" for key in (*JUDGED, "old")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(table(list(everything(number))), answers(number // 10), sep="\n\n")

"""How much more an out-of-fold estimate varies than one of as many patients scored by a single fixed model.

The members of a K-fold cross-validation share training patients: what is chance among the patients of one fold has
shaped the members by which the other folds are scored. So the estimates of the folds are correlated, and the usual
variance, which takes the patients for independent, is too small. No unbiased estimate of the variance exists (Bengio
and Grandvalet, J Mach Learn Res 2004;5:1089-1105). Nadeau and Bengio (Mach Learn 2003;52:239-281) set the correlation
to the share of the patients that are tested, rho = 1 / K. The mean of K estimates with variance s^2 each then has the
variance

    s^2 / K x (1 + (K - 1) rho) = s^2 / K x (2 - 1 / K)

where s^2 / K is the usual variance of all patients: 1.8 times the usual one for five folds. docs/intervals.md has the
coverage: too low without it, 94 to 99 % with it.
"""

NOTE = (
    "Only the intervals and tests of AUCs by DeLong's and Newcombe's variance allow for this. The other out-of-fold "
    "intervals, bootstrap intervals of the AUC and ROC bands among them, are a little too short: in Monte-Carlo "
    "studies those of 95 % held the truth in 89 to 98 %."
)


def variance_factor(folds: int | None) -> float:
    """Return the variance of out-of-fold estimates over that of independent patients.

    Args:
        folds: number of members that scored the patients, each the patients of one fold; None where one fixed model
            or ensemble scored all of them.
    """
    return 2 - 1 / folds if folds else 1.0


def describe(folds: int | None) -> dict | None:
    """Return what the intervals of out-of-fold AUCs allow for, None without folds.

    ``folds``, ``correlation`` between their estimates, the ``variance_factor``, and a ``note`` on all other intervals.
    """
    if not folds:
        return None
    return {"folds": folds, "correlation": 1 / folds, "variance_factor": variance_factor(folds), "note": NOTE}


def named(method: str, folds: int | None) -> str:
    """Return the name of a method with the correction it had."""
    if not folds:
        return method
    return f"{method}, variance x {variance_factor(folds):.3g} for {folds} overlapping training sets"

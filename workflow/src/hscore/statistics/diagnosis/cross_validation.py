"""Correct the variance of out-of-fold estimates for the overlap of training sets.

The members of a K-fold cross-validation share training patients: chance among the patients of one fold has influenced
the members that score the other folds. The estimates of the folds are therefore correlated, and the usual variance,
which assumes independent patients, is too small. No unbiased estimate of the variance exists (Bengio and Grandvalet,
J Mach Learn Res 2004;5:1089-1105). Nadeau and Bengio (Mach Learn 2003;52:239-281) set the correlation to the share of
the patients that are tested, rho = 1 / K. The mean of K estimates with variance s^2 each then has the variance

    s^2 / K x (1 + (K - 1) rho) = s^2 / K x (2 - 1 / K)

where s^2 / K is the usual variance of all patients: 1.8 times the usual one for five folds. docs/intervals.md shows the
coverage: too low without the correction, 94 to 99 % with it.
"""

NOTE = (
    "Only the intervals and tests of AUCs by DeLong's and Newcombe's variance allow for this. The other out-of-fold "
    "intervals, including bootstrap intervals of the AUC and ROC bands, are slightly too short: in Monte-Carlo studies "
    "95 % intervals contained the true value in 89 to 98 %."
)


def variance_factor(folds: int | None) -> float:
    """Return the ratio of the variance of out-of-fold estimates to that of independent patients.

    Args:
        folds: number of members that scored the patients, each the patients of one fold; None where one fixed model
            or ensemble scored all of them.
    """
    return 2 - 1 / folds if folds else 1.0


def describe(folds: int | None) -> dict | None:
    """Return the correction in the intervals of out-of-fold AUCs, None without folds.

    Returns:
        ``folds``, ``correlation`` between their estimates, ``variance_factor``, and a ``note`` on all other intervals.
    """
    if not folds:
        return None
    return {"folds": folds, "correlation": 1 / folds, "variance_factor": variance_factor(folds), "note": NOTE}


def corrected_method(method: str, folds: int | None, whose: str = "") -> str:
    """Return the name of a method with its correction; ``whose`` variance it corrects, where not all."""
    if not folds:
        return method
    return f"{method}, {whose}variance x {variance_factor(folds):.3g} for {folds} overlapping training sets"

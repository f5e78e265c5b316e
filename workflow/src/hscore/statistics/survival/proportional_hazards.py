"""Test proportional hazards by Grambsch and Therneau's score test, as R's ``cox.zph`` since survival 3.0.

The test shows whether each coefficient changes with g(t), a function of time: x g(t) is added for every covariate x,
and the score test of those additional coefficients at zero is computed with the exact information matrix. lifelines'
test is the older approximation and gives other numbers.

Source: Grambsch and Therneau, Biometrika 1994;81:515-526; Therneau, vignette "Approximate score test" of R survival.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import chdtrc

from hscore.statistics.survival.partial_likelihood import contributions
from hscore.statistics.survival.survival_curves import kaplan_meier


def transform(time: np.ndarray, event: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return g(t) = 1 - Kaplan-Meier just before t at each moment, R's default."""
    curve = kaplan_meier(time, event, confidence=0.95)
    before = np.concatenate([[1.0], curve.survival])
    return 1 - before[np.searchsorted(curve.time, moments, side="left")]


def test(
    time: np.ndarray,
    event: np.ndarray,
    x: np.ndarray,
    beta: np.ndarray,
    names: list[str],
    together: Mapping[str, Sequence[str]] | None = None,
) -> list[dict]:
    """Return one row per covariate and, with several, one for all (term "GLOBAL"): ``term``, ``chi2``, ``df``, ``p``.

    ``x`` float [n, p] and ``beta`` float [p] are a fitted Cox model. Covariates listed ``together`` under the name of a
    term are tested jointly. With too few events for the test the values are None with ``why``.
    """
    parts = contributions(x, time, event, beta)
    g = transform(time, event, parts.time)
    g = g - g.mean()
    score = np.concatenate([np.zeros(len(names)), g @ parts.residual])
    inner, cross, outer = (np.tensordot(power, parts.variance, 1) for power in (np.ones(g.size), g, g**2))
    information = np.block([[inner, cross], [cross, outer]])
    size = len(names)
    of_term = {part: term for term, parts in (together or {}).items() for part in parts}
    indices: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        indices.setdefault(of_term.get(name, name), []).append(size + index)
    terms = [(name, [*range(size), *added]) for name, added in indices.items()]
    if size > 1:
        terms.append(("GLOBAL", list(range(2 * size))))
    rows = []
    for name, keep in terms:
        degrees = len(keep) - size
        matrix, part = information[np.ix_(keep, keep)], score[keep]
        row = {"term": name, "chi2": None, "df": degrees, "p": None}
        if np.linalg.matrix_rank(matrix, hermitian=True) < len(keep):
            rows.append({**row, "why": "too few different event times to see a change over time"})
            continue
        chi2 = float(part @ np.linalg.solve(matrix, part))
        rows.append({**row, "chi2": chi2, "p": float(chdtrc(degrees, chi2))})
    return rows

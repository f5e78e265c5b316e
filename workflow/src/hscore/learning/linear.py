"""Models without networks: logistic regression and late fusion; numpy only, no torch.

Nothing here is random, so that there is one model however many seeds the networks have.
"""

import numpy as np

from hscore.learning import fusion, logistic_member
from hscore.learning.samples import Samples


def kind(spec: dict) -> str:
    """``fusion`` or ``logistic``."""
    return "fusion" if "fuse" in spec else "logistic"


def fit_member(spec: dict, samples: Samples, training: np.ndarray, labels: np.ndarray) -> dict:
    """One fold's model, fitted on the patients ``training`` (bool [P]) with their ``labels``."""
    clinical, columns = samples.clinical[training], spec.get("clinical", [])
    if kind(spec) == "fusion":
        return fusion.fit(samples.scores[training], clinical, labels, [*spec["fuse"], *columns], len(spec["fuse"]))
    return logistic_member.fit_member(clinical, labels, columns)


def probabilities(kind: str, member: dict, samples: Samples, spec: dict) -> np.ndarray:
    """Probability of LNM [P] by one fold's model."""
    if kind == "fusion":
        return fusion.probabilities(member, samples.scores, samples.clinical, spec["fuse"])
    return logistic_member.probabilities(member, samples.clinical)

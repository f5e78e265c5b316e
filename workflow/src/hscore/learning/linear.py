"""Models without networks: logistic regression and late fusion; numpy only, no torch.

The fits are deterministic, so there is one model regardless of the number of seeds of the networks.
"""

import numpy as np

from hscore.learning import fusion, logistic_member
from hscore.learning.samples import Samples


def kind(spec: dict) -> str:
    """Return the kind of a model without networks: ``fusion`` or ``logistic``."""
    return "fusion" if "fuse" in spec else "logistic"


def fit_member(spec: dict, samples: Samples, training: np.ndarray, labels: np.ndarray) -> dict:
    """Fit one fold's member on the patients ``training`` (bool [P]) with their ``labels``."""
    clinical, columns = samples.clinical[training], spec.get("clinical", [])
    if kind(spec) == "fusion":
        fused = spec["fuse"]
        return fusion.fit(samples.fused_scores[training], clinical, labels, [*fused, *columns], len(fused))
    return logistic_member.fit_member(clinical, labels, columns)


def probabilities(kind: str, member: dict, samples: Samples, spec: dict) -> np.ndarray:
    """Return the probability of LNM [P] by one fold's member."""
    if kind == "fusion":
        return fusion.probabilities(member, samples.fused_scores, samples.clinical, spec["fuse"])
    return logistic_member.probabilities(member, samples.clinical)

"""Explain calls of an image model: for each, the sample that supports it most, with its saliency maps."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hscore.learning import saliency
from hscore.learning.ensemble import Ensemble
from hscore.learning.samples import Samples, array_keys


def explain_calls(ensembles: Sequence[Ensemble], samples: Samples, calls: Sequence[Mapping[str, Any]]) -> dict:
    """Return the maps of the calls by every sequence of the model.

    Args:
        ensembles: of one model, one per seed or group of seeds.
        samples: the patients' input to the model.
        calls: ``kind`` (``true positive`` and so on), ``patient``, ``lnm`` and ``score`` of each.

    Returns:
        ``checks``: by sequence and region, the comparison with random weights (``saliency.explain``); ``shown``: one
        row per sequence and call whose patient has the sequence, the call with ``array`` (sequence and region) and the
        pictures ``sample`` (its middle section), ``map`` and ``random_map``.
    """
    checks, shown = {}, []
    for sequence, key in enumerate(array_keys(ensembles[0].spec)):
        logits = saliency.sample_scores(ensembles, samples, sequence)
        chosen = [supporting_sample(samples, sequence, call, logits) for call in calls]
        pairs = [(call, sample) for call, sample in zip(calls, chosen, strict=True) if sample is not None]
        explained = saliency.explain(ensembles, samples, sequence, [sample for _, sample in pairs])
        checks[key] = explained["check"]
        shown += [
            {
                **call,
                "array": key,
                "sample": grey_levels(middle_section(samples.images[sequence].pixels[sample])),
                "map": grey_levels(explained["maps"][index]),
                "random_map": grey_levels(explained["random_maps"][index]),
            }
            for index, (call, sample) in enumerate(pairs)
        ]
    return {"checks": checks, "shown": shown}


def supporting_sample(samples: Samples, sequence: int, call: Mapping[str, Any], logits: np.ndarray) -> int | None:
    """Return the patient's sample with the highest score, or with the lowest for a negative call; None without samples.

    Args:
        samples: the patients' input to the model.
        sequence: number of the sequence in the model.
        call: ``kind`` and ``patient``.
        logits: score of every sample of the sequence, float [N].
    """
    patient = np.flatnonzero(samples.patients["patient"] == call["patient"])
    own = samples.images[sequence].indices_of(patient)
    if not own.size:
        return None
    return int(own[np.argmax(logits[own] if call["kind"].endswith("positive") else -logits[own])])


def middle_section(sample: np.ndarray) -> np.ndarray:
    """Return the middle section: [sections, rows, columns] -> [rows, columns]."""
    return sample[len(sample) // 2]


def grey_levels(values: np.ndarray) -> dict:
    """Return values [rows, columns] as grey levels from their lowest to their highest, one byte each in base64."""
    low, high = float(values.min()), float(values.max())
    levels = np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return {"rows": levels.shape[0], "columns": levels.shape[1], "levels": base64.b64encode(levels.tobytes()).decode()}

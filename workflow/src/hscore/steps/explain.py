"""Maps of what an image model looked at in the patients of whom it was most certain, rightly and wrongly."""

import argparse
import base64
from pathlib import Path

import numpy as np

from hscore.files import read_json, write_json
from hscore.learning.ensemble import load_seeds
from hscore.learning.samples import Samples, array_keys, read_samples
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import cases
from hscore.steps import _program


def main(argv: list[str] | None = None) -> None:
    parser = _program.parser("explain", __doc__)
    add = parser.add_argument
    add("--model", required=True, help="name of the image model")
    add("--model-folders", required=True, nargs="+", type=Path, help="one a seed, or group of seeds")
    add("--manifests", required=True, nargs="+", type=Path, help="external patients, one CSV a centre")
    add("--predictions", required=True, type=Path, help="their scores by this model, CSV")
    add("--lnm", required=True, nargs="+", type=Path, help="their lnm, one CSV a centre")
    add("--thresholds", required=True, type=Path, help="frozen thresholds, JSON")
    add("--output", required=True, type=Path, help="patients, samples and maps, JSON")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    from hscore.learning import saliency  # here, because torch costs two seconds

    ensembles = load_seeds(arguments.model_folders)
    samples = read_samples(arguments.manifests, ensembles[0].spec)
    threshold = scored_cohorts.threshold_of(arguments.model, read_json(arguments.thresholds), arguments.thresholds)[
        "value"
    ]
    names = samples.patients["patient"]
    scores = scored_cohorts.numbers(
        scored_cohorts.read_table(arguments.predictions, ["score"]), "score", "the scores", 0, 1
    )
    nodes = scored_cohorts.read_nodes(arguments.lnm)[names]
    positive = (nodes == 1).to_numpy()
    scores = scores[names].where(nodes.notna())  # a call is neither right nor wrong where nodes are not known
    chosen = {} if threshold is None else cases.most_certain(positive, scores.to_numpy(), threshold)
    shown, checks = [], {}
    for number, key in enumerate(array_keys(ensembles[0].spec)):
        own = shown_samples(samples, number, chosen, saliency.sample_scores(ensembles, samples, number))
        found = saliency.explain(ensembles, samples, number, list(own.values()))
        checks[key] = found["check"]
        for place, (kind, sample) in enumerate(own.items()):
            patient = names[chosen[kind]]
            section = middle_section(samples.images[number].values[sample])
            shown.append(
                {
                    "kind": kind,
                    "patient": patient,
                    "lnm": bool(positive[chosen[kind]]),
                    "score": float(scores[patient]),
                    "array": key,
                    "sample": picture(section),
                    "map": picture(found["maps"][place]),
                    "random_map": picture(found["random_maps"][place]),
                }
            )
    write_json(arguments.output, {"model": arguments.model, "threshold": threshold, "checks": checks, "shown": shown})


def shown_samples(samples: Samples, sequence: int, chosen: dict[str, int], logits: np.ndarray) -> dict[str, int]:
    """Of each patient the sample that speaks most for the call: the highest score, or the lowest of a negative one."""
    patient_index = samples.images[sequence].patient_index
    found = {}
    for kind, patient in chosen.items():
        own = np.flatnonzero(patient_index == patient)
        if own.size:
            found[kind] = int(own[np.argmax(logits[own] if kind.endswith("positive") else -logits[own])])
    return found


def middle_section(sample: np.ndarray) -> np.ndarray:
    """[C, rows, columns] -> [rows, columns]."""
    return sample[len(sample) // 2]


def picture(values: np.ndarray) -> dict:
    """Values [rows, columns] as grey levels from their lowest to their highest, one byte each in base64."""
    low, high = float(values.min()), float(values.max())
    levels = np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return {"rows": levels.shape[0], "columns": levels.shape[1], "levels": base64.b64encode(levels.tobytes()).decode()}


if __name__ == "__main__":
    main()

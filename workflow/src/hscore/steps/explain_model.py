"""Draw saliency maps of an image model for the patients with the most certain calls, correct and wrong ones."""

import argparse
import base64
from pathlib import Path

import numpy as np

from hscore.contracts import outcomes, predictions
from hscore.files import read_json, write_json
from hscore.learning import saliency
from hscore.learning.ensemble import load_seeds
from hscore.learning.samples import Samples, array_keys, read_samples
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import cases
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("explain_model", __doc__)
    add = parser.add_argument
    add("--model", required=True, help="name of the image model")
    add("--model-folders", required=True, nargs="+", type=Path, help="one per seed or group of seeds")
    add("--manifests", required=True, nargs="+", type=Path, help="external patients, one CSV per centre")
    add("--predictions", required=True, type=Path, help="their scores by this model, CSV")
    add("--lnm", required=True, nargs="+", type=Path, help="their lnm, one CSV per centre")
    add("--thresholds", required=True, type=Path, help="frozen thresholds, JSON")
    add("--output", required=True, type=Path, help="patients, samples and maps, JSON")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read models, samples and scores, compute the maps, write."""
    ensembles = load_seeds(arguments.model_folders)
    samples = read_samples(arguments.manifests, ensembles[0].spec)
    frozen = read_json(arguments.thresholds)
    threshold = scored_cohorts.threshold_of(arguments.model, frozen, arguments.thresholds)["value"]
    names = samples.patients["patient"]
    scores = predictions.read([arguments.predictions]).scores_of(arguments.model, predictions.EXTERNAL)
    nodes = outcomes.read_lnm(arguments.lnm)[names]
    y_true = (nodes == 1).to_numpy()
    scores = scores[names].where(nodes.notna())  # without known node status a call is neither correct nor wrong
    chosen = {} if threshold is None else cases.most_certain(y_true, scores.to_numpy(), threshold)
    shown, checks = [], {}
    for number, key in enumerate(array_keys(ensembles[0].spec)):
        sample_of_kind = shown_samples(samples, number, chosen, saliency.sample_scores(ensembles, samples, number))
        explained = saliency.explain(ensembles, samples, number, list(sample_of_kind.values()))
        checks[key] = explained["check"]
        for index, (kind, sample) in enumerate(sample_of_kind.items()):
            patient = names[chosen[kind]]
            section = middle_section(samples.images[number].pixels[sample])
            shown.append(
                {
                    "kind": kind,
                    "patient": patient,
                    "lnm": bool(y_true[chosen[kind]]),
                    "score": float(scores[patient]),
                    "array": key,
                    "sample": picture(section),
                    "map": picture(explained["maps"][index]),
                    "random_map": picture(explained["random_maps"][index]),
                }
            )
    write_json(arguments.output, {"model": arguments.model, "threshold": threshold, "checks": checks, "shown": shown})


def shown_samples(samples: Samples, sequence: int, chosen: dict[str, int], logits: np.ndarray) -> dict[str, int]:
    """Return per patient the sample that supports the call most: highest score, or lowest for a negative call."""
    patient_index = samples.images[sequence].patient_index
    sample_of_kind = {}
    for kind, patient in chosen.items():
        members = np.flatnonzero(patient_index == patient)
        if members.size:
            sample_of_kind[kind] = int(
                members[np.argmax(logits[members] if kind.endswith("positive") else -logits[members])]
            )
    return sample_of_kind


def middle_section(sample: np.ndarray) -> np.ndarray:
    """Return the middle section: [C, rows, columns] -> [rows, columns]."""
    return sample[len(sample) // 2]


def picture(values: np.ndarray) -> dict:
    """Return values [rows, columns] as grey levels from their lowest to their highest, one byte each in base64."""
    low, high = float(values.min()), float(values.max())
    levels = np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return {"rows": levels.shape[0], "columns": levels.shape[1], "levels": base64.b64encode(levels.tobytes()).decode()}


if __name__ == "__main__":
    main()

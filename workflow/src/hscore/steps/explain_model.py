"""Draw saliency maps of an image model for the patients with the most certain calls, correct and wrong ones."""

import argparse
from pathlib import Path

from hscore.contracts import outcomes, predictions, result_parts, thresholds
from hscore.learning import explanation
from hscore.learning.ensemble import load_seeds
from hscore.learning.samples import read_samples
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
    """Read models, samples, scores and outcomes, compute the maps of the most certain calls, write."""
    ensembles = load_seeds(arguments.model_folders)
    samples = read_samples(arguments.manifests, ensembles[0].spec)
    patients = samples.patients["patient"]
    scores = predictions.read([arguments.predictions]).scores_of(arguments.model, predictions.EXTERNAL)[patients]
    nodes = outcomes.read_lnm(arguments.lnm)[patients]
    threshold = thresholds.read(arguments.thresholds, [arguments.model])[arguments.model]["value"]
    explained = explanation.explain_calls(ensembles, samples, cases.most_certain_calls(nodes, scores, threshold))
    content = result_parts.Explanation(model=arguments.model, threshold=threshold, **explained)
    result_parts.write(arguments.output, content)


if __name__ == "__main__":
    main()

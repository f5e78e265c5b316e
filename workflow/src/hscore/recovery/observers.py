"""Match each model of a study with its ideal observer and what was planted for it."""

from hscore.model_spec import sequences_of
from hscore.simulation.parameters import SEQUENCES


def reported_truth(truth: dict, specification: dict, hazard_ratios: dict) -> dict:
    """Return what the report shows of the truth: ``ideal_auc`` by model, and ``hazard_ratios``.

    The AUC is None where no ideal observer is known.

    Args:
        truth: planted truth of any centre; population values are the same in all.
        specification: config section ``models``.
        hazard_ratios: of the study, next to the planted one (``hazard_ratios.compare``).
    """
    observers = {name: observer(specification, name) for name in specification}
    ideal_auc = {name: keys and at(truth["ideal_auc"], keys) for name, keys in observers.items()}
    return {"ideal_auc": ideal_auc, "hazard_ratios": hazard_ratios}


def observer(specification: dict, name: str) -> tuple[str, ...] | None:
    """Return the ideal observer with the inputs of a model of ``specification``: a key of ``ideal_auc``, or None."""
    model = specification[name]
    clinical = model.get("clinical", [model["reading"]] if "reading" in model else [])
    seen = images_seen(specification, name)
    if clinical not in ([], ["mri_ln_positive"]):
        return None
    if not seen:
        return ("mri_ln",) if clinical else None
    if len(seen) == 1 and not clinical:
        return next(iter(seen))
    if seen == {("CET1WI", "peritumoral")}:
        return ("hybrid",)
    if seen == {(sequence, "peritumoral") for sequence in SEQUENCES}:
        return ("all_sequences_mri_ln",) if clinical else ("all_sequences",)
    return None


def images_seen(specification: dict, name: str) -> set[tuple[str, str]]:
    """Return the sequences and regions that a model receives, directly or through the models it fuses."""
    model = specification[name]
    direct = {(sequence, model["region"]) for sequence in sequences_of(model)}
    return direct.union(*(images_seen(specification, base) for base in model.get("fuse", [])))


def at(tree: dict, keys: tuple[str, ...]):
    """Return the value of a nested dictionary at ``keys``."""
    for key in keys:
        tree = tree[key]
    return tree

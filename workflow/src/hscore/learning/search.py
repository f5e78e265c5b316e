"""Nested search over training settings: what an inner cross-validation would choose, and what that choosing is worth.

For each outer fold the settings are chosen by cross-validation within its training patients alone, a network is
trained on all of these with the settings chosen, and the held-out patients are scored by it, once. The scores of all
outer folds together are those of the whole procedure, choice included; the inner scores of the chosen settings are not,
because they are the best of many.

Source: S. Varma and R. Simon, BMC Bioinformatics 2006;7:91; G. Cawley and N. Talbot, J Mach Learn Res
2010;11:2079-2107.
"""

import copy
import logging
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.errors import UserError
from hscore.learning import calibration, machine, networks, training
from hscore.learning.inference import patient_probabilities
from hscore.learning.model_description import describe, fingerprint
from hscore.learning.samples import read_folds, read_samples
from hscore.learning.training import Member, Task
from hscore.metrics.ranking import auc

log = logging.getLogger(__name__)

SEED = 1


def combinations(grid: Mapping[str, Sequence]) -> list[dict]:
    """Every combination of the values of ``grid``, as key -> value, in the order given."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def with_values(settings: dict, values: Mapping[str, object]) -> dict:
    """A copy of ``settings`` with values at ``key`` or ``key.nested``; UserError for a key that is not there."""
    changed = copy.deepcopy(settings)
    for place, value in values.items():
        *path, last = place.split(".")
        section = changed
        for key in path:
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict) or last not in section:
            raise UserError(f"search.grid: 'train.{place}' is not a setting of the model searched for")
        section[last] = value
    return changed


def search(
    name: str,
    spec: dict,
    settings: dict,
    grid: Mapping[str, Sequence],
    folds: str | Path,
    inner: pd.DataFrame,
    manifests: Sequence[str | Path],
    state: str | Path,
    held_out: int | None,
) -> dict:
    """Choose among the combinations of ``grid`` by out-of-fold AUC within ``inner``; score the fold ``held_out``.

    ``inner``: the patients to choose on, with their inner folds (columns patient, center, lnm, fold): the training
    patients of the outer fold ``held_out`` of ``folds``, or all development patients (``held_out`` None: the settings
    to recommend). Returns ``tried`` (values and AUC of every combination), ``chosen``, and ``scores`` by patient.
    """
    device = machine.prepare(settings["device"], settings["threads"])
    outer = read_folds(folds)
    seen = set(inner["patient"]) & set(outer["patient"][outer["fold"] == held_out])
    if seen:
        raise UserError(f"search: patient '{min(seen)}' is both chosen on and held out")
    samples = read_samples(manifests, spec, inner["patient"].tolist())
    tried = []
    for values in combinations(grid):
        own = with_values(settings, values)
        training.check(own, len(samples.images))
        task = Task.of(name, samples, inner, own, device)
        scores = held_out_scores(task, np.unique(task.folds).tolist(), state_of(state, task, inner, spec))
        tried.append({"values": values, "auc": auc(task.labels, scores)})
        log.info("%s with %s: inner out-of-fold AUC %.3f", name, values, tried[-1]["auc"])
    chosen = max(tried, key=lambda row: row["auc"])["values"]  # of equal ones the first
    content = {"model": name, "held_out": held_out, "tried": tried, "chosen": chosen, "scores": {}}
    if held_out is not None:
        samples = read_samples(manifests, spec, outer["patient"].tolist())
        task = Task.of(name, samples, outer, with_values(settings, chosen), device)
        scores = held_out_scores(task, [held_out], state_of(state, task, outer, spec))
        own = task.folds == held_out
        content["scores"] = dict(zip(samples.patients["patient"][own], scores[own].tolist(), strict=True))
    return content


def held_out_scores(task: Task, folds: Sequence[int], state: Path) -> np.ndarray:
    """Return the scores [P] of the patients of ``folds`` by networks that did not see them; NaN for all others.

    Each network's scores are aligned over all patients, as a study's are, before they are pooled.
    """
    members = [Member(SEED, fold) for fold in folds]
    scores = np.full(len(task.labels), np.nan)
    shapes, aggregation = [one.values.shape[1:] for one in task.samples.images], task.settings["aggregation"]
    for member, result in zip(members, training.train_members(task, members, state), strict=True):
        network = networks.build(task.settings["network"], shapes, task.samples.clinical.shape[1], aggregation)
        network.load_state_dict(result["weights"])
        network.to(task.device, memory_format=network.memory_format)
        own = task.folds == member.fold
        scores[own] = calibration.standard(patient_probabilities(network, task.tensors, aggregation))[own]
    return scores


def state_of(state: str | Path, task: Task, split: pd.DataFrame, spec: dict) -> Path:
    """A state folder of its own for each training, so that a killed search goes on where it was."""
    parts = describe(task.name, spec, task.settings, split, task.samples) | machine.describe(task.device)
    folder = Path(state) / fingerprint(parts, task.samples)
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""Batches of patients: what one job of an imaging stage works through."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log2

# Of the run that has begun, for the line of progress: patients of each batch, and of all jobs of each rule.
SIZES: dict[tuple[str, str], int] = {}
TO_DO: Counter[str] = Counter()


def batches(patients: Sequence[str], size: int) -> dict[str, list[str]]:
    """Return the patients of a centre by batch, about ``size`` in each; names such as ``03-of-32``.

    A hash of the pseudonym says which batch a patient is in, so that neither the order of the table nor other patients
    matter. The number of batches is a power of two: it changes, and with it all batches, only when a centre's number
    of patients has grown or shrunk by a factor of about two. Batches are in order, and so are the patients in them.
    """
    count = 2 ** max(0, round(log2(max(len(patients), 1) / size)))
    members: dict[int, list[str]] = {}
    for patient in sorted(patients):
        place = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8]) % count
        members.setdefault(place, []).append(patient)
    width = len(str(count))
    return {f"{place + 1:0{width}}-of-{count}": members[place] for place in sorted(members)}


def announce(jobs: Iterable, members: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Say how many patients the jobs of a run are about.

    Args:
        jobs: Snakemake's jobs that will run.
        members: patients by centre and batch.
    """
    SIZES.update({(center, name): len(some) for center, named in members.items() for name, some in named.items()})
    for job in jobs:
        TO_DO[job.rule.name] += patients_of(job.wildcards_dict) or 0


def patients_of(wildcards: Mapping[str, str]) -> int | None:
    """Return how many patients a job works through, by its wildcards; None of a job that is not about a batch."""
    return SIZES.get((wildcards.get("center"), wildcards.get("batch")))

"""Divide patients into batches: each job of an imaging stage processes one."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log2

# For the progress line of the current run: patients of each batch, and of all jobs of each rule.
SIZES: dict[tuple[str, str], int] = {}
TO_DO: Counter[str] = Counter()


def batches(patients: Sequence[str], size: int) -> dict[str, list[str]]:
    """Return the patients of a centre by batch, about ``size`` in each; names such as ``03-of-32``.

    A hash of the pseudonym determines the batch of a patient, independently of the order of the table and of other
    patients. The number of batches is a power of two. It changes, and with it all batches, only when a centre's number
    of patients has changed by a factor of about two. Batches are sorted, and so are the patients in them.
    """
    count = 2 ** max(0, round(log2(max(len(patients), 1) / size)))
    members: dict[int, list[str]] = {}
    for patient in sorted(patients):
        number = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8]) % count
        members.setdefault(number, []).append(patient)
    width = len(str(count))
    return {f"{number + 1:0{width}}-of-{count}": members[number] for number in sorted(members)}


def announce(jobs: Iterable, members: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Record how many patients the jobs of a run process.

    Args:
        jobs: Snakemake's jobs that will run.
        members: patients by centre and batch.
    """
    SIZES.update(
        {
            (center, name): len(patients)
            for center, batches_of_center in members.items()
            for name, patients in batches_of_center.items()
        }
    )
    for job in jobs:
        TO_DO[job.rule.name] += patients_of(job.wildcards_dict) or 0


def patients_of(wildcards: Mapping[str, str]) -> int | None:
    """Return how many patients a job processes, by its wildcards; None for a job without a batch."""
    return SIZES.get((wildcards.get("center"), wildcards.get("batch")))

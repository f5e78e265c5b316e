"""Which batch a patient is in: it depends on her name and on how many batches there are, on nothing else."""

import math
import random

import pytest

from hscore.dag.batches import batches

NAMES = [f"centre-{number:04d}" for number in range(1, 219)]


def batch_of(patients: list[str], size: int = 8) -> dict[str, str]:
    """The name of every patient's batch."""
    return {patient: name for name, members in batches(patients, size).items() for patient in members}


@pytest.mark.parametrize("number", [1, 7, 8, 120, 218])
@pytest.mark.parametrize("size", [1, 8, 30])
def test_every_patient_is_in_exactly_one_batch(number, size):
    members = [patient for some in batches(NAMES[:number], size).values() for patient in some]
    assert sorted(members) == NAMES[:number]


@pytest.mark.parametrize(
    ("number", "size", "count"),
    [(1, 8, 1), (11, 8, 1), (12, 8, 2), (90, 8, 8), (91, 8, 16), (218, 8, 32), (218, 1, 256), (218, 1000, 1)],
)
def test_the_number_of_batches_is_the_nearest_power_of_two(number, size, count):
    """Nearest by ratio: 90 patients are 11.25 eights, and 8 * sqrt(2) = 11.31."""
    assert {name.partition("-of-")[2] for name in batches(NAMES[:number], size)} == {str(count)}
    assert count == 1 or 1 / math.sqrt(2) <= number / size / count <= math.sqrt(2)


def test_names_sort_as_numbers_and_batches_without_a_patient_are_left_out():
    names = list(batches(NAMES, 1))
    assert names == sorted(names) and names[0] >= "001-of-256" and names[-1] <= "256-of-256" and len(names) < 218
    assert list(batches(NAMES[:5], 8)) == ["1-of-1"] and batches([], 8) == {}


def test_the_order_of_the_table_does_not_matter():
    shuffled = random.Random(1).sample(NAMES, len(NAMES))
    assert batches(shuffled, 8) == batches(NAMES, 8)
    assert list(batches(shuffled, 8)) == list(batches(NAMES, 8))


def test_a_patient_stays_where_she_is_when_others_come_and_go():
    before = batch_of(NAMES)
    after = batch_of([*NAMES[10:], "centre-0999", "A.b_c-1"])
    assert all(after[patient] == before[patient] for patient in NAMES[10:])


def test_only_where_the_number_of_patients_doubles_do_batches_change():
    counts = {number: next(iter(batches(NAMES[:number], 8))).partition("-of-")[2] for number in range(91, 182)}
    assert set(counts.values()) == {"16"}


def test_batches_are_spread_evenly():
    """As a hash spreads them: 10,000 patients in 1,024 batches, Poisson with mean 9.8."""
    sizes = [len(members) for members in batches([f"p{number}" for number in range(10_000)], 10).values()]
    mean = sum(sizes) / 1024
    assert sum((size - mean) ** 2 for size in sizes) / 1024 == pytest.approx(mean, rel=0.2)

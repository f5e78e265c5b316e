"""Define the resources that rules request."""

from collections.abc import Callable


def growing(amount: int) -> Callable[..., int]:
    """Return a resource function that increases with every attempt, for retries after a lack of memory or time.

    The n-th attempt requests n times ``amount``. The profile sets the number of attempts (``retries``).
    """

    def at(wildcards, attempt: int) -> int:
        return amount * attempt

    return at


def per_patient(amount: int, patients: Callable[..., list[str]]) -> Callable[..., int]:
    """Return a resource function that increases with every attempt and with a job's number of ``patients``."""

    def at(wildcards, attempt: int) -> int:
        return amount * len(patients(wildcards)) * attempt

    return at

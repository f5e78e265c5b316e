"""Resources that a rule asks for."""

from collections.abc import Callable


def growing(amount: int) -> Callable[..., int]:
    """A resource that grows with every attempt: a job killed for want of memory or time is retried with more.

    The n-th attempt asks for n times ``amount``. How often a job is retried stands in the profile (``retries``).
    """

    def at(wildcards, attempt: int) -> int:
        return amount * attempt

    return at


def per_patient(amount: int, patients: Callable[..., list[str]]) -> Callable[..., int]:
    """A resource that grows with every attempt, and with the number of ``patients`` of a job (an input function)."""

    def at(wildcards, attempt: int) -> int:
        return amount * len(patients(wildcards)) * attempt

    return at

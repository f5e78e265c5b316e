"""The config entry of one model (an item of ``models``), read in this one place."""

from collections.abc import Mapping
from typing import Any


def sequences_of(spec: Mapping[str, Any]) -> list[str]:
    """Return the sequences that a model reads directly; none for a model without images."""
    return spec.get("sequences") or ([spec["sequence"]] if spec.get("sequence") else [])


def sequences_seen(name: str, models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the sequences that a model uses, directly or through the models it fuses, each once."""
    fused = [sequence for base in models[name].get("fuse", []) for sequence in sequences_seen(base, models)]
    return list(dict.fromkeys([*sequences_of(models[name]), *fused]))

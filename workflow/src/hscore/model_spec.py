"""What the config says of one model (an entry of ``models``), in the one place that everybody asks."""

from collections.abc import Mapping
from typing import Any


def sequences_of(spec: Mapping[str, Any]) -> list[str]:
    """The sequences that a model sees by itself; none for one without images."""
    return spec.get("sequences") or ([spec["sequence"]] if spec.get("sequence") else [])


def sequences_seen(name: str, models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sequences that a model sees, by itself or through the models it fuses, each once."""
    fused = [sequence for base in models[name].get("fuse", []) for sequence in sequences_seen(base, models)]
    return list(dict.fromkeys([*sequences_of(models[name]), *fused]))

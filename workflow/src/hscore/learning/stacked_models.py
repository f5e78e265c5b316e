"""Networks in training: a single one, or several of the same shape stacked and trained in lockstep on a GPU.

A small network leaves a GPU idle: launching its kernels takes longer than running them. The folds and seeds of a model
are therefore stacked into one batched program (torch.func). This saves nothing on a CPU, where the folds are trained
one after the other. From the same batches, both give the same weights up to rounding.

Shapes: M members, U bags, k places per bag, S sequences, C sections, K clinical scalars.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from hscore.learning.networks import ScoreNetwork


class SingleModel:
    """One network, with the interface of ``StackedModels`` (M = 1)."""

    def __init__(self, network: ScoreNetwork) -> None:
        self.network = network.to(memory_format=network.memory_format)

    def parameters(self) -> list[Tensor]:
        """Return the tensors that the optimiser updates."""
        return list(self.network.parameters())

    def train(self) -> None:
        """Switch to training mode: dropout and batch statistics."""
        self.network.train()

    def logits(self, images: Sequence[Tensor], mask: Sequence[Tensor], clinical: Tensor) -> Tensor:
        """Return the logits [1, U, heads] of S x images [1, U k, C, rows, columns], S x mask [1, U, k], [1, U, K]."""
        images = [batch[0].contiguous(memory_format=self.network.memory_format) for batch in images]
        return self.network(images, [places[0] for places in mask], clinical[0]).unsqueeze(0)

    def networks(self) -> list[ScoreNetwork]:
        """Return the networks with their current weights."""
        return [self.network]

    def state(self) -> dict[str, Tensor]:
        """Return all weights and buffers, as ``restore`` takes them."""
        return self.network.state_dict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Resume from a saved ``state``."""
        self.network.load_state_dict(state)


class StackedModels:
    """Several networks of one shape. Each parameter is one tensor with the members along the first dimension."""

    def __init__(self, networks: Sequence[ScoreNetwork]) -> None:
        self.members = list(networks)
        self.stacked_parameters, self.stacked_buffers = stack_module_state(self.members)

    def parameters(self) -> list[Tensor]:
        """Return the tensors that the optimiser updates."""
        return list(self.stacked_parameters.values())

    def train(self) -> None:
        """Switch to training mode: dropout and batch statistics."""
        for member in self.members:
            member.train()

    def logits(self, images: Sequence[Tensor], mask: Sequence[Tensor], clinical: Tensor) -> Tensor:
        """Return the logits [M, U, heads] of S x images [M, U k, C, rows, columns], S x mask [M, U, k], [M, U, K]."""

        def member_logits(parameters: dict, buffers: dict, *batch: object) -> Tensor:
            return functional_call(self.members[0], (parameters, buffers), batch)

        all_logits = vmap(member_logits, randomness="different")
        return all_logits(self.stacked_parameters, self.stacked_buffers, list(images), list(mask), clinical)

    def networks(self) -> list[ScoreNetwork]:
        """Return the networks with their current weights."""
        with torch.no_grad():
            for number, member in enumerate(self.members):
                for name, tensor in [*member.named_parameters(), *member.named_buffers()]:
                    tensor.copy_(self.state()[name][number])
        return self.members

    def state(self) -> dict[str, Tensor]:
        """Return all weights and buffers, as ``restore`` takes them."""
        return {**self.stacked_parameters, **self.stacked_buffers}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Resume from a saved ``state``."""
        with torch.no_grad():
            for name, tensor in self.state().items():
                tensor.copy_(state[name])

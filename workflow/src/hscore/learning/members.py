"""Networks in training: one alone, or several of one shape together in lockstep, as one program on a GPU.

A small network leaves a GPU idle: one step costs what its launches cost. Together, the folds and seeds of a model are
one batched program (torch.func). On a CPU that saves nothing, so that folds are trained one after the other.
Both give the same weights, to rounding, from the same batches.

Shapes: M members, U bags, k places, S sequences.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from hscore.learning.networks import ScoreNetwork


class SingleModel:
    """One network."""

    def __init__(self, network: ScoreNetwork) -> None:
        self.network = network.to(memory_format=network.memory_format)

    def parameters(self) -> list[Tensor]:
        """What the optimiser changes."""
        return list(self.network.parameters())

    def train(self) -> None:
        """Dropout on, batch statistics on."""
        self.network.train()

    def logits(self, images: Sequence[Tensor], mask: Sequence[Tensor], clinical: Tensor) -> Tensor:
        """S x images [1, U k, C, rows, columns], S x bool [1, U, k], [1, U, K] -> logits [1, U, heads]."""
        images = [one[0].contiguous(memory_format=self.network.memory_format) for one in images]
        return self.network(images, [one[0] for one in mask], clinical[0]).unsqueeze(0)

    def networks(self) -> list[ScoreNetwork]:
        """The networks with their weights of now."""
        return [self.network]

    def state(self) -> dict[str, Tensor]:
        """Everything learned, to go on from."""
        return self.network.state_dict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from ``state``."""
        self.network.load_state_dict(state)


class StackedModels:
    """Several networks of one shape; a parameter of all of them is one tensor with the members in front."""

    def __init__(self, networks: Sequence[ScoreNetwork]) -> None:
        self.members = list(networks)
        self.stacked_parameters, self.stacked_buffers = stack_module_state(self.members)

    def parameters(self) -> list[Tensor]:
        """What the optimiser changes."""
        return list(self.stacked_parameters.values())

    def train(self) -> None:
        """Dropout on, batch statistics on."""
        for member in self.members:
            member.train()

    def logits(self, images: Sequence[Tensor], mask: Sequence[Tensor], clinical: Tensor) -> Tensor:
        """S x images [M, U k, C, rows, columns], S x bool [M, U, k], [M, U, K] -> logits [M, U, heads]."""

        def one(parameters: dict, buffers: dict, *batch: object) -> Tensor:
            return functional_call(self.members[0], (parameters, buffers), batch)

        run = vmap(one, randomness="different")
        return run(self.stacked_parameters, self.stacked_buffers, list(images), list(mask), clinical)

    def networks(self) -> list[ScoreNetwork]:
        """The networks with their weights of now."""
        with torch.no_grad():
            for number, member in enumerate(self.members):
                for name, tensor in [*member.named_parameters(), *member.named_buffers()]:
                    tensor.copy_(self.state()[name][number])
        return self.members

    def state(self) -> dict[str, Tensor]:
        """Everything learned, to go on from."""
        return {**self.stacked_parameters, **self.stacked_buffers}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from ``state``."""
        with torch.no_grad():
            for name, tensor in self.state().items():
                tensor.copy_(state[name])

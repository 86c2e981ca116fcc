"""The floor: a round of virtual clients as a bare PyTorch loop, without a framework around it.

One model, used again for every user; the start is copied in; foreach SGD; a running sum in float64. It may
not take 2 % more time than its twin in reference.py: honest.py checks that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from models import initial, optimiser
from torch import Tensor, nn
from torch.nn import functional as F
from workloads import Users


@dataclass
class Bare:
    """The loop's state.

    Args:
        users: their data and batches.
        model: holds the global weights between rounds.
    """

    users: Users
    model: nn.Module
    round: int = 0
    _optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        self._optimiser = optimiser(self.users.workload, self.model)

    @classmethod
    def of(cls, users: Users) -> "Bare":
        """Start with the run's first weights."""
        return cls(users, initial(users.workload))

    @property
    def held(self) -> list[Tensor]:
        """The model's tensors, to be copied from and into."""
        return [parameter.detach() for parameter in self.model.parameters()]

    def step(self) -> None:
        """Train a round's users from the same start, one after another, and average."""
        self.round += 1
        total = [torch.zeros_like(tensor, dtype=torch.float64) for tensor in self.held]
        count = self.add(self.users.workload.draw(self.round), total)
        self.become(total, count)

    def add(self, names: Iterable[str], total: list[Tensor]) -> int:
        """Train users from the model's weights, add what each made of them to ``total``; return examples."""
        held = self.held
        start = [tensor.clone() for tensor in held]
        count = 0
        for name in names:
            torch._foreach_copy_(held, start)
            self._train(name)
            examples = self.users.workload.examples
            # one by one: fused calls would first make float64 copies of everything
            for into, tensor in zip(total, held, strict=True):
                into.add_(tensor, alpha=examples)
            count += examples
        return count

    def become(self, total: list[Tensor], count: int) -> None:
        """Take the mean of ``count`` examples as the model's weights; ``total`` is used up."""
        torch._foreach_div_(total, float(count))
        torch._foreach_copy_(self.held, total)

    def _train(self, user: str) -> None:
        for inputs, labels in self.users.batches(user, self.round):
            self._optimiser.zero_grad(set_to_none=True)
            loss = F.cross_entropy(self.model(torch.from_numpy(inputs)), torch.from_numpy(labels))
            loss.backward()
            self._optimiser.step()

"""The floor: a round of the main job as a bare PyTorch loop, without a framework around it.

One model; each site's start is copied in; foreach SGD with kept momentum; batches indexed and augmented
beforehand; all cores; the same steps and the same arithmetic as the round that is compared with it.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional as F

from isofed.tasks.reid import losses

Batches = Sequence[tuple[torch.Tensor, torch.Tensor]]


@dataclass
class Bare:
    """The loop's state: one model, the global weights, and every site's momentum.

    Args:
        model: changed in place.
        optimiser: foreach SGD over its parameters.
        batches: ready inputs and labels of each site, used again every round.
        weights: how much each site counts.
        options: the task's numbers.
        bank: also collect features and add the rectification loss, as DPPT does.
    """

    model: torch.nn.Module
    optimiser: torch.optim.Optimizer
    batches: dict[str, Batches]
    weights: dict[str, float]
    options: Any
    bank: bool = False
    momentum: dict[str, Any] = field(default_factory=dict)

    def round(self) -> float:
        """Train every site from the same start, average, and return the seconds it took."""
        started = time.perf_counter()
        state = self.model.state_dict()
        start = [tensor.clone() for tensor in state.values()]
        total = [torch.zeros_like(tensor, dtype=torch.float64) for tensor in start]
        for site, batches in self.batches.items():
            for tensor, value in zip(state.values(), start, strict=True):
                tensor.copy_(value)
            self._site(site, batches)
            for into, tensor in zip(total, state.values(), strict=True):
                into.add_(tensor, alpha=self.weights[site])
        for tensor, value in zip(state.values(), total, strict=True):
            tensor.copy_(value)
        return time.perf_counter() - started

    def _site(self, site: str, batches: Batches) -> None:
        self.optimiser.state.clear()
        for parameter, buffer in self.momentum.get(site, {}).items():
            self.optimiser.state[parameter]["momentum_buffer"] = buffer
        self.model.train()
        kept = []
        for inputs, labels in batches:
            output = self.model(inputs)
            loss = losses.identity(output.logits, labels)
            loss = loss + losses.circle(output.features, labels) / self.options.circle_divisor
            if self.bank:
                kept.append(F.normalize(output.features.detach()))
                loss = loss + (1 - F.cosine_similarity(output.features, kept[0])).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
        self.momentum[site] = {p: s["momentum_buffer"] for p, s in self.optimiser.state.items()}


def main() -> None:
    """Time the loop by itself: benchmarks/round.py compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    from workload import bare, prepared

    torch.set_num_threads(arguments.threads)
    with prepared() as federation:
        loop = bare(federation)
        seconds = [loop.round() for _ in range(arguments.rounds)]
    print(json.dumps({"seconds": seconds, "median": sorted(seconds)[len(seconds) // 2]}))


if __name__ == "__main__":
    main()

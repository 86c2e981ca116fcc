"""How far a site's round turned what its model says: FedReID's cosine distance."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from isofed.strategies.distillation import OUTPUTS
from isofed.strategies.recipe import Done, LocalTerm, Seen, TermStart
from isofed.suggest import pick

DISTANCE = "distance"


@dataclass
class Turning:
    """The model in training, a frozen copy of it as it began, and the first batch that it was fed."""

    model: Any
    before: Any
    inputs: Any = None


def turned(of: str = "logits") -> LocalTerm:
    """Tell the rule how far the round turned the model's outputs: d = mean of 1 - cos(f, f'), in [0, 2].

    f are the outputs of the model as the round began, the global one with the site's own head, f' those of
    the model as it ends, both on the round's first batch, in evaluation mode. Nothing is added to the loss.
    Two forward passes and a second model in memory.

    Args:
        of: the outputs compared, (B, C) ``logits`` (released code) or (B, D) ``features``, which retrieval
            compares.

    Source: Zhuang et al., Performance Optimization for Federated Person Re-identification via Benchmark
    Analysis, ACM MM 2020, cosine distance weight. Differs from the released code in: the first batch that
    was trained on, where that draws another; evaluation mode, where that has batch statistics and dropout.
    """
    pick("of", of, OUTPUTS)

    def first(turning: Turning, seen: Seen) -> None:
        if turning.inputs is None:
            turning.inputs = seen.inputs

    def numbers(turning: Turning, done: Done) -> dict[str, float]:
        outputs = (_outputs(model, turning.inputs, of) for model in (turning.before, turning.model))
        return {DISTANCE: distance(*outputs)}

    return LocalTerm(
        f"turned(of='{of}')", start=_start, loss=first, numbers=numbers, gives=(DISTANCE,), needs=(of,)
    )


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the mean of 1 - cos over the rows of two (B, D) tensors; a row of zeros has cos 0."""
    apart = 1.0 - F.cosine_similarity(one.double(), other.double(), dim=1)
    return min(max(float(apart.mean()), 0.0), 2.0)  # rounding may lead a little out of the range


def _start(start: TermStart) -> Turning:
    return Turning(start.model, copy.deepcopy(start.model).eval().requires_grad_(False))


def _outputs(model: Any, inputs: Any, of: str) -> torch.Tensor:
    training = model.training
    with torch.no_grad():
        outputs: torch.Tensor = getattr(model.eval()(inputs), of)
    model.train(training)
    return outputs

"""The arithmetic of a training step: single precision, or mixed with a loss scaler where it needs one."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isofed.client.memory import Sections
from isofed.client.workshop import Workshop
from isofed.trees import Tree, from_arrays

DTYPES = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
SCALER = "scaler"


@dataclass(frozen=True)
class Precision:
    """How forward and backward of one round are computed.

    Args:
        kind: of device, ``cpu`` or ``cuda``.
        dtype: of autocast, or None for none.
        scaler: scales the loss so that fp16's gradients do not vanish; None where it is not needed.
        optimiser: whose gradients the scaler takes back.
        plain: whether its step is rate times gradient and nothing else, which is then taken at once: torch's
            own bookkeeping around a step costs as much as a small model's forward pass.
        unwritten: whether nobody writes into gradients.
    """

    kind: str
    dtype: torch.dtype | None
    scaler: Any
    optimiser: torch.optim.Optimizer
    plain: bool = False
    unwritten: bool = False

    @classmethod
    def of(cls, shop: Workshop, memory: Sections) -> "Precision":
        """Return what the task's options ask for, the scaler as the site remembers it."""
        kind = torch.device(shop.device).type
        dtype = DTYPES[shop.setting.task.training.precision(shop.setting.options)]
        scaler = torch.amp.GradScaler(kind) if dtype == torch.float16 else None
        saved = memory.get(SCALER)
        if scaler is not None and isinstance(saved, Tree):
            fresh = scaler.state_dict()
            scaler.load_state_dict({name: type(value)(saved[name]) for name, value in fresh.items()})
        plain = scaler is None and is_plain(shop.optimiser)
        unwritten = plain and not any(term.drift for term in shop.setting.recipe.local)
        return cls(kind, dtype, scaler, shop.optimiser, plain, unwritten)

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Return the context of the forward pass."""
        return nullcontext() if self.dtype is None else torch.autocast(self.kind, self.dtype)

    def backward(self, loss: torch.Tensor, parameters: Sequence[torch.Tensor]) -> None:
        """Leave true gradients on the parameters, None where the loss does not reach, and on no others,
        whatever scaled them on the way."""
        if self.scaler is None:
            # the bits of zero_grad() and backward(), without their walk over everything else
            self.put(torch.autograd.grad(loss, parameters, allow_unused=True), parameters)
            return
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)

    def put(self, gradients: Sequence[torch.Tensor | None], parameters: Sequence[torch.Tensor]) -> None:
        """Leave gradients of single precision on the parameters."""
        found = gradients if self.unwritten else owned(gradients)
        for parameter, gradient in zip(parameters, found, strict=True):
            parameter.grad = gradient

    def along(self, gradients: Sequence[torch.Tensor | None], parameters: Sequence[torch.Tensor]) -> None:
        """Take the plain step along gradients at one rate for all, which leaves them on no parameter."""
        (group,) = self.optimiser.param_groups
        moved = [p for p, slope in zip(parameters, gradients, strict=True) if slope is not None]
        if moved:
            with torch.no_grad():
                torch._foreach_add_(moved, [s for s in gradients if s is not None], alpha=-group["lr"])

    @property
    def direct(self) -> bool:
        """Whether a step may go :meth:`along` its gradients: plain, at one rate, none written into."""
        return self.unwritten and len(self.optimiser.param_groups) == 1

    def step(self) -> bool:
        """Step, unless fp16's gradients overflowed: then the scale falls, the step is left out, and False
        returned."""
        if self.plain:
            _descend(self.optimiser)
            return True
        if self.scaler is None:
            self.optimiser.step()
            return True
        before = self.scaler.get_scale()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return bool(self.scaler.get_scale() >= before)

    def sections(self) -> dict[str, Tree]:
        """Return what the site remembers of the scaler."""
        if self.scaler is None:
            return {}
        state = self.scaler.state_dict()
        return {SCALER: from_arrays({name: np.array(value) for name, value in state.items()})}


def owned(gradients: Sequence[torch.Tensor | None]) -> Iterator[torch.Tensor | None]:
    """Yield gradients that may be written into: of two that are one tensor, as for parameters that are added
    to each other, the second is copied, and so is one that repeats fewer numbers than it has entries."""
    seen: set[int] = set()
    for gradient in gradients:
        if gradient is not None:
            if gradient.data_ptr() in seen or 0 in gradient.stride():
                gradient = gradient.clone(memory_format=torch.contiguous_format)
            seen.add(gradient.data_ptr())
        yield gradient


def is_plain(optimiser: torch.optim.Optimizer) -> bool:
    """Return whether an optimiser's step is w <- w - rate * gradient, and nothing else."""
    if type(optimiser) is not torch.optim.SGD:
        return False
    return all(
        not (group["momentum"] or group["weight_decay"] or group["maximize"] or group["differentiable"])
        for group in optimiser.param_groups
    )


@torch.no_grad()
def _descend(optimiser: torch.optim.Optimizer) -> None:
    for group in optimiser.param_groups:
        moved = [parameter for parameter in group["params"] if parameter.grad is not None]
        if moved:
            torch._foreach_add_(moved, [parameter.grad for parameter in moved], alpha=-group["lr"])

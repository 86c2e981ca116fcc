"""The arithmetic of a training step: single precision, or mixed with a loss scaler where it needs one."""

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
    """

    kind: str
    dtype: torch.dtype | None
    scaler: Any
    optimiser: torch.optim.Optimizer

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
        return cls(kind, dtype, scaler, shop.optimiser)

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Return the context of the forward pass."""
        return nullcontext() if self.dtype is None else torch.autocast(self.kind, self.dtype)

    def backward(self, loss: torch.Tensor) -> None:
        """Leave true gradients on the parameters, whatever scaled them on the way."""
        if self.scaler is None:
            loss.backward()
            return
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)

    def step(self, optimiser: torch.optim.Optimizer) -> bool:
        """Step, unless fp16's gradients overflowed: then the scale falls, the step is left out, and False
        returned."""
        if self.scaler is None:
            optimiser.step()
            return True
        before = self.scaler.get_scale()
        self.scaler.step(optimiser)
        self.scaler.update()
        return bool(self.scaler.get_scale() >= before)

    def sections(self) -> dict[str, Tree]:
        """Return what the site remembers of the scaler."""
        if self.scaler is None:
            return {}
        state = self.scaler.state_dict()
        return {SCALER: from_arrays({name: np.array(value) for name, value in state.items()})}

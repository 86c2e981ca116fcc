"""A model that is made in files: its process never holds more of it than the layer that is being made.

Elsewhere a model is made in memory, and only then laid over files; with a large model that is a model's size.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from isofed.scratch import filed, past

LARGE = 1 << 18  # bytes of a parameter that is worth a file
KNOWN = (torch.float32, torch.float64, torch.float16)  # NumPy has them, too


class _Past(TorchFunctionMode):
    """Gives the memory of whatever lies in a file back, each time something was done with it."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        done = func(*args, **named)
        for array in filter(_large, (*args, *named.values())):
            past(array.detach().numpy())
        return done


@contextmanager
def made_in_files() -> Iterator[None]:
    """Let large parameters of every module that is made inside the block lie in files from the beginning.

    Values and the numbers drawn for them are the same.
    """
    hook = register_module_parameter_registration_hook(_laid)
    try:
        with _Past():
            yield
    finally:
        hook.remove()


def _laid(module: Any, name: str, parameter: Any) -> Any:
    if not _large(parameter) or not parameter.is_contiguous():
        return None
    lies = torch.from_numpy(filed(parameter.nbytes)).view(parameter.dtype).view(parameter.shape)
    lies.copy_(parameter.detach())
    parameter.data = lies  # it stays the parameter that its maker may hold, tie to another, or fill later
    return None


def _large(array: Any) -> bool:
    if not isinstance(array, torch.Tensor) or is_lazy(array):
        return False
    return array.device.type == "cpu" and array.dtype in KNOWN and array.nbytes >= LARGE

"""Files of pre-trained weights, read as tensors alone and held against a module."""

import pickle
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isofed.errors import CheckpointError, DataError

COUNTER = "num_batches_tracked"  # not in files from before PyTorch 0.4, such as resnet50-19c8e357.pth
SHOWN = 3
UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    EOFError,
    pickle.UnpicklingError,
    CheckpointError,
)


def state_dict(path: Path) -> Any:
    """Return what a file of torch's holds, read as tensors alone: it cannot run code."""
    return torch.load(path, map_location="cpu", weights_only=True)


def tensors(path: Path, wanted: str, opened: Callable[[Path], Any] = state_dict) -> Mapping[str, Tensor]:
    """Return a file's tensors by name.

    Args:
        path: the file.
        wanted: what to give instead, for an error.
        opened: reads it.

    Raises:
        DataError: it is no state dict of tensors; no path is told.
    """
    try:
        found = opened(path)
    except UNREADABLE:
        found = None
    if isinstance(found, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    ):
        return found
    raise DataError(f"the file of weights cannot be read as a state dict of tensors; {wanted}")


def put(module: torch.nn.Module, found: Mapping[str, Tensor], strange: str, wanted: str) -> None:
    """Copy tensors into a module, views of flat storage included; batch counters may be missing.

    Args:
        module: changed in place.
        found: by the module's own names.
        strange: what is said of names that the module does not have.
        wanted: what to give instead, for an error.

    Raises:
        DataError: names or shapes are not the module's; nothing was changed then.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in found and not name.endswith(COUNTER)]
    unknown = [name for name in found if name not in own]
    if missing:
        raise DataError(f"the file of weights lacks {_some(missing, len(own))}; {wanted}")
    if unknown:
        raise DataError(f"the file of weights has {_some(unknown, len(found))} {strange}; {wanted}")
    for name, value in found.items():
        if value.shape != own[name].shape:
            raise DataError(
                f"in the file of weights '{name}' has the shape {tuple(value.shape)}, expected "
                f"{tuple(own[name].shape)}; {wanted}"
            )
    module.load_state_dict(found, strict=False)


def _some(names: Iterable[str], of: int) -> str:
    listed = list(names)
    return f"{len(listed)} of {of} tensors, such as {', '.join(listed[:SHOWN])},"

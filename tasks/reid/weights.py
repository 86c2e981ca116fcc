"""Public ImageNet weights for the full-size network, from a file that is already there."""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isofed.errors import ConfigError, DataError
from isofed.tasks.reid.model import ReidNet
from isofed.tasks.reid.resnet import ResNet50
from isofed.tasks.reid.stems import shared, start_alike

CLASSIFIER = "fc."  # of ImageNet's 1000 classes
COUNTER = "num_batches_tracked"  # not in files from before PyTorch 0.4, such as resnet50-19c8e357.pth
WANTED = "give one of torchvision's ResNet-50 files as published, such as resnet50-19c8e357.pth"
SHOWN = 3
UNREADABLE = (OSError, RuntimeError, ValueError, LookupError, EOFError, pickle.UnpicklingError)


def load(model: ReidNet, path: Path) -> None:
    """Copy public ImageNet weights into the model's backbone; neck and head stay as they are.

    Nothing is fetched. The file is read as tensors alone: it cannot run code. Where there are two stems,
    both begin with the file's.

    Args:
        model: changed in place, views of flat storage included; its backbone is a ResNet-50.
        path: a state dict under torchvision's names; ``fc.*`` is ignored, and batch counters may be
            missing.

    Raises:
        ConfigError: the backbone is another.
        DataError: the file cannot be read, or its names or shapes are not the backbone's; nothing was
            changed then, and no path is told.

    Source: L2RW begins with torchvision's older file, 19c8e357.
    """
    backbone = shared(model.backbone)
    if not isinstance(backbone, ResNet50):
        raise ConfigError(
            "public weights are for task.backbone=resnet50, found the small one; "
            "write task=reid_resnet50 or leave the weights out"
        )
    found = _read(path)
    if found is None:
        raise DataError(f"the file of weights cannot be read as a state dict of tensors; {WANTED}")
    chosen = {name: value for name, value in found.items() if not name.startswith(CLASSIFIER)}
    _check(chosen, backbone.state_dict())
    backbone.load_state_dict(chosen, strict=False)
    start_alike(model.backbone)


def _read(path: Path) -> Mapping[str, Tensor] | None:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE:
        return None
    if not isinstance(found, Mapping):
        return None
    tensors = all(isinstance(n, str) and isinstance(v, Tensor) for n, v in found.items())
    return found if tensors else None


def _check(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in found and not name.endswith(COUNTER)]
    unknown = [name for name in found if name not in wanted]
    if missing:
        raise DataError(f"the file of weights lacks {_some(missing, len(wanted))}; {WANTED}")
    if unknown:
        raise DataError(
            f"the file of weights has {_some(unknown, len(found))} that no ResNet-50 has; {WANTED}"
        )
    for name, value in found.items():
        if value.shape != wanted[name].shape:
            raise DataError(
                f"in the file of weights '{name}' has the shape {tuple(value.shape)}, expected "
                f"{tuple(wanted[name].shape)}; {WANTED}"
            )


def _some(names: Iterable[str], of: int) -> str:
    listed = list(names)
    return f"{len(listed)} of {of} tensors, such as {', '.join(listed[:SHOWN])},"

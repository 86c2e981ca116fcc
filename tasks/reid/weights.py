"""Public ImageNet weights for the full-size network, from a file that is already there."""

from pathlib import Path

from isofed.errors import ConfigError
from isofed.tasks.pretrained import put, tensors
from isofed.tasks.reid.model import ReidNet
from isofed.tasks.reid.resnet import ResNet50
from isofed.tasks.reid.stems import shared, start_alike

CLASSIFIER = "fc."  # of ImageNet's 1000 classes
WANTED = "give one of torchvision's ResNet-50 files as published, such as resnet50-19c8e357.pth"


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
    found = tensors(path, WANTED)
    chosen = {name: value for name, value in found.items() if not name.startswith(CLASSIFIER)}
    put(backbone, chosen, "that no ResNet-50 has", WANTED)
    start_alike(model.backbone)

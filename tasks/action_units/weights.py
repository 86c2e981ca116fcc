"""Public ImageNet weights for both branches, from a file that is already there."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from isofed.errors import ConfigError
from isofed.tasks.action_units.model import InfuseNet
from isofed.tasks.action_units.resnet import ResNet18
from isofed.tasks.pretrained import put, tensors

PAPER = 64  # the width for which files are published
CLASSIFIER = ("fc.",)  # of ImageNet's 1000 classes
STEM = ("conv1.", "bn1.")  # which the magnified branch has not
RUNNING = ("running_mean", "running_var", "num_batches_tracked")
WANTED = "give one of torchvision's ResNet-18 files as published, such as resnet18-f37072fd.pth"


def load(model: InfuseNet, path: Path) -> None:
    """Copy public ImageNet weights into both branches; the head stays as it is.

    Nothing is fetched. The file is read as tensors alone: it cannot run code. Under ``norm="group"`` running
    statistics have no place and are passed over.

    Args:
        model: changed in place, views of flat storage included; its width is 64.
        path: a state dict of ResNet-18 under torchvision's names; ``fc.*`` is ignored, and batch counters
            may be missing.

    Raises:
        ConfigError: the width is another.
        DataError: the file cannot be read, or its names or shapes are not those of ResNet-18; nothing was
            changed then, and no path is told.
    """
    width = model.flow.outputs // 8
    if width != PAPER:
        raise ConfigError(
            f"public weights are for task.width={PAPER}, found {width}; write task=action_units_infusenet or "
            "leave the weights out"
        )
    found = tensors(path, WANTED)
    put(model.flow, _for(model.flow, found, CLASSIFIER), "that no ResNet-18 has", WANTED)
    put(model.magnified, _for(model.magnified, found, (*CLASSIFIER, *STEM)), "unknown here", WANTED)


def _for(branch: ResNet18, found: Mapping[str, Tensor], without: tuple[str, ...]) -> dict[str, Tensor]:
    kept = {name: value for name, value in found.items() if not name.startswith(without)}
    if any(isinstance(module, nn.BatchNorm2d) for module in branch.modules()):
        return kept
    return {name: value for name, value in kept.items() if not name.endswith(RUNNING)}

"""ImageNet weights for both branches, from a file like torchvision's; what does not fit changes nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from isofed.errors import ConfigError, DataError
from isofed.tasks.action_units import TASK, weights
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.action_units.resnet import ResNet18


def made(**changes: Any) -> Any:
    return TASK.model(ActionUnitOptions(**{"width": 64} | changes), torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    """A state dict as torchvision's."""
    torch.manual_seed(0)
    state = {
        name: torch.randn_like(v) if v.is_floating_point() else v
        for name, v in ResNet18().state_dict().items()
    }
    return state | {"fc.weight": torch.randn(1000, 512), "fc.bias": torch.randn(1000)}


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_both_branches_begin_with_the_file(tmp_path: Path, published: dict[str, Any], norm: str) -> None:
    torch.save(published, tmp_path / "resnet18.pth")
    model, before = made(norm=norm), made(norm=norm)
    weights.load(model, tmp_path / "resnet18.pth")
    for branch in (model.flow, model.magnified):
        assert torch.equal(branch.layer3[1].conv2.weight, published["layer3.1.conv2.weight"])
        assert torch.equal(branch.layer1[0].bn1.weight, published["layer1.0.bn1.weight"])
    assert torch.equal(model.flow.conv1.weight, published["conv1.weight"])
    assert torch.equal(model.head.weight, before.head.weight)
    assert norm == "group" or torch.equal(model.flow.bn1.running_mean, published["bn1.running_mean"])


def test_what_does_not_fit_is_refused_and_nothing_changes(tmp_path: Path, published: dict[str, Any]) -> None:
    path, model = tmp_path / "secret-name", made()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lacking = {name: value for name, value in published.items() if name != "layer4.1.conv1.weight"}
    for state, sentence in (
        (lacking, "lacks 1 of .* layer4.1.conv1.weight"),
        (published | {"other": torch.zeros(1)}, "has 1 of .* other, that no ResNet-18 has"),
        (published | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, r"shape \(64, 1, 7, 7\), expected"),
    ):
        torch.save(state, path)
        with pytest.raises(DataError, match=sentence) as caught:
            weights.load(model, path)
        assert "secret" not in str(caught.value)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    with pytest.raises(ConfigError, match=r"are for task\.width=64, found 16; write task=action_units_infus"):
        weights.load(made(width=16), path)

"""The full-size network against the fact sheet's numbers."""

import pytest
import torch
from torch import nn

from isofed.errors import ConfigError
from isofed.strategies.share import flatten, without
from isofed.tasks.reid.model import ReidNet, build
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.resnet import Bottleneck, ResNet50

OPTIONS = ReidOptions(backbone="resnet50", dimensions=2048)
SYSU_IDENTITIES = 395


@pytest.fixture(scope="module")
def model() -> ReidNet:
    return build(OPTIONS, SYSU_IDENTITIES, torch.Generator().manual_seed(0))


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_encoder(model: ReidNet) -> None:
    # the published 23,512,128 (23.50 M) are those of the backbone and of the BN neck
    assert size(model.backbone) == 23_508_032
    assert size(model.backbone) + size(model.neck) == 23_512_128


def test_payload_of_395_classes() -> None:
    model = build(OPTIONS, SYSU_IDENTITIES, torch.Generator().manual_seed(0))
    shared = flatten(model)
    assert sum(len(tree) for tree in shared.values()) == len(model.state_dict()) == 324
    # float32, but for the 54 batch counters, which are int64 as in any state dict
    assert sum(tree.layout.nbytes for tree in shared.values()) == 97_513_648
    parts = flatten(model, without("head."))
    assert parts["model"].layout.nbytes + parts["buffers"].layout.nbytes == 94_277_808
    assert parts["own"].layout.nbytes == 3_235_840


def test_names_are_those_of_the_public_files(model: ReidNet) -> None:
    names = set(model.backbone.state_dict())
    assert len(names) == 318
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv3.weight", "layer4.2.bn3.bias"} < names
    assert {"layer1.0.downsample.0.weight", "layer4.0.downsample.1.running_var"} < names
    shortcuts = {name.split(".downsample")[0] for name in names if "downsample" in name}
    assert shortcuts == {f"layer{stage}.0" for stage in (1, 2, 3, 4)}


def test_map_and_multiplications_at_288_x_144() -> None:
    done = 0

    def count(module: nn.Conv2d, inputs: object, maps: torch.Tensor) -> None:
        nonlocal done
        done += maps.numel() * module.in_channels * module.kernel_size[0] * module.kernel_size[1]

    with torch.device("meta"):
        backbone = ResNet50()
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    assert backbone(torch.empty(1, 3, 288, 144, device="meta")).shape == (1, 2048, 18, 9)
    assert done / 1e9 == pytest.approx(5.13, abs=0.005)


def test_a_block_without_its_branch_is_its_shortcut() -> None:
    block = Bottleneck(8, 2, 1).eval()
    nn.init.zeros_(block.bn3.weight)
    x = torch.randn(2, 8, 5, 3)
    assert torch.equal(block(x.clone()), x.relu())
    assert block.downsample is None and Bottleneck(8, 2, 2).downsample is not None


def test_the_stride_lies_on_the_3_x_3_convolution() -> None:
    block = Bottleneck(8, 4, 2)
    assert (block.conv1.stride, block.conv2.stride, block.conv3.stride) == ((1, 1), (2, 2), (1, 1))
    assert block(torch.randn(2, 8, 6, 4)).shape == (2, 16, 3, 2)


def test_gradients_reach_every_parameter_and_tracklets_fit(model: ReidNet) -> None:
    output = model.train()(torch.randn(2, 2, 3, 32, 16, generator=torch.Generator().manual_seed(9)))
    assert output.features.shape == (2, 2048) and (output.pooled >= 0).all()
    (output.logits.square().sum() + (output.features * torch.randn(2, 2048)).sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.backbone.conv1.weight.grad.abs().sum() > 0
    model.zero_grad(set_to_none=True)


def test_mixed_arithmetic_leaves_float32_and_finite_gradients(model: ReidNet) -> None:
    # not 32 x 16: torch 2.13 reads beyond a bf16 map of 4 x 2 in convolutions of stride 2, on CPUs with AMX
    images = torch.randn(4, 3, 64, 32, generator=torch.Generator().manual_seed(9))
    with torch.autocast("cpu", torch.bfloat16):
        output = model.train()(images)
    assert {output.features.dtype, output.pooled.dtype, output.logits.dtype} == {torch.float32}
    output.logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    model.zero_grad(set_to_none=True)


def test_weights_follow_from_the_generator_and_colours_are_not_shared(model: ReidNet) -> None:
    again = build(OPTIONS, SYSU_IDENTITIES, torch.Generator().manual_seed(0)).state_dict()
    drawn = {name: value for name, value in model.state_dict().items() if value.dim() > 1}
    assert all(torch.equal(value, again[name]) for name, value in drawn.items())
    stem = again["backbone.conv1.weight"]
    assert not torch.equal(stem[:, 0], stem[:, 1])
    assert stem.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)


def test_another_width_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'dimensions' is 80, .*write task.dimensions=2048"):
        ReidOptions(backbone="resnet50")

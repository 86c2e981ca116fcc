"""Sizes as published, weights that follow from the generator, and a head that can be changed."""

import pytest
import torch
from torch.nn import functional as F

from isofed.errors import ConfigError
from isofed.tasks.vein import convnext, model
from isofed.tasks.vein.losses import Margin, angular


def made(name: str = "tiny", classes: int = 5, seed: int = 0) -> model.VeinNet:
    """Build a network."""
    return model.build(name, classes, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "trainable", "with_buffers"),
    [
        ("mobilefacenet_large", 6_310_272, 6_363_099),
        ("mobilefacenet_small", 2_057_216, 2_081_074),
        pytest.param("iresnet100", 78_000_064, 78_069_850, marks=pytest.mark.slow),
        ("convnext_small", 49_845_856, 49_846_881),
        ("small", 403_952, 405_628),
        ("tiny", 105_952, 106_565),
    ],
)
def test_check_15_published_counts(name: str, trainable: int, with_buffers: int) -> None:
    backbone = made(name).backbone
    assert sum(p.numel() for p in backbone.parameters() if p.requires_grad) == trainable
    assert sum(value.numel() for value in backbone.state_dict().values()) == with_buffers


@pytest.mark.parametrize("name", ["tiny", "mobilefacenet_small"])
def test_shapes(name: str) -> None:
    net = made(name).eval()
    width = model.BACKBONES[name].dimensions
    with torch.no_grad():
        output = net(torch.zeros(2, 1, 100, 300))
    assert output.features.shape == (2, width) and output.logits.shape == (2, 5)
    assert torch.equal(output.logits, 32.0 * output.cosines)


def test_a_convnext_s_weights_follow_from_the_generator_too() -> None:
    nets = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        nets.append(made("convnext_small"))
    one, two = (net.state_dict() for net in nets)
    assert all(torch.equal(one[name], two[name]) for name in one)
    with torch.no_grad():
        features = nets[0].eval()(torch.rand(2, 1, 100, 300)).features
    assert features.shape == (2, 512) and bool(torch.isfinite(features).all())


def test_a_convnext_block_written_out() -> None:
    torch.manual_seed(0)
    block = convnext.Block(8, 0.0)
    torch.nn.init.normal_(block.scale)
    x = torch.randn(2, 8, 9, 11)
    maps = F.conv2d(x, block.depthwise.weight, block.depthwise.bias, padding=3, groups=8)
    centred = maps - maps.mean(1, keepdim=True)
    normed = centred / (centred.pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
    wide = torch.einsum("oc,bchw->bohw", block.widen.weight, normed) + block.widen.bias[:, None, None]
    wide = wide * 0.5 * (1 + torch.erf(wide / 2**0.5))
    narrow = torch.einsum("oc,bchw->bohw", block.narrow.weight, wide) + block.narrow.bias[:, None, None]
    assert torch.allclose(block(x), x + block.scale[:, None, None] * narrow, atol=1e-4)


def test_dropped_branches_keep_their_mean() -> None:
    torch.manual_seed(0)
    found = convnext.dropped(torch.ones(20_000, 1, 1, 1), 0.1).flatten()
    assert found.unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert float(found.mean()) == pytest.approx(1.0, abs=0.01)


def test_only_training_drops_branches() -> None:
    torch.manual_seed(0)
    block, x = convnext.Block(4, 0.9), torch.randn(64, 4, 5, 5)
    torch.nn.init.ones_(block.scale)
    still = block.eval()(x)
    assert torch.equal(still, block(x)) and not torch.equal(still, block.train()(x))


def test_cosines_are_cosines() -> None:
    net = made().eval()
    with torch.no_grad():
        output = net(torch.rand(3, 1, 100, 300))
    expected = torch.nn.functional.cosine_similarity(output.features[:, None], net.head.weight[None], dim=2)
    assert torch.allclose(output.cosines, expected, atol=1e-6)


def test_weights_follow_from_the_generator_alone() -> None:
    before = torch.get_rng_state()
    one, two, other = (made(seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
    assert torch.equal(before, torch.get_rng_state())


def test_a_new_head_changes_nothing_else() -> None:
    net = made()
    kept = {name: value.clone() for name, value in net.state_dict().items() if not name.startswith("head.")}
    model.refit(net, 9, torch.Generator().manual_seed(3))
    assert net.head.weight.shape == (9, 64)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in kept.items())
    assert {name for name in net.state_dict() if name.startswith(model.HEAD_PREFIXES)} == {"head.weight"}


def test_pictures_are_scaled_as_published() -> None:
    fed = model.prepared(torch.tensor([[[0, 255]]], dtype=torch.uint8))
    assert fed.tolist() == [[[[-1.0, 1.0]]]]


def test_a_step_lowers_the_loss() -> None:
    net = made(classes=4)
    pictures, labels = torch.rand(8, 1, 50, 150), torch.arange(8) % 4
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(5):
        loss = angular(net(pictures).cosines, labels, Margin())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'tiny'"):
        made("tyni")

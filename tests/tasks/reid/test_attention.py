import pytest
import torch

from isofed.errors import ConfigError
from isofed.tasks.reid import model
from isofed.tasks.reid.attention import PLACES, Attentive, NonLocal, draw
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.resnet import ResNet50
from isofed.tasks.reid.stems import TwoStems, shared


def drawn(channels: int) -> NonLocal:
    block = NonLocal(channels)
    draw(block, torch.Generator().manual_seed(0))
    return block


def test_a_block_weighs_every_place_by_every_other() -> None:
    block, x = drawn(6), torch.randn(2, 6, 3, 4)
    torch.nn.init.normal_(block.bn.weight)
    g, theta, phi = (layer(x).flatten(2)[:, 0] for layer in (block.g, block.theta, block.phi))
    y = torch.zeros(2, 12)
    for b in range(2):
        for i in range(12):
            y[b, i] = sum(theta[b, i] * phi[b, j] * g[b, j] for j in range(12)) / 12
    expected = x + block.bn(block.out(y.view(2, 1, 3, 4)))
    block.bn.reset_running_stats()
    torch.testing.assert_close(block(x), expected)


def test_a_block_changes_nothing_at_the_beginning_but_learns() -> None:
    block, x = drawn(6), torch.randn(4, 6, 3, 2)
    assert torch.equal(block(x), x)
    (block(x) ** 3).sum().backward()
    assert block.bn.weight.grad is not None and block.bn.weight.grad.abs().sum() > 0


def test_weights_follow_from_the_generator() -> None:
    one, two = drawn(8).state_dict(), drawn(8).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert one["theta.weight"].std() < 1 and not one["theta.bias"].any()


def test_where_the_blocks_stand() -> None:
    with torch.device("meta"):
        backbone = Attentive(ResNet50())
        maps = backbone(torch.zeros(1, 3, 64, 32))
    assert maps.shape == (1, 2048, 4, 2)
    assert list(backbone.blocks) == [place.replace(".", "_") for place in PLACES]
    assert sum(p.numel() for p in backbone.blocks.parameters()) == 28_687


def test_parameters_of_the_published_agw() -> None:
    with torch.device("meta"):
        backbone = TwoStems(Attentive(ResNet50()))
    neck = 2 * 2048
    assert sum(p.numel() for p in backbone.parameters()) + neck == 23_550_351  # 23.55 M in L2RW's table 2
    assert isinstance(shared(backbone), ResNet50)


def test_a_small_network_has_no_such_blocks() -> None:
    with pytest.raises(ConfigError, match="resnet50"):
        ReidOptions(attention=True)


@pytest.mark.slow
def test_the_network_is_the_plain_one_at_the_beginning() -> None:
    options = ReidOptions(backbone="resnet50", dimensions=2048, attention=True)
    with_blocks = model.build(options, 3, torch.Generator().manual_seed(0)).eval()
    images = torch.randn(2, 3, 64, 32)
    maps = with_blocks.backbone(images)
    torch.testing.assert_close(maps, shared(with_blocks.backbone)(images))
    with torch.no_grad():
        for block in with_blocks.backbone.blocks.values():  # type: ignore[operator, union-attr]
            block.bn.weight.fill_(1)
    assert not torch.allclose(with_blocks.backbone(images), maps)

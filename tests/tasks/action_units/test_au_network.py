"""InfuseNet and the magnifier: checks 1 to 7 and 12 of the sheet, by their worked values."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.tasks.action_units import TASK, frozen
from isofed.tasks.action_units.infusion import infused, unit
from isofed.tasks.action_units.magnifier import Magnifier
from isofed.tasks.action_units.model import InfuseNet, Output, build, joined, latents, parted, pooled
from isofed.tasks.action_units.options import ActionUnitOptions

SIDE = 64


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def frames(count: int, number: int = 1) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=seeded(number)) * 2 - 1


def small(scope: str = "sample") -> InfuseNet:
    return build(seeded(), width=8, scope=scope)


def inputs(count: int, number: int = 2) -> Tensor:
    made = seeded(number)
    flow = torch.rand(count, 3, SIDE, SIDE, generator=made)
    return joined(flow, torch.rand(count, 64, SIDE // 4, SIDE // 4, generator=made))


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.fixture(scope="module")
def magnifier() -> Magnifier:
    return frozen.magnifier()


def test_check_01_nothing_that_moves_gives_exactly_nothing(magnifier: Magnifier) -> None:
    with torch.no_grad():
        a, b = magnifier.latent(frames(2)), magnifier.latent(frames(2, 9))
        assert not magnifier.moved(a, a, 10.0).any()
        assert not magnifier.moved(a, b, 1.0).any()
        assert magnifier.moved(a, b, 10.0).any()
        still = frames(1)
        both = latents(magnifier, still, still, still, 10.0)
    assert not both.any() and not pooled(both).any()


def test_check_02_parameters(magnifier: Magnifier) -> None:
    assert count(magnifier.encoder) == 108_336
    assert count(magnifier.difference) + count(magnifier.manipulated) == 77_824
    assert count(magnifier.decoder) == 179_808
    whole = InfuseNet()
    assert count(whole) == 22_349_644 and count(whole.head) == 6_156
    assert count(whole.flow) == 11_176_512
    names = [name for name, _ in whole.magnified.named_parameters()]
    assert not any(name.startswith(("conv1", "bn1")) for name in names)
    channels = [m.num_features for m in whole.flow.modules() if isinstance(m, nn.BatchNorm2d)]
    assert sum(channels) == 4_800


def grids(size: int, model: InfuseNet) -> list[tuple[int, ...]]:
    """The shapes of what the flow branch's stages give."""
    seen: list[tuple[int, ...]] = []
    for layer in model.flow.layers:
        layer.register_forward_hook(lambda *told: seen.append(tuple(told[2].shape[1:])))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 7, size, size))
    return seen


def test_check_03_shapes(magnifier: Magnifier) -> None:
    with torch.no_grad():
        both = latents(magnifier, frames(1), frames(1, 3), frames(1, 4), 10.0)
    assert both.shape == (1, 64, 32, 32) and pooled(both).shape == (1, 64, 16, 16)
    assert grids(64, small()) == [(8, 16, 16), (16, 8, 8), (32, 4, 4), (64, 2, 2)]
    assert [shape[1:] for shape in grids(224, small())] == [(56, 56), (28, 28), (14, 14), (7, 7)]
    said = small()(inputs(2))
    assert said.features.shape == (2, 64) and said.flow.shape == said.magnified.shape == (2, 12)
    torch.testing.assert_close(said.logits, (said.flow + said.magnified) / 2)


def test_check_03_widths_of_the_paper() -> None:
    model = build(seeded()).eval()
    assert isinstance(model.entrance, nn.Identity)
    assert grids(32, model) == [(64, 8, 8), (128, 4, 4), (256, 2, 2), (512, 1, 1)]


def test_inputs_are_one_tensor_and_two_again() -> None:
    flow, moved = torch.rand(2, 3, SIDE, SIDE), torch.rand(2, 64, SIDE // 4, SIDE // 4)
    one, other = parted(joined(flow, moved))
    assert torch.equal(one, flow) and torch.equal(other, moved)


def test_groups_keep_samples_apart() -> None:
    model = TASK.model(ActionUnitOptions(width=8, norm="group"), seeded())
    assert not dict(model.named_buffers())
    assert [n for n, _ in model.named_parameters()] == [n for n, _ in small().named_parameters()]
    said, alone = (model(x).logits for x in (inputs(2), inputs(2)[:1]))
    torch.testing.assert_close(said[:1], alone)


def test_check_04_infusion_by_hand() -> None:
    flow = torch.tensor([[[[1.0, 3.0], [5.0, 2.0]]]])
    moved = torch.tensor([[[[4.0, 2.0], [3.0, 8.0]]]])
    torch.testing.assert_close(unit(flow), torch.tensor([[[[0, 0.5], [1, 0.25]]]]))
    torch.testing.assert_close(infused(moved, flow, "sample"), torch.tensor([[[[0.0, 1], [3, 2]]]]))


def test_check_05_scopes() -> None:
    two = torch.tensor([[1.0, 3.0], [5.0, 9.0]])[:, :, None, None]
    for scope, told in (("batch", [[0, 0.25], [0.5, 1]]), ("sample", [[0, 1], [0, 1]])):
        torch.testing.assert_close(unit(two, scope).flatten(1), torch.tensor(told, dtype=torch.float32))
    eight = inputs(8)
    for scope, same in (("sample", True), ("batch", False)):
        model = small(scope).eval()
        with torch.no_grad():
            whole = model(eight).logits
            alone = torch.cat([model(eight[i : i + 1]).logits for i in range(8)])
        assert torch.allclose(whole, alone, atol=1e-5) is same


def test_check_06_one_head_for_both() -> None:
    model = small().eval()
    with torch.no_grad():
        before = model(inputs(1))
        model.head.weight[3] += 1
        after = model(inputs(1))
    for name in ("flow", "magnified"):
        changed = (getattr(before, name) != getattr(after, name)).nonzero()[:, 1].tolist()
        assert changed == [3]
    assert [name for name, _ in model.named_parameters() if "head" in name] == ["head.weight", "head.bias"]


def test_check_07_the_second_loss_reaches_the_first_branch() -> None:
    model = small()
    said: Output = model(inputs(4))
    F.binary_cross_entropy_with_logits(said.magnified, torch.ones(4, 12)).backward()
    for name, weight in model.flow.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name
    apart = build(seeded(), width=8, infuse=False)
    apart(inputs(4)).magnified.sum().backward()
    assert all(weight.grad is None for weight in apart.flow.parameters())


@pytest.mark.parametrize("scope", ["sample", "batch"])
def test_check_12_still_clips_train_with_finite_numbers(scope: str, magnifier: Magnifier) -> None:
    model, still = small(scope), frames(3)
    with torch.no_grad():
        moved = pooled(latents(magnifier, still, still, still, 10.0))
    said = model(joined(torch.zeros(3, 3, SIDE, SIDE), moved))
    (F.binary_cross_entropy_with_logits(said.magnified, torch.ones(3, 12)) + said.flow.sum()).backward()
    assert torch.isfinite(said.logits).all()
    grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert grads and all(torch.isfinite(grad).all() for grad in grads)


def test_magnified_frames_and_seeds(magnifier: Magnifier) -> None:
    with torch.no_grad():
        assert magnifier(frames(1), frames(1, 3), torch.full((1, 1, 1, 1), 5.0)).shape == (1, 3, SIDE, SIDE)
    assert frozen.digest(frozen.magnifier()) == frozen.digest(magnifier)
    assert frozen.digest(frozen.magnifier(seed=1)) != frozen.digest(magnifier)
    assert not any(weight.requires_grad for weight in magnifier.parameters())
    one, two = (build(seeded(), 8).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)

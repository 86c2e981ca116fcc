import pytest
import torch

from isofed.tasks.reid.model import FAST_PREFIXES, HEAD_PREFIXES, ReidNet, build, gem, rate_groups, refit
from isofed.tasks.reid.options import ReidOptions

OPTIONS = ReidOptions()


def make(seed: int = 0, classes: int = 12) -> ReidNet:
    return build(OPTIONS, classes, torch.Generator().manual_seed(seed))


def images(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, 96, 48, generator=torch.Generator().manual_seed(9))


def test_gem_of_known_maps() -> None:
    assert gem(torch.tensor([[[[0.0, 2.0]]]])).item() == pytest.approx(1.587401, rel=1e-6)
    assert gem(torch.full((1, 1, 3, 2), 0.7)).item() == pytest.approx(0.7, rel=1e-6)


def test_gem_of_an_empty_map_has_a_finite_gradient() -> None:
    maps = torch.zeros(1, 1, 2, 2, requires_grad=True)
    gem(maps).sum().backward()
    assert maps.grad is not None and torch.equal(maps.grad, torch.zeros_like(maps))


def test_gem_of_halves_does_not_overflow() -> None:
    maps = torch.full((1, 1, 2, 2), 100.0)
    assert gem(maps.half()).item() == pytest.approx(100, rel=1e-6)  # 100^3 is beyond 65504
    assert gem(maps.bfloat16()).dtype == torch.float32


def test_everything_that_leaves_the_network_is_float32_under_autocast() -> None:
    model = make()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(images())
    assert {output.features.dtype, output.pooled.dtype, output.logits.dtype} == {torch.float32}
    expected = model(images())
    near = torch.nn.functional.cosine_similarity(output.pooled, expected.pooled)
    assert near.min() > 0.99


def test_a_tracklet_is_the_mean_of_its_frames_before_the_neck() -> None:
    model = make().eval()
    frames = torch.randn(3, 4, 3, 32, 16, generator=torch.Generator().manual_seed(9))
    output = model(frames)
    pooled = torch.stack([model(frames[:, t]).pooled for t in range(4)]).mean(0)
    torch.testing.assert_close(output.pooled, pooled)
    torch.testing.assert_close(output.features, model.neck(pooled))
    assert output.logits.shape == (3, 12)
    one = model(frames[:, :1])
    torch.testing.assert_close(one.features, model(frames[:, 0]).features)


def test_a_fresh_head_leaves_everything_else() -> None:
    model = make()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    refit(model, 500, torch.Generator().manual_seed(3))
    assert torch.equal(state, torch.get_rng_state())
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before if name != "head.weight")
    assert after["head.weight"].shape == (500, OPTIONS.dimensions)
    assert after["head.weight"].std().item() == pytest.approx(0.001, rel=0.05)
    other = make(seed=7)
    refit(other, 500, torch.Generator().manual_seed(3))
    assert torch.equal(other.head.weight, model.head.weight)


def test_less_than_a_million_parameters() -> None:
    count = sum(p.numel() for p in make(classes=64).parameters())
    assert count < 1_000_000
    assert count == 191_952, "the number that tasks/reid/README.md gives"


@pytest.mark.parametrize("train", [True, False])
def test_shapes_and_meaning_of_the_output(train: bool) -> None:
    model = make().train(train)
    output = model(images())
    assert output.features.shape == output.pooled.shape == (4, OPTIONS.dimensions)
    assert output.logits.shape == (4, 12)
    assert torch.equal(output.logits, output.features @ model.head.weight.T)
    assert (output.pooled >= 0).all()
    if train:  # the neck's batch statistics leave each dimension with mean 0
        torch.testing.assert_close(
            output.features.mean(0), torch.zeros(OPTIONS.dimensions), atol=1e-4, rtol=0
        )


def test_weights_follow_from_the_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = make().state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    two, other = make().state_dict(), make(1).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    drawn = [name for name, value in one.items() if not torch.equal(value, other[name])]
    assert set(drawn) == {n for n, v in one.items() if v.dim() > 1} | {"neck.weight"}


def test_parameters_lie_as_flat_storage_has_them() -> None:
    # other strides would be lost when the model is laid over one flat tensor, and sums take another order
    assert all(value.is_contiguous() for value in make().state_dict().values())


def test_scale_of_the_drawn_weights() -> None:
    state = make(classes=500).state_dict()
    assert state["head.weight"].std().item() == pytest.approx(0.001, rel=0.05)
    assert state["neck.weight"].mean().item() == pytest.approx(1, abs=0.01)
    assert state["neck.weight"].std().item() == pytest.approx(0.01, rel=0.3)
    assert torch.equal(state["neck.bias"], torch.zeros(OPTIONS.dimensions))


def test_the_stem_treats_colours_alike_at_the_start() -> None:
    weight = make().state_dict()["backbone.conv.weight"]
    assert torch.equal(weight[:, 0], weight[:, 1]) and torch.equal(weight[:, 0], weight[:, 2])
    he = (2 / (weight.shape[0] * 9)) ** 0.5
    assert weight[:, 0].std().item() == pytest.approx(he, rel=0.2)
    image = images()
    grey = image.mean(1, keepdim=True).expand_as(image)
    model = make().eval()
    torch.testing.assert_close(model(image).features, model(grey).features, atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_parameter() -> None:
    model = make()
    output = model(images(8))
    (output.logits.square().sum() + output.features.square().mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.backbone.conv.weight.grad.abs().sum() > 0


def test_every_parameter_has_one_rate() -> None:
    model = make()
    slow, fast = rate_groups(model, OPTIONS)
    assert len(slow["params"]) + len(fast["params"]) == len(list(model.parameters()))
    assert {id(p) for p in fast["params"]} == {
        id(model.neck.weight), id(model.neck.bias), id(model.head.weight)
    }  # fmt: skip
    assert fast["lr"] == fast["peak"] == OPTIONS.head_rate and slow["lr"] == OPTIONS.backbone_rate


def test_prefixes_name_parts_of_the_state() -> None:
    names = list(make().state_dict())
    assert [n for n in names if n.startswith(HEAD_PREFIXES)] == ["head.weight"]
    assert set(HEAD_PREFIXES) < set(FAST_PREFIXES)

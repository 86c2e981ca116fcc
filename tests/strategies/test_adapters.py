import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from isofed.errors import CompositionError, ConfigError
from isofed.strategies.adapters import A, B, adapters
from isofed.strategies.share import Share, all_but, everything, flatten
from isofed.tasks.reid.model import build
from isofed.tasks.reid.options import ReidOptions

HEAD = ("head.",)


class Net(nn.Module):
    """A grouped convolution, a tied weight, a derived linear layer, BatchNorm and a head, in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 6, (2, 3), groups=2, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.mixed = nn.Linear(6, 5, bias=False)
        self.tied = nn.Linear(6, 5)
        self.tied.weight = self.mixed.weight
        self.other = nn.modules.linear.NonDynamicallyQuantizableLinear(5, 5)
        self.head = nn.Linear(5, 3)
        self.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.norm(self.conv(x)).mean((2, 3))
        hidden = torch.tanh(self.mixed(maps) + self.tied(maps))
        return self.head(self.other(hidden))  # type: ignore[no-any-return]


def net() -> Any:
    torch.manual_seed(0)
    return Net().eval()


def adapted(share: Share, head: tuple[str, ...] = HEAD, seed: int = 1) -> tuple[Any, Share]:
    model, share = net(), share.of(head)
    assert share.adapt is not None
    share.adapt(model, head, torch.Generator().manual_seed(seed))
    return model, share


def moved(model: Any, seed: int = 2) -> Any:
    """Give every B values."""
    draw = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith(B):
            parameter.data.normal_(generator=draw)
    return model


X = torch.randn(4, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(9))


def test_an_adapted_model_begins_as_the_model_it_was_bit_for_bit() -> None:
    before, (model, _) = net(), adapted(adapters(2, 3.0))
    assert torch.equal(model(X), before(X))
    assert torch.equal(model.train()(X), before.train()(X))
    assert not torch.equal(moved(model).eval()(X), before.eval()(X))


@given(rank=st.integers(1, 40), alpha=st.floats(0.1, 8.0), seed=st.integers(0, 99))
def test_the_weight_is_a_sum_of_rank_r(rank: int, alpha: float, seed: int) -> None:
    model = moved(adapted(adapters(rank, alpha), seed=seed)[0], seed)
    for name in ("conv", "mixed", "tied"):
        layer, plain = model.get_submodule(name), net().get_submodule(name).weight.detach()
        a, b = getattr(layer, A).detach(), getattr(layer, B).detach()
        change = (layer.weight.detach() - plain).flatten(1)
        assert a.shape == (min(rank, change.shape[1]), change.shape[1]) and b.shape == (len(change), len(a))
        assert torch.allclose(change, alpha / rank * b @ a, atol=1e-12)
        assert torch.linalg.matrix_rank(change) == min(rank, *change.shape)


def test_forward_is_that_of_a_dense_model() -> None:
    model, dense = moved(adapted(adapters(2, 3.0))[0]), net()
    dense.tied.weight = nn.Parameter(dense.tied.weight.detach().clone())
    for name in ("conv", "mixed", "tied"):
        dense.get_submodule(name).weight.data.copy_(model.get_submodule(name).weight)
    assert torch.equal(model(X), dense(X))
    maps = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    plain = F.conv2d(maps, model.conv.weight, model.conv.bias, padding=1, groups=2)
    assert torch.equal(model.conv(maps), plain)


def test_names_keep_their_places_and_the_head_has_no_adapters() -> None:
    model, _ = adapted(adapters(2, 3.0))
    names = [name for name in model.state_dict() if not name.endswith((A, B))]
    assert names == list(net().state_dict())
    added = {name for name in model.state_dict() if name.endswith((A, B))}
    assert added == {f"{layer}.{part}" for layer in ("conv", "mixed", "tied") for part in (A, B)}
    assert isinstance(model.conv, nn.Conv2d) and isinstance(model.mixed, nn.Linear)
    assert type(model.head) is nn.Linear and type(model.other) is type(net().other)


def test_copies_and_pickles_are_the_model() -> None:
    model = moved(adapted(adapters(2, 3.0))[0])
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X), model(X))
        moved(other, 5)
        assert not torch.equal(other(X), model(X))
    flatten(model, adapters(2, 3.0).of(HEAD))
    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_a_follows_from_the_generator_and_has_rows_of_about_one() -> None:
    one, same, other = (adapted(adapters(2, 3.0), seed=seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one[f"conv.{A}"], other[f"conv.{A}"])
    wide = nn.Sequential(nn.Linear(5000, 2))
    share = adapters(8, 1.0)
    assert share.adapt is not None
    share.adapt(wide, (), torch.Generator().manual_seed(0))
    assert torch.allclose(getattr(wide[0], A).norm(dim=1), torch.ones(8), atol=0.05)


NORM = {"norm.weight", "norm.bias"}
OF_HEAD = {"head.weight", "head.bias"}
OF_B = {f"{layer}.{B}" for layer in ("conv", "mixed", "tied")}
OF_A = {f"{layer}.{A}" for layer in ("conv", "mixed", "tied")}


@pytest.mark.parametrize(
    ("share", "travel"),
    [
        (adapters(2, 1.0), OF_B | OF_HEAD),
        (adapters(2, 1.0, head=False), OF_B),
        (adapters(2, 1.0, norms=True), OF_B | OF_HEAD | NORM),
        (adapters(2, 1.0, "both", head=False), OF_A | OF_B),
        (adapters(2, 1.0).of(HEAD).but(*HEAD), OF_B),
    ],
    ids=["default", "no head", "norms", "both", "private head"],
)
def test_what_is_trained_travels_and_the_rest_is_base(share: Share, travel: set[str]) -> None:
    model, share = adapted(share)
    trees = flatten(model, share)
    assert set(trees["model"]) == travel
    assert set(trees["buffers"]) == {
        f"norm.{n}" for n in ("running_mean", "running_var", "num_batches_tracked")
    }
    trained = {name for name, _ in model.named_parameters() if share.trained(model)(name)}
    kept = set(trees["own"]) if "own" in trees else set()
    assert trained == travel | kept and kept == (OF_HEAD if share.kept else set())
    assert set(trees["base"]) == {name for name, _ in model.named_parameters()} - trained
    assert torch.equal(trees["base"]["conv.weight"], net().conv.weight)


def test_gradients_reach_what_is_trained_through_flat_storage() -> None:
    model, share = adapted(adapters(2, 1.0))
    trees, trained = flatten(model, share), share.trained(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trained(name))
    base = trees["base"].numpy()
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        model.train()(X).square().mean().backward()
        found = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
        assert found == set(trees["model"])
        optimiser.step()
    assert all((trees["base"][name].numpy() == array).all() for name, array in base.items())
    assert all(trees["model"][name].abs().sum() > 0 for name in OF_B)


def test_only_a_share_that_freezes_says_so() -> None:
    assert adapters(2, 1.0).freezes and adapters(2, 1.0).of(HEAD).but(*HEAD).freezes
    assert not everything.freezes and not all_but("norms").of(HEAD).freezes
    assert adapters(2, 1.0).of(HEAD).complete() and not adapters(2, 1.0).of(HEAD).but(*HEAD).complete()


@pytest.mark.parametrize(
    "model", [nn.Sequential(nn.BatchNorm1d(3)), nn.ModuleDict({"head": nn.Linear(2, 2)})]
)
def test_a_model_without_such_layers_is_refused(model: nn.Module) -> None:
    share = adapters(2, 1.0)
    assert share.adapt is not None
    with pytest.raises(CompositionError, match=r"outside the head, but \w+ has none; use strategy=fedavg"):
        share.adapt(model, HEAD, torch.Generator())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rank": 0}, "'rank' is 0, but must lie between 1 and"),
        ({"alpha": 0.0}, "'alpha' is 0.0, but must lie between"),
        ({"train": "A"}, "unknown train 'A'"),
    ],
)
def test_options_without_sense_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        adapters(**{"rank": 2, "alpha": 1.0, **options})


@pytest.mark.slow
def test_the_full_size_model_sends_a_144th() -> None:
    """What the docstring of lora says."""
    model = build(ReidOptions(backbone="resnet50", dimensions=2048), 395, torch.Generator().manual_seed(0))
    parts = {g: t.layout for g, t in flatten(model, everything.but(*HEAD)).items()}
    whole = parts["model"].nbytes + parts["buffers"].nbytes
    share = adapters(4, 4.0).of(HEAD).but(*HEAD)
    assert share.adapt is not None
    share.adapt(model, HEAD, torch.Generator().manual_seed(1))
    layouts = {group: tree.layout for group, tree in flatten(model, share).items()}
    sent = layouts["model"].nbytes + layouts["buffers"].nbytes
    print(f"{layouts['model'].sizes} {sent} bytes of {whole}: 1/{whole / sent:.1f}")
    assert parts["model"].sizes == {"float32": 23_512_128} and layouts["model"].sizes == {"float32": 106_240}
    assert (round(sent / 1e6, 2), round(whole / 1e6, 2), round(whole / sent)) == (0.65, 94.28, 144)
    shared = flatten(model, adapters(4, 4.0).of(HEAD))
    assert shared["model"].layout.nbytes - layouts["model"].nbytes == 395 * 2048 * 4

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from isofed.strategies.share import everything, flatten, homeless, housed, left, without
from isofed.trees import Tree


class Net(nn.Module):
    """BatchNorm at several depths, a 0-d parameter, a tied weight, a buffer that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(3, 4),
            nn.BatchNorm1d(4),
            nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))),
        )
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.head = nn.Linear(4, 2)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.body[2][0][0].weight
        self.register_buffer("seen", torch.tensor([7, 8]))
        self.register_buffer("scratch", torch.ones(3), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.tied(self.body(x)) * self.scale)  # type: ignore[no-any-return]


def net(seed: int = 0) -> Net:
    torch.manual_seed(seed)
    return Net()


def steps(model: nn.Module, count: int = 3) -> None:
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    rng = torch.Generator().manual_seed(1)
    for _ in range(count):
        optimiser.zero_grad()
        model(torch.randn(8, 3, generator=rng)).square().mean().backward()
        optimiser.step()


def held(trees: Mapping[str, Tree]) -> dict[str, torch.Tensor]:
    return {name: view for tree in trees.values() for name, view in tree.items()}


def test_flattening_changes_no_value_and_splits_as_registered() -> None:
    model, before = net(), net().state_dict()
    trees = flatten(model)
    assert set(trees) == {"model", "buffers"}
    assert list(trees["model"]) == [name for name, _ in model.named_parameters()]
    assert set(trees["buffers"]) == {
        *(f"{bn}.{what}" for bn in ("body.1", "body.2.0.1") for what in ("running_mean", "running_var")),
        *(f"{bn}.num_batches_tracked" for bn in ("body.1", "body.2.0.1")),
        "seen",
    }
    after = model.state_dict()
    assert list(after) == list(before)
    for name, value in before.items():
        assert torch.equal(after[name], value) and after[name].dtype == value.dtype


@pytest.mark.parametrize("share", [everything, without("head.", "body.2.")], ids=lambda share: share.call)
def test_views_are_alive_after_training(share: object) -> None:
    model, plain = net(), net()
    trees = flatten(model, share)  # type: ignore[arg-type]
    steps(model)
    steps(plain)
    state = plain.state_dict()
    found = held(trees)
    assert set(found) == set(state) - {"tied.weight"}
    for name, view in found.items():
        assert torch.equal(view, state[name]), name
    assert int(found["body.2.0.1.num_batches_tracked"]) == 3


def test_loading_a_tree_loads_the_module() -> None:
    model, other = net(), net(5)
    trees, donors = flatten(model), flatten(other)
    steps(other)
    for group, tree in trees.items():
        tree.copy_from(donors[group].numpy())
    wanted = other.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, wanted[name]), name
    x = torch.ones(4, 3)
    assert torch.equal(model.eval()(x), other.eval()(x))
    steps(model.train())
    steps(other.train())
    assert torch.equal(model.body[1].running_var, other.body[1].running_var)


def test_what_leaves_a_module_is_written_to_by_nobody_and_new_memory_is_as_good() -> None:
    model, plain = net(), net()
    trees, donor = flatten(model), flatten(plain)["model"]
    steps(model)
    gone, values = trees["model"].as_numpy(), trees["model"].numpy()
    nowhere = left(model, trees["model"])
    assert homeless(nowhere) and not homeless(trees["buffers"])
    shapes = {name: value.shape for name, value in plain.state_dict().items()}
    assert {name: value.shape for name, value in model.state_dict().items()} == shapes
    with pytest.raises(RuntimeError):
        nowhere.copy_from(values)  # nothing is lost without a word
    there = housed(model, nowhere)
    there.copy_from(donor.numpy())
    trees["buffers"].copy_from(flatten(net())["buffers"].numpy())
    steps(model)
    steps(plain)
    for name, value in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert all(np.array_equal(gone[name], values[name]) for name in values)
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_without_the_head_the_head_stays() -> None:
    model = net()
    trees = flatten(model, without("head.", "body.1."))
    assert set(trees) == {"model", "buffers", "own", "own_buffers"}
    assert set(trees["own"]) == {"head.weight", "head.bias", "body.1.weight", "body.1.bias"}
    assert set(trees["own_buffers"]) == {
        f"body.1.{n}" for n in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert not any(name.startswith(("head.", "body.1.")) for g in ("model", "buffers") for name in trees[g])


@pytest.mark.parametrize("share", [everything, without("head."), without("")], ids=lambda share: share.call)
def test_parts_and_whole_are_the_same_numbers(share: object) -> None:
    model = net()
    trees = {group: tree.numpy() for group, tree in flatten(model, share).items()}  # type: ignore[arg-type]
    names = [name for tree in trees.values() for name in tree]
    assert len(names) == len(set(names))
    state = model.state_dict()
    assert set(names) == set(state) - {"tied.weight"}
    for name, array in ((n, a) for tree in trees.values() for n, a in tree.items()):
        assert np.array_equal(array, state[name].numpy())


def test_a_model_without_buffers_still_has_the_group() -> None:
    trees = flatten(nn.Linear(2, 1))
    assert len(trees["buffers"]) == 0 and len(trees["model"]) == 2


def test_only_a_whole_share_is_complete() -> None:
    assert everything.complete() and not without("head.").complete()
    assert without("head.").complete(("head.",)) and not without("body.").complete(("head.",))
    both = everything.but("head.").but("neck.")
    assert (
        both.kept == ("head.", "neck.")
        and both.complete(("head.", "neck."))
        and not both.complete(("head.",))
    )
    assert [n for n in ("head.w", "neck.b", "body.w") if both.travels(n)] == ["body.w"]
    assert without("a.", "b.").call == "without('a.', 'b.')"

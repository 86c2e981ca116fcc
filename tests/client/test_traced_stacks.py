"""Stacked steps taken by their operations are the steps themselves, to the bit."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from together_case import NAME, TASK, arrays, both, places_of, shop_of
from torch import nn

from isofed.client import traced as module
from isofed.client.traced import Traced
from isofed.tasks import TASKS


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


def _listed(shop: Any) -> list[bool]:
    return [kind.listed is not None for kind in vars(shop)["traced"]._kinds.values()]


CASES: Sequence[tuple[str, str, str]] = (
    ("head", "sgd", "scaffold"),
    ("cnn", "momentum", "fedprox"),
    ("cnn", "adam", "fedbn"),
    ("odd", "sgd", "fedavg"),
)


@pytest.mark.parametrize(("model", "optimiser", "strategy"), CASES)
def test_the_same_bits(model: str, optimiser: str, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for often in (10**9, 2):  # never, and after the first step
        monkeypatch.setattr(module, "OFTEN", often)
        shop = shop_of({"name": strategy}, model=model, optimiser=optimiser, keeps=True)
        found.append(both(shop, places_of([20, 20, 20]), rounds=2)[1])
    assert all(_listed(shop))
    for one, other in zip(*found, strict=True):
        assert one.report.scalars == other.report.scalars
        theirs = arrays(other)
        assert all(np.array_equal(value, theirs[name]) for name, value in arrays(one).items())


def test_steps_of_another_shape_are_looked_through_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OFTEN", 2)
    shop = shop_of()
    both(shop, places_of([20, 20, 20, 30, 30]))
    assert _listed(shop) == [True, True]


def test_steps_that_draw_are_taken_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OFTEN", 1)
    shop = shop_of(model="dropout")
    both(shop, places_of([20, 20]))
    assert "traced" not in vars(shop)


def test_a_model_of_which_a_part_is_not_stacked_is_taken_as_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "OFTEN", 1)
    shop = shop_of({"name": "lora", "rank": 2})
    both(shop, places_of([20, 20]))
    assert _listed(shop) == [False]


def _given() -> Any:
    return {"w": torch.ones(2, 3)}, {}, [torch.ones(2, 3)]


def _steps(slopes: Any) -> tuple[Traced, list[Any]]:
    traced = Traced(torch.nn.Identity())
    return traced, [traced.take(slopes, _given(), ()) for _ in range(module.OFTEN + 2)]


def test_what_comes_out_otherwise_each_time_is_not_kept() -> None:
    calls: list[int] = []

    def slopes(trained: Any, rest: Any, leaves: Any) -> Any:
        calls.append(1)
        return {"w": trained["w"] * len(calls)}, (leaves[0].sum(1), {})

    traced, found = _steps(slopes)
    assert [kind.listed for kind in traced._kinds.values()] == [None]
    assert [float(gradients["w"][0, 0]) for gradients, _ in found] == sorted(
        {float(gradients["w"][0, 0]) for gradients, _ in found}
    )


def test_what_cannot_be_looked_through_goes_on_as_it_stands() -> None:
    def slopes(trained: Any, rest: Any, leaves: Any) -> Any:
        return {"w": trained["w"] * float(leaves[0].sum())}, (leaves[0].sum(1), {})

    traced, found = _steps(slopes)
    assert [kind.listed for kind in traced._kinds.values()] == [None]
    assert all(gradients["w"].eq(6.0).all() for gradients, _ in found)


def test_what_was_looked_through_is_not_called_again() -> None:
    calls: list[int] = []

    def slopes(trained: Any, rest: Any, leaves: Any) -> Any:
        calls.append(1)
        return {"w": trained["w"] * leaves[0]}, (leaves[0].sum(1), {})

    traced, _ = _steps(slopes)
    assert len(calls) == module.OFTEN + 1  # once more by the one that looks
    gradients, (losses, after) = traced.take(slopes, ({"w": torch.full((2, 3), 2.0)}, *_given()[1:]), ())
    assert gradients["w"].eq(2.0).all() and losses.eq(3.0).all() and after == {}
    assert not gradients["w"].requires_grad


def test_two_layers_alike_that_are_trained_in_turns_are_two_kinds() -> None:
    def slopes(trained: Any, rest: Any, leaves: Any) -> Any:
        both = {**trained, **rest}
        out = leaves[0] * both["a"] * 2.0 + both["b"]
        found = {"a": leaves[0] * 2.0, "b": torch.ones_like(leaves[0])}
        return {name: found[name] for name in trained}, (out.sum(1), {})

    traced = Traced(nn.Module())
    for _ in range(module.OFTEN + 1):
        for name, other in (("a", "b"), ("b", "a")):
            given = {name: torch.full((2, 3), 3.0)}, {other: torch.full((2, 3), 5.0)}, [torch.ones(2, 3)]
            gradients, _ = traced.take(slopes, given, ())
            assert list(gradients) == [name] and gradients[name].eq(2.0 if name == "a" else 1.0).all()
    assert all(kind.listed for kind in traced._kinds.values()) and len(traced._kinds) == 2

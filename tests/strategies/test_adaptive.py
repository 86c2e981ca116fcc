"""The adaptive server optimisers against the paper's algorithm written out, one number at a time."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.strategies.adaptive import adagrad, adam, yogi
from isofed.strategies.optimisers import ServerOptimiser
from isofed.trees import from_arrays

ETA, B1, B2, TAU = 0.3, 0.8, 0.95, 0.01


def slow_second(kind: str, v: float, d: float) -> float:
    """Line by line of algorithm 2."""
    if kind == "adagrad":
        return v + d**2
    if kind == "yogi":
        return v - (1 - B2) * d**2 * float(np.sign(v - d**2))
    return B2 * v + (1 - B2) * d**2


def slow(kind: str, directions: list[float]) -> float:
    """One number's way over the rounds."""
    x, m, v = 0.0, 0.0, TAU**2
    for d in directions:
        m = B1 * m + (1 - B1) * d
        v = slow_second(kind, v, d)
        x += ETA * m / (v**0.5 + TAU)
    return x


def walk(optimiser: ServerOptimiser, directions: list[float]) -> float:
    layout = from_arrays({"w": np.zeros(1, np.float32)}).layout
    state, x = optimiser.init(layout), 0.0
    for number, d in enumerate(directions, 1):
        step, state = optimiser.step(from_arrays({"w": np.full(1, d, np.float32)}).wide(), state, number)
        x += float(step["w"][0])
    return x


MAKERS: dict[str, Callable[[], ServerOptimiser]] = {
    "adam": lambda: adam(ETA, B1, B2, TAU),
    "yogi": lambda: yogi(ETA, B1, B2, TAU),
    "adagrad": lambda: adagrad(ETA, B1, TAU),
}
NUMBERS = st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=60)
@given(directions=NUMBERS)
def test_each_follows_algorithm_2(kind: str, directions: list[float]) -> None:
    assert walk(MAKERS[kind](), directions) == pytest.approx(slow(kind, directions), rel=1e-9, abs=1e-12)


@settings(max_examples=40)
@given(directions=NUMBERS)
def test_with_bias_correction_it_is_adam_on_the_negated_direction(directions: list[float]) -> None:
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    theirs = torch.optim.Adam([weight], lr=ETA, betas=(B1, B2), eps=TAU)
    for d in directions:
        weight.grad = torch.tensor([-d], dtype=torch.float64)
        theirs.step()
    assert walk(adam(ETA, B1, B2, TAU, True), directions) == pytest.approx(
        float(weight.detach()), rel=1e-6, abs=1e-9
    )


@settings(max_examples=60)
@given(directions=NUMBERS)
def test_no_second_moment_is_ever_negative(directions: list[float]) -> None:
    layout = from_arrays({"w": np.zeros(1, np.float32)}).layout
    for make in MAKERS.values():
        optimiser = make()
        state = optimiser.init(layout)
        for number, d in enumerate(directions, 1):
            _, state = optimiser.step(from_arrays({"w": np.full(1, d, np.float32)}).wide(), state, number)
            assert float(state["v"]["w"][0]) >= 0


@pytest.mark.parametrize("change", [{"lr": -1.0}, {"beta1": 1.0}, {"beta2": -0.1}, {"tau": 0.0}])
def test_numbers_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"'{next(iter(change))}'"):
        adam(**change)  # type: ignore[arg-type]

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.strategies.optimisers import sgd
from isofed.trees import from_arrays


@settings(max_examples=40)
@given(st.floats(0.01, 2.0), st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, 10**6), st.integers(1, 6))
def test_sgd_is_torch_sgd_on_the_negated_direction(
    lr: float, momentum: float, seed: int, rounds: int
) -> None:
    rng = np.random.default_rng(seed)
    ours = from_arrays({"w": rng.standard_normal((2, 3)), "b": rng.standard_normal(2)})
    theirs = torch.nn.Parameter(torch.from_numpy(ours.buffers["float64"].copy()))
    optimiser, torchs = sgd(lr, momentum), torch.optim.SGD([theirs], lr, momentum)
    state = optimiser.init(ours.layout)
    for number in range(1, rounds + 1):
        direction = from_arrays({"w": rng.standard_normal((2, 3)), "b": rng.standard_normal(2)})
        step, state = optimiser.step(direction, state, number)
        ours = ours.map(lambda old, s: old + s, step)
        theirs.grad = torch.from_numpy(-direction.buffers["float64"])
        torchs.step()
    np.testing.assert_allclose(ours.buffers["float64"], theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_plain_sgd_keeps_nothing_and_passes_the_direction_on() -> None:
    direction = from_arrays({"w": np.array([1.0, -2.0])})
    step, state = sgd().step(direction, sgd().init(direction.layout), 1)
    assert state == {} and step is direction


def test_a_step_leaves_the_state_it_was_given() -> None:
    direction = from_arrays({"w": np.ones(2, np.float32)})
    optimiser = sgd(momentum=0.5)
    first = optimiser.init(direction.layout)
    _, second = optimiser.step(direction.wide(), first, 1)
    assert first["momentum"]["w"].tolist() == [0, 0] and second["momentum"]["w"].tolist() == [1, 1]
    assert second["momentum"].buffers["float32"].dtype == np.float64


@pytest.mark.parametrize("change", [{"lr": -0.1}, {"momentum": -0.1}, {"momentum": 1.0}])
def test_numbers_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        sgd(**change)

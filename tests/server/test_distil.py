import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isofed.server.distil import batches, loss, rate
from isofed.strategies.distillation import Distillation


@given(st.integers(2, 40), st.integers(2, 50), st.integers(1, 30))
def test_every_pass_sees_each_sample_once(samples: int, batch: int, steps: int) -> None:
    found = batches(samples, Distillation(steps=steps, batch=batch), np.random.default_rng(0))
    assert found.shape == (steps, min(batch, samples))
    whole = found.reshape(-1)[: found.size // samples * samples].reshape(-1, samples)
    assert all(sorted(each) == list(range(samples)) for each in whole.tolist())
    assert len(set(found.reshape(-1)[len(whole) * samples :].tolist())) == found.size - whole.size


def test_adam_anneals_as_torch_does_and_sgd_stays() -> None:
    plan = Distillation(steps=7, lr=0.3)
    optimiser = torch.optim.SGD([torch.zeros(1)], 0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 7)
    for step in range(7):
        assert rate(plan, step) == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert {rate(Distillation("features", 7, lr=0.3, by="sgd"), step) for step in range(7)} == {0.3}


def slow_divergence(said: torch.Tensor, wanted: torch.Tensor, temperature: float) -> float:
    """Σ p log(p / q) of each row, p the teachers' and q the student's, averaged over the rows."""

    def spread(row: list[float]) -> list[float]:
        powers = [math.exp(z / temperature) for z in row]
        return [power / sum(powers) for power in powers]

    pairs = [(spread(w), spread(s)) for w, s in zip(wanted.tolist(), said.tolist(), strict=True)]
    return sum(p * math.log(p / q) for ps, qs in pairs for p, q in zip(ps, qs, strict=True)) / len(pairs)


@given(st.integers(0, 500), st.sampled_from([0.5, 1.0, 4.0]))
def test_the_loss_is_the_papers(seed: int, temperature: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    said, wanted = (torch.randn(5, 4, generator=draw, dtype=torch.float64) for _ in range(2))
    logits = Distillation(temperature=temperature)
    assert float(loss(logits, said, wanted)) == pytest.approx(slow_divergence(said, wanted, temperature))
    assert float(loss(Distillation("features"), said, wanted)) == pytest.approx(
        np.mean(
            [(a - b) ** 2 for a, b in zip(said.flatten().tolist(), wanted.flatten().tolist(), strict=True)]
        )
    )
    assert float(loss(logits, said, said + 3.0)) == pytest.approx(0.0, abs=1e-12)

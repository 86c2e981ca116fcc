"""DPPT's bank beside section 3.3 of the paper, written out."""

from typing import Any

import pytest
import torch
from arena import CLASSES, Problem, Weights, close, forward, gradient, loss, play, problems
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from isofed.strategies.local.rectify import CHANNEL

few = settings(max_examples=8, deadline=None)
Centres = dict[int, torch.Tensor]


def centre(features: list[torch.Tensor], k: int) -> torch.Tensor:
    """The mean of the K features nearest to their mean (eq. 3 and 4)."""
    middle = torch.stack(features).mean(0)
    far = [float((feature - middle).norm()) for feature in features]
    order = sorted(range(len(features)), key=far.__getitem__)
    # two features lie equally far from their mean: which one rounding prefers is nobody's business here
    assume(len(order) <= k or far[order[k]] - far[order[k - 1]] > 1e-5)
    return torch.stack([features[i] for i in order[:k]]).mean(0)


def rectification(z: torch.Tensor, y: torch.Tensor, centres: Centres) -> Any:
    """Mean of 1 - cos to the identity's global centre (eq. 5); exactly 1 where there is none."""
    if not centres:
        return 0.0
    terms = [
        1 - F.cosine_similarity(z[i], centres[c], dim=0) if c in centres else z.new_ones(())
        for i, c in enumerate(y.tolist())
    ]
    return torch.stack(terms).mean()


@pytest.mark.parametrize("over", ["present", "all"])
@few
@given(problem=problems(), lam=st.floats(0.1, 3.0), k=st.integers(2, 5))
def test_dppt(over: str, problem: Problem, lam: float, k: int) -> None:
    played = play({"name": "dppt", "lam": lam, "k": k, "over": over}, problem)
    w, centres = played.model(0), Centres()
    n = {site: problem.examples(site) / sum(map(problem.examples, problem.sites)) for site in problem.sites}
    for round in range(1, problem.rounds + 1):
        ends, sent = {}, dict[int, list[torch.Tensor]]()
        for site in problem.sites:
            now, bank = w, dict[int, list[torch.Tensor]]()
            for x, y in problem.batches(site, round):
                for c, z in zip(y.tolist(), forward(now, x).features.float(), strict=True):
                    bank.setdefault(c, []).append(z / z.norm())

                def whole(v: Weights, x: Any = x, y: Any = y, centres: Centres = centres) -> Any:
                    return loss(v, x, y) + lam * rectification(forward(v, x).features, y, centres)

                g = gradient(now, whole)
                now = {name: now[name] - problem.options.rate * g[name] for name in now}
            ends[site] = now
            for c, features in bank.items():
                sent.setdefault(c, []).append(centre(features, k))
        shares = {c: len(found) if over == "present" else len(problem.sites) for c, found in sent.items()}
        centres = {c: torch.stack(found).sum(0).double() / shares[c] for c, found in sent.items()}
        w = {name: sum(n[s] * ends[s][name] for s in ends) for name in w}  # type: ignore[misc]
    assert close(played.model(), w, 1e-4)
    table = played.states[-1].tables[CHANNEL]
    for c in range(CLASSES):
        wanted = centres.get(c, torch.zeros(table.values.shape[1], dtype=torch.float64))
        assert torch.allclose(torch.from_numpy(table.values[c].copy()).double(), wanted, atol=1e-5)

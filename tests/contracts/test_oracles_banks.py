"""DPPT's bank beside section 3.3 of the paper, and L2RW+'s matched bank and heads, written out."""

from typing import Any

import numpy as np
import pytest
import torch
from arena import CLASSES, WIDTH, Problem, Weights, close, forward, gradient, loss, play, problems
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from isofed.strategies.local.rectify import CHANNEL
from isofed.strategies.matching_math import match

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


def mixed(z: torch.Tensor, y: torch.Tensor, centres: Centres) -> Any:
    """Half the mean squared error plus half of 1 - cos, towards zero where a site has no centre."""
    if not centres:
        return 0.0
    none = torch.zeros(z.shape[1], dtype=z.dtype)
    wanted = torch.stack([centres.get(c, none) for c in y.tolist()])
    away = torch.stack([1 - F.cosine_similarity(z[i], wanted[i], dim=0) for i in range(len(z))])
    return 0.5 * ((z - wanted) ** 2).mean() + 0.5 * away.mean()


def answered(sent: dict[str, Centres], rows: dict[str, Centres], tau: float) -> dict[str, Centres]:
    """Each site's rows back: the mean over its group of matched centres, else its own."""
    tables = {
        site: (
            np.stack([centres.get(c, torch.zeros(WIDTH)).numpy() for c in range(CLASSES)]),
            np.array([c in centres for c in range(CLASSES)]),
        )
        for site, centres in sent.items()
    }
    back = {site: dict(own) for site, own in rows.items()}
    for group in match(tables, tau):  # which has an oracle of its own, tests/strategies/test_matching_math.py
        middle = torch.stack([rows[site][c] for site, c in group]).mean(0)
        for site, c in group:
            back[site][c] = middle
    return {site: {c: row.double() for c, row in own.items()} for site, own in back.items()}


@pytest.mark.parametrize("name", ["cgpr", "l2rwplus"])
@few
@given(
    problem=problems(), lam=st.floats(0.1, 2.0), k=st.integers(2, 5), tau=st.sampled_from([-0.5, 0.0, 0.6])
)
def test_matched_banks(name: str, problem: Problem, lam: float, k: int, tau: float) -> None:
    played = play({"name": name, "lam": lam, "k": k, "tau": tau}, problem)
    w, back, heads = played.model(0), dict[str, Centres](), dict[str, Centres]()
    n = {site: problem.examples(site) / sum(map(problem.examples, problem.sites)) for site in problem.sites}
    for round in range(1, problem.rounds + 1):
        ends, sent, rows = {}, dict[str, Centres](), dict[str, Centres]()
        for site in problem.sites:
            now, bank, targets = dict(w), dict[int, list[torch.Tensor]](), back.get(site, {})
            for c, row in heads.get(site, {}).items():
                now["head.weight"] = now["head.weight"].clone()
                now["head.weight"][c] = row
            for x, y in problem.batches(site, round):
                for c, z in zip(y.tolist(), forward(now, x).features.float(), strict=True):
                    bank.setdefault(c, []).append(z)

                def whole(v: Weights, x: Any = x, y: Any = y, targets: Centres = targets) -> Any:
                    return loss(v, x, y) + lam * mixed(forward(v, x).features, y, targets)

                g = gradient(now, whole)
                now = {key: now[key] - problem.options.rate * g[key] for key in now}
            ends[site] = now
            sent[site] = {c: centre(features, k) for c, features in bank.items()}
            held = set(problem.data[site][1].tolist())
            rows[site] = {c: now["head.weight"][c].float() for c in sorted(held)}
        back = answered(sent, sent, tau)
        heads = answered(sent, rows, tau) if name == "l2rwplus" else {}
        w = {key: sum(n[s] * ends[s][key] for s in ends) for key in w}  # type: ignore[misc]
    assert close(played.model(), w, 1e-4)

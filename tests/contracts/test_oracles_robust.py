"""The named robust strategies on real clients and a real server, beside slow oracles of their rules."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from arena import ArenaOptions, Problem, Weights, close, play
from hypothesis import given, settings
from hypothesis import strategies as st
from test_oracles_averaging import changes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "strategies" / "robust"))

import robust_oracles as slow

from isofed.strategies.named import STRATEGIES
from isofed.strategies.named.robust import NAMED
from isofed.strategies.robust.rule import GatheringRule

few = settings(max_examples=4, deadline=None)

ORACLES: dict[str, tuple[dict[str, Any], Any]] = {
    "krum": ({}, slow.slow_krum),
    "multi_krum": ({"m": 2}, lambda x, f: slow.slow_multi_krum(x, f, min(2, len(x) - f))),
    "bulyan": ({}, slow.slow_bulyan),
    "trimmed_mean": ({}, slow.slow_trimmed_mean),
    "median": ({"lr": 0.5}, lambda x, f: 0.5 * slow.slow_median(x)),
    "rfa": ({"iterations": 30}, lambda x, f: slow.slow_rfa(x, 1e-6, 30)),
    "centred_clipping": ({"tau": 0.1, "iterations": 4}, lambda x, f: slow.slow_centred_clipping(x, 0.1, 4)),
    "norm_bounding": ({}, lambda x, f: slow.slow_norm_bounding(x, 0.0)),
}


def played(name: str, problem: Problem) -> tuple[Weights, Weights]:
    """Return the last model, and what the oracle makes of the same rounds."""
    options, oracle = ORACLES[name]
    rule: Any = STRATEGIES[name](**options).rule
    found = play({"name": name, **options}, problem)
    w = found.model(0)
    for round in range(1, problem.rounds + 1):
        sites = changes(problem, round, w)
        x = np.array([torch.cat([c.flatten() for c in sites[s].values()]).numpy() for s in problem.sites])
        moved = torch.from_numpy(np.asarray(oracle(x, rule.tolerated(len(x)))))
        parts = moved.split([value.numel() for value in w.values()])
        w = {n: w[n] + part.reshape(w[n].shape) for n, part in zip(w, parts, strict=True)}
    return found.model(), w


@pytest.mark.parametrize("name", ORACLES)
@few
@given(seed=st.integers(0, 2**32 - 1), sites=st.integers(1, 9))
def test_a_robust_strategy_is_its_oracle(name: str, seed: int, sites: int) -> None:
    rng = np.random.default_rng(seed)
    data = {f"s{n}": (rng.normal(0.3 * n, 1.0, (4, 3)), rng.integers(0, 3, 4)) for n in range(sites)}
    found, wanted = played(name, Problem(data, 2, ArenaOptions()))
    assert close(found, wanted, 1e-5 if name == "rfa" else 1e-9)


def test_every_robust_strategy_gathers_and_no_other_does() -> None:
    gather = {name for name, make in STRATEGIES.items() if isinstance(make().rule, GatheringRule)}
    assert gather == set(NAMED) == {*ORACLES, "fltrust"}  # the latter in test_root_of_trust.py

"""A round in which running statistics leave as changes, beside one written out by hand."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_private_rounds import SECRETS, SIZE, under
from test_rounds import begin, weights

from isofed.protocols.pipeline import Pipeline
from isofed.protocols.privacy import noisy, shared
from isofed.protocols.step import Use
from isofed.records import Report, Value
from isofed.server.cohorts import drawn
from isofed.server.rounds import training_round
from isofed.server.state import ServerState
from isofed.trees import Tree, from_arrays

OWN, SITES = 2.0, ["s00", "s01", "s02", "s03"]
RELEASED = {"buffers": "released", "buffers_share": 0.5, "buffers_norm": OWN}


def kept(mean: Any, variance: Any, batches: int) -> Tree:
    return from_arrays(
        {
            "n.running_mean": np.asarray(mean, np.float32),
            "n.running_var": np.asarray(variance, np.float32),
            "n.num_batches_tracked": np.array(batches),
        }
    )


def once(state: ServerState, chosen: Any, found: list[Tree], examples: int = 1) -> ServerState:
    """Take a round in which the sites that are asked found these statistics."""
    pipeline = Pipeline(chosen.recipe.privacy)
    asked = training_round(state, chosen, SITES, 1, 1, SECRETS)
    replies = []
    for number, ask in enumerate(next(asked)):
        channels = {"model": Value(state.trees["model"]), "buffers": Value(found[SITES.index(ask.site)])}
        # a site that says it has more examples weighs no more
        numbers = {"examples": 1 + examples * number, "steps": 1, "loss": 0.0}
        report = Report(state.round + 1, 1, "1.1", channels, numbers)
        use = Use(state.round + 1, 1, SECRETS, kept=state.private)
        sent = pipeline.leaving(report, state.trees["model"], use, state.trees["buffers"])
        replies.append((ask.site, pipeline.opened(sent, use)))
    with pytest.raises(StopIteration) as end:
        asked.send([replies])
    return end.value.value.state  # type: ignore[no-any-return]


def test_the_mean_of_clipped_changes_of_all_sites_alike() -> None:
    rng, start = np.random.default_rng(0), kept([1.0, -1.0], [2.0, 0.5], 5)
    found = [kept(rng.normal(0, 2, 2), rng.uniform(0.1, 3, 2), 9 + n) for n in range(4)]
    chosen = under(noisy(1.0, 1e-9, **RELEASED))
    after = once(begin(weights(np.zeros(3)), start), chosen, found, examples=100).trees["buffers"]
    moved = []
    for each in found:
        change = np.concatenate(
            [each[name] - start[name] for name in ("n.running_mean", "n.running_var")]
        ).astype(np.float64)
        moved.append(change * min(1.0, OWN / np.linalg.norm(change)))
    assert any(np.linalg.norm(each) >= OWN - 1e-6 for each in moved)
    wanted = np.concatenate([start["n.running_mean"], start["n.running_var"]]) + np.mean(moved, axis=0)
    np.testing.assert_allclose(
        np.concatenate([after["n.running_mean"], np.maximum(after["n.running_var"], 0)]), wanted, atol=1e-5
    )
    assert int(after["n.num_batches_tracked"]) == 5 and after["n.running_mean"].dtype == np.float32


@pytest.mark.parametrize(("make", "nodes"), [(noisy, 4), (shared, 1)])
def test_after_four_rounds_they_have_the_noise_of_their_share(make: Any, nodes: int) -> None:
    z, chosen = 2.0, under(make(0.5, 2.0, **RELEASED))
    state = begin(weights(np.zeros(3)), kept(np.zeros(SIZE), [1.0], 0))
    for _ in range(4):
        state = once(state, chosen, [state.trees["buffers"]] * 4)
    noise = state.trees["buffers"]["n.running_mean"] * 4 / (z / math.sqrt(0.5) * OWN)
    # five standard errors of a variance
    assert noise.var() == pytest.approx(nodes, rel=5 * math.sqrt(2 / SIZE))
    assert float(state.trees["buffers"]["n.running_var"][0]) >= 0.5**4


def test_under_secret_draws_they_are_divided_by_whom_one_expects() -> None:
    chosen = replace(under(noisy(1.0, 1e-9, sampling="secret", **RELEASED)), cohort=2)
    start = kept([0.0], [1.0], 0)
    state = begin(weights(np.zeros(3)), start)
    came = len(drawn(state, chosen, SITES, SECRETS).began)
    after = once(state, chosen, [kept([1.0], [1.0], 1)] * 4)
    assert float(after.trees["buffers"]["n.running_mean"][0]) == pytest.approx(came / 2, abs=1e-6)


def test_without_it_they_are_averaged_by_examples_as_ever() -> None:
    state = begin(weights(np.zeros(3)), kept([0.0], [1.0], 0))
    after = once(state, under(Pipeline()), [kept([float(n)], [1.0], 1) for n in range(4)], examples=1)
    assert float(after.trees["buffers"]["n.running_mean"][0]) == pytest.approx(2.0)

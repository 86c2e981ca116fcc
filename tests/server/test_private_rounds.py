"""Rounds with noise at the server: trees over rounds, a bound that moves, sites that nobody knows of."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_rounds import begin, report, setting, weights

from isofed.errors import CompositionError
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.privacy import noisy, shared
from isofed.protocols.step import Use
from isofed.records import Delta
from isofed.seeds import Secrets
from isofed.server.cohorts import drawn, expected
from isofed.server.rounds import training_round
from isofed.server.state import Checkpoints, ServerState
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import uniform_mean

SIZE = 10_000
SITES = [f"s{number:02d}" for number in range(20)]
SECRETS = Secrets(bytes(32))


def under(pipeline: Pipeline, cohort: int = 0) -> Any:
    recipe = replace(Recipe("uniform()", rule=uniform_mean), privacy=pipeline.steps)
    return replace(setting(recipe), cohort=cohort)


def once(
    state: ServerState, chosen: Any, sites: list[str], length: float = 0.0, secrets: Secrets = SECRETS
) -> ServerState:
    """Take a round in which each site that is asked sends a change of one length along the first axis."""
    pipeline, asked = Pipeline(chosen.recipe.privacy), training_round(state, chosen, sites, 1, 1, secrets)
    change = np.zeros(SIZE, np.float32)
    change[0] = length
    sent = replace(report(Delta(weights(change))), round=state.round + 1)
    opened = pipeline.opened(sent, Use(state.round + 1, 1, kept=state.private))
    replies = [(ask.site, opened) for ask in next(asked)]
    with pytest.raises(StopIteration) as end:
        asked.send([replies])
    return end.value.value.state  # type: ignore[no-any-return]


def rounds(number: int, chosen: Any, sites: list[str], length: float = 0.0) -> ServerState:
    state = begin(weights(np.zeros(SIZE)))
    for _ in range(number):
        state = once(state, chosen, sites, length)
    return state


def test_after_four_rounds_a_tree_leaves_the_noise_of_one_node_and_fresh_noise_that_of_four() -> None:
    z, c, sites = 2.0, 0.5, SITES[:4]
    for pipeline, nodes in ((shared(c, z), 1), (noisy(c, z), 4)):
        found = rounds(4, under(pipeline), sites).trees["model"]["w"] * len(sites) / (z * c)
        # five standard errors of a variance
        assert found.var() == pytest.approx(nodes, rel=5 * math.sqrt(2 / SIZE))


@pytest.mark.parametrize("make", [noisy, shared])
@pytest.mark.parametrize("length", [0.0, 0.3, 0.5, 1e6])
def test_no_site_moves_the_sum_further_than_the_bound(make: Any, length: float) -> None:
    # neighbours: one site sends zeros, or an update of any length that it did not clip; next to no noise
    chosen, rng = under(make(0.5, 1e-9)), np.random.default_rng(0)
    pipeline, found = Pipeline(chosen.recipe.privacy), []
    direction = rng.standard_normal(SIZE)
    others = [rng.standard_normal(SIZE) for _ in SITES[1:]]
    for own in (np.zeros(SIZE), length * direction / np.linalg.norm(direction)):
        state = begin(weights(np.zeros(SIZE), "float64"))
        asked = training_round(state, chosen, SITES, 1, 1, SECRETS)
        sent = [report(Delta(weights(each, "float64"))) for each in (own, *others)]
        next(asked)
        with pytest.raises(StopIteration) as end:
            asked.send([[(s, pipeline.opened(r, Use(1, 1))) for s, r in zip(SITES, sent, strict=True)]])
        found.append(end.value.value.state.trees["model"]["w"] * len(SITES))
    moved = float(np.linalg.norm(found[1] - found[0]))
    assert moved <= 0.5 + 1e-6 and moved == pytest.approx(min(length, 0.5), abs=1e-6)


def test_a_bound_moves_towards_the_updates_and_is_kept_in_the_checkpoint(tmp_path: Path) -> None:
    chosen = under(noisy(1.0, 0.01, clipping="adaptive"))
    whole = rounds(6, chosen, SITES, length=8.0)
    assert whole.private["bound"] == pytest.approx(math.exp(0.2 * 0.5 * 6), rel=0.01)
    files, state = Checkpoints(tmp_path, "abcd"), rounds(3, chosen, SITES, length=8.0)
    files.save(state)
    state = files.latest(begin(weights(np.zeros(SIZE))))
    for _ in range(3):
        state = once(state, chosen, SITES, 8.0)
    assert state.private == whole.private
    assert np.array_equal(state.trees["model"]["w"], whole.trees["model"]["w"])


def test_a_tree_goes_on_from_its_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    chosen = under(shared(0.5, 1.0, honaker=True))
    files = Checkpoints(tmp_path, "abcd")
    files.save(rounds(3, chosen, SITES[:2], 1.0))
    state = files.latest(begin(weights(np.zeros(SIZE))))
    for _ in range(2):
        state = once(state, chosen, SITES[:2], 1.0)
    again = rounds(5, chosen, SITES[:2], 1.0)
    assert np.array_equal(state.trees["model"]["w"], again.trees["model"]["w"])


def test_a_secret_draw_asks_each_site_by_the_same_chance_and_follows_no_seed() -> None:
    chosen, draws = under(noisy(sampling="secret"), cohort=5), 400
    asked = [
        [site in drawn(ServerState(round, {}), chosen, SITES, SECRETS).began for site in SITES]
        for round in range(draws)
    ]
    share = np.mean(asked, axis=0)
    assert np.abs(share - 0.25).max() < 5 * math.sqrt(0.25 * 0.75 / draws)
    # a Poisson sample: the number of those asked has the variance of 20 coins of their own
    assert np.sum(asked, axis=1).var() == pytest.approx(20 * 0.25 * 0.75, rel=5 * math.sqrt(2 / draws))
    for other, same in ((replace(chosen, seed=9), True), (chosen, False)):
        secrets = SECRETS if same else Secrets(bytes([1] * 32))
        again = [drawn(ServerState(r, {}), other, SITES, secrets).began for r in range(20)]
        assert ([[site in each for site in SITES] for each in again] == asked[:20]) == same


def test_under_secret_draws_a_sum_is_divided_by_whom_one_expects_however_few_come() -> None:
    chosen = under(noisy(1.0, 1e-9, sampling="secret"), cohort=5)
    state = begin(weights(np.zeros(SIZE)))
    for _ in range(12):
        came = len(drawn(state, chosen, SITES, SECRETS).began)
        after = once(state, chosen, SITES, 1.0)
        moved = after.trees["model"]["w"][0] - state.trees["model"]["w"][0]
        assert moved == pytest.approx(came / 5, abs=1e-5)
        state = after


def test_a_round_that_asks_nobody_is_noise_alone() -> None:
    chosen = under(noisy(1.0, 1.0, sampling="secret"), cohort=1)
    number = next(r for r in range(100) if not drawn(ServerState(r, {}), chosen, SITES[:3], SECRETS).began)
    state = replace(begin(weights(np.zeros(SIZE))), round=number)
    found = once(state, chosen, SITES[:3], 1.0).trees["model"]["w"]
    assert found.std() == pytest.approx(1.0, rel=0.05) and found.any()


def test_who_is_hidden_must_be_some_of_all() -> None:
    with pytest.raises(CompositionError, match="write cohort=M"):
        expected(under(noisy(sampling="secret")))
    assert expected(under(noisy(), cohort=3)) == 0

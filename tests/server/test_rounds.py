from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isofed.errors import RoundError
from isofed.records import Delta, Report, Table, Value, empty_table
from isofed.server.asks import Refusal, Reply
from isofed.server.rounds import Outcome, training_round
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.strategies.named.banks import dppt
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import uniform_mean
from isofed.strategies.share import flatten
from isofed.trees import Tree, from_arrays

NOTHING = from_arrays({})
FEDAVG = Recipe("fedavg()")


def setting(recipe: Recipe = FEDAVG) -> Setting:
    task: Any = SimpleNamespace(width=lambda options: 2)
    return Setting("run", 0, 9, 0, task, SimpleNamespace(classes=3), None, None, recipe, "points", "abcd")


def begin(model: Tree, buffers: Tree = NOTHING, **more: Any) -> ServerState:
    return ServerState(0, {"model": model, "buffers": buffers}, **more)


def report(
    model: Tree | Delta, buffers: Tree = NOTHING, examples: int = 1, version: str = "1.1", **more: Any
) -> Report:
    channels = {
        "model": model if isinstance(model, Delta) else Value(model),
        "buffers": Value(buffers),
        **more,
    }
    return Report(1, 1, version, channels, {"examples": examples, "steps": 3, "loss": 0.5})


def drive(state: ServerState, replies: Iterable[Reply], recipe: Recipe = FEDAVG, fewest: int = 1) -> Outcome:
    """Play Flower: start the generator, send the replies in, return the outcome."""
    replies = list(replies)
    asked = training_round(state, setting(recipe), [site for site, _ in replies], 1, fewest)
    next(asked)
    with pytest.raises(StopIteration) as end:
        asked.send([replies])
    return end.value.value  # type: ignore[no-any-return]


def weights(values: Any, dtype: str = "float32") -> Tree:
    return from_arrays({"w": np.asarray(values, dtype)})


# a trained weight may change sign or become zero, but not shrink by 2**24 in a round
START = st.floats(-8, 8, width=32)
NORMAL = st.floats(2**-10, 8, width=32) | st.floats(-8, -(2**-10), width=32) | st.just(0.0)


@given(st.lists(st.tuples(START, NORMAL), min_size=1, max_size=8), st.integers(1, 10**6))
def test_one_client_gives_its_value_bit_for_bit(pairs: list[tuple[float, float]], examples: int) -> None:
    start, local = (np.array(column, np.float32) for column in zip(*pairs, strict=True))
    outcome = drive(begin(weights(start)), [("a", report(weights(local), examples=examples))])
    found = outcome.state.trees["model"]["w"]
    assert found.dtype == np.float32 and np.array_equal(found, local)


@given(
    st.lists(st.tuples(START, NORMAL), min_size=1, max_size=8), st.integers(1, 10**6), st.integers(1, 10**6)
)
def test_identical_clients_are_one_bit_for_bit(pairs: list[tuple[float, float]], n: int, m: int) -> None:
    start, local = (np.array(column, np.float32) for column in zip(*pairs, strict=True))
    buffers = from_arrays({"mean": local, "n": np.array([n % 100])})
    state = begin(weights(start), from_arrays({"mean": start, "n": np.array([0])}))
    replies: list[Reply] = [
        (site, report(weights(local), buffers, count)) for site, count in (("a", n), ("b", m))
    ]
    one, two = drive(state, replies[:1]).state, drive(state, replies).state
    for group in ("model", "buffers"):
        for name in one.trees[group]:
            assert np.array_equal(one.trees[group][name], two.trees[group][name])


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.permutations(range(5)))
def test_folding_in_the_order_of_names_hides_who_was_first(seed: int, arrival: list[int]) -> None:
    rng = np.random.default_rng(seed)
    state = begin(weights(rng.standard_normal(20)))
    replies = [(f"cam{i}", report(weights(rng.standard_normal(20)), examples=i + 1)) for i in range(5)]
    came = {replies[i][0]: replies[i][1] for i in arrival}
    again = drive(state, [(site, came[site]) for site in sorted(came)]).state
    assert np.array_equal(again.trees["model"]["w"], drive(state, replies).state.trees["model"]["w"])
    # and whatever the order, the sums in float64 leave no trace of it in float32 beyond the last bit
    other = drive(state, [(site, came[site]) for site in came]).state
    np.testing.assert_allclose(other.trees["model"]["w"], again.trees["model"]["w"], rtol=1e-6, atol=1e-7)


def test_models_weigh_by_examples() -> None:
    outcome = drive(
        begin(weights([0.0])),
        [("a", report(weights([1]), examples=130)), ("b", report(weights([4]), examples=70))],
    )
    assert outcome.state.trees["model"]["w"][0] == np.float32(2.05)


def test_a_uniform_rule_weighs_models_alike_but_statistics_by_examples() -> None:
    replies = [
        ("a", report(weights([1]), from_arrays({"v": np.array([1.0])}), 130)),
        ("b", report(weights([4]), from_arrays({"v": np.array([4.0])}), 70)),
    ]
    state = begin(weights([0.0]), from_arrays({"v": np.zeros(1)}))
    found = drive(state, replies, Recipe("uniform()", rule=uniform_mean)).state.trees
    assert found["model"]["w"][0] == 2.5 and found["buffers"]["v"][0] == pytest.approx(2.05, abs=1e-12)


def test_counters_are_rounded_and_keep_their_dtype() -> None:
    def counted(n: int) -> Tree:
        return from_arrays({"n": np.array(n), "v": np.array([n], np.float32)})

    replies = [("a", report(weights([1]), counted(3), 1)), ("b", report(weights([1]), counted(4), 2))]
    found = drive(begin(weights([0.0]), counted(0)), replies).state.trees["buffers"]
    assert found["n"].dtype == np.int64 and found["n"].shape == () and int(found["n"]) == 4
    assert found["v"].dtype == np.float32 and found["v"][0] == np.float32(11 / 3)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 2.0**99, width=32), st.integers(1, 10**9)), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.9]),
)
def test_a_variance_never_becomes_negative(pairs: list[tuple[float, int]], momentum: float) -> None:
    recipe = Recipe("fedavgm()", server=sgd(1.0, momentum))
    variance = from_arrays({"running_var": np.array([2.0**99], np.float32)})
    state = begin(weights([0.0]), variance, optimiser=recipe.server.init(weights([0.0]).layout))
    for _ in range(3):
        replies = [
            (f"{i}", report(weights([i]), from_arrays({"running_var": np.array([v], np.float32)}), n))
            for i, (v, n) in enumerate(pairs)
        ]
        state = drive(state, replies, recipe).state
        found = float(state.trees["buffers"]["running_var"][0])
        values = [v for v, _ in pairs]
        assert min(values) <= found <= max(values)


def test_a_difference_does_the_same_as_a_value() -> None:
    start, local = weights([1.0, 2.0]), weights([1.5, -2.0])
    delta = Delta(local.map(lambda a, b: a - b, start))
    by_delta = drive(begin(start), [("a", report(delta, examples=3))]).state
    assert by_delta.trees["model"]["w"].tolist() == [1.5, -2.0]


def test_orders_say_where_to_start() -> None:
    state = begin(weights([1.0]), versions={"a": "4.2"}, tables={"centres": empty_table(3, 2)})
    asks = next(training_round(state, setting(dppt()), ["a", "b"], 3, 1))
    assert [(ask.site, ask.order.base, ask.order.round, ask.order.attempt) for ask in asks] == [
        ("a", "4.2", 1, 3),
        ("b", "", 1, 3),
    ]
    assert {ask.order.digest for ask in asks} == {"abcd"}
    assert set(asks[0].order.channels) == {"model", "buffers", "centres"}


def test_refusals_are_counted_and_the_rest_makes_the_round() -> None:
    state = begin(weights([0.0]), versions={"b": "0.1"})
    replies: list[Reply] = [("a", report(weights([2]), version="1.1")), ("b", Refusal("no answer in time"))]
    outcome = drive(state, replies)
    assert outcome.refused == {"b": "no answer in time"}
    assert outcome.numbers == {"a": {"examples": 1, "steps": 3, "loss": 0.5}}
    assert outcome.state.versions == {"a": "1.1", "b": "0.1"}  # b's memory is still the one counted before
    assert outcome.state.trees["model"]["w"].tolist() == [2.0] and outcome.state.round == 1
    assert state.versions == {"b": "0.1"} and state.round == 0


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        (
            [("a", report(weights([2]))), ("b", Refusal("NaN")), ("c", Refusal("late"))],
            "round 1 got 1 usable reports of the 2 it needs (b: NaN; c: late)",
        ),
        ([], "round 1 got 0 usable reports of the 2 it needs (nobody answered)"),
    ],
)
def test_too_few_reports_end_the_round_with_reasons(replies: list[Reply], sentence: str) -> None:
    asked = training_round(begin(weights([0.0])), setting(), [site for site, _ in replies], 1, 2)
    next(asked)
    with pytest.raises(RoundError) as error:
        asked.send([replies])
    assert str(error.value) == sentence


def test_tables_are_averaged_beside_the_model() -> None:
    def centres(*rows: list[float]) -> Table:
        values = np.array(rows, np.float32)
        return Table(values, values.any(1).astype(np.int64))

    replies = [
        ("a", report(weights([1]), centres=centres([1, 0], [0, 0], [4, 4]))),
        ("b", report(weights([1]), examples=99, centres=centres([3, 0], [0, 0], [0, 0]))),
    ]
    table = drive(begin(weights([0.0])), replies, dppt()).state.tables["centres"]
    assert table.values.tolist() == [[2, 0], [0, 0], [4, 4]] and table.counts.tolist() == [2, 0, 1]


def test_momentum_is_carried_from_round_to_round() -> None:
    recipe = Recipe("fedavgm()", server=sgd(1.0, 0.5))
    state = begin(weights([0.0]), optimiser=recipe.server.init(weights([0.0]).layout))
    for wanted in (1.0, 2.5, 4.25):  # a client that always moves by 1: 1, 1 + 1.5, 2.5 + 1.75
        moved = state.trees["model"].map(lambda b: b + np.float32(1))
        state = drive(state, [("a", report(moved))], recipe).state
        assert state.trees["model"]["w"].tolist() == [wanted]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def full_batch_step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    optimiser = torch.optim.SGD(model.parameters(), 0.3)
    nn.functional.cross_entropy(model(x), y).backward()
    optimiser.step()


@pytest.mark.parametrize("sizes", [(10,), (7, 3), (1, 2, 3, 30)])
def test_fedavg_with_one_full_batch_step_is_a_centralised_step(sizes: tuple[int, ...]) -> None:
    rng = torch.Generator().manual_seed(3)
    x, y = torch.randn(sum(sizes), 4, generator=rng).double(), torch.randint(3, (sum(sizes),), generator=rng)
    central = net()
    full_batch_step(central, x, y)
    state = begin(flatten(net())["model"].numpy())
    replies: list[Reply] = []
    for i, (own_x, own_y) in enumerate(zip(x.split(sizes), y.split(sizes), strict=True)):
        local = net()
        tree = flatten(local)["model"]
        tree.copy_from(state.trees["model"])
        full_batch_step(local, own_x, own_y)
        replies.append((f"{i}", report(tree.numpy(), examples=len(own_y))))
    found = drive(state, replies).state.trees["model"]
    for name, wanted in central.named_parameters():
        np.testing.assert_allclose(found[name], wanted.detach().numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"common": lambda total: 0.0}, "the divisor of the strategy's rule 'uniform_mean' is 0, from which"),
        ({"common": lambda total: float("inf")}, "the divisor of the strategy's rule 'uniform_mean' is inf"),
        ({"factor": lambda own: float("nan")}, "the factor of the strategy's rule 'uniform_mean' is nan"),
    ],
)
def test_a_rule_s_number_that_makes_no_model_is_refused(part: dict[str, Any], said: str) -> None:
    recipe = Recipe("own", rule=replace(uniform_mean, **part))
    with pytest.raises(RoundError, match=said):
        drive(begin(weights([0, 0])), [("a", report(weights([1, 1])))], recipe)

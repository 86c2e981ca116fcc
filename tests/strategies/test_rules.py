import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError, DataError
from isofed.strategies.named import STRATEGIES
from isofed.strategies.named.averaging import fedavg, fednova
from isofed.strategies.named.banks import BASES, dppt
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import (
    COUNTS,
    LinearRule,
    normalised_mean,
    stale_mean,
    uniform_mean,
    weighted_mean,
)


def fold(rule: LinearRule, updates: list[float], examples: list[int]) -> float:
    own = [{"examples": float(n)} for n in examples]
    total: dict[str, float] = {}
    for numbers in own:
        for name, value in rule.sums(numbers).items():
            total[name] = total.get(name, 0.0) + value
    return sum(rule.factor(n) * u for n, u in zip(own, updates, strict=True)) / rule.common(total)


@pytest.mark.parametrize(
    ("count", "counts", "mean"), [("images", [130, 70], 2.05), ("full_batches", [128, 64], 2.0)]
)
def test_fedavg_on_the_worked_example(count: str, counts: list[int], mean: float) -> None:
    recipe = fedavg(count)
    found = [COUNTS[recipe.count](images, 64) for images in (130, 70)]
    assert found == counts
    assert fold(recipe.rule, [1.0, 4.0], found) == pytest.approx(mean, abs=1e-12)


def test_examples_are_images_unless_somebody_says_otherwise() -> None:
    assert fedavg().count == dppt().count == "images"
    assert dppt(count="full_batches").count == "full_batches"


@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_full_batches_are_whole_and_leave_less_than_one(images: int, batch: int) -> None:
    if images < batch:
        with pytest.raises(DataError, match="use count=images"):
            COUNTS["full_batches"](images, batch)
        return
    counted = COUNTS["full_batches"](images, batch)
    assert counted % batch == 0 and 0 <= images - counted < batch


def test_another_count_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown count 'image'; did you mean 'images'"):
        fedavg("image")


def test_a_uniform_mean_ignores_examples() -> None:
    assert fold(uniform_mean, [1.0, 4.0], [130, 70]) == 2.5


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 10**6)), min_size=1, max_size=8), st.booleans())
def test_a_mean_lies_between_its_values(pairs: list[tuple[float, int]], weighted: bool) -> None:
    updates, examples = [list(column) for column in zip(*pairs, strict=True)]
    rule = weighted_mean if weighted else uniform_mean
    found = fold(rule, updates, examples)
    assert min(updates) - 1e-9 <= found <= max(updates) + 1e-9
    weights = examples if weighted else None
    assert found == pytest.approx(np.average(updates, weights=weights), abs=1e-9)


@given(st.integers(-(2**24), 2**24), st.integers(-20, 20), st.integers(1, 2**29))
def test_one_value_comes_back_to_the_last_bit(mantissa: int, exponent: int, examples: int) -> None:
    value = mantissa * 2.0**exponent
    assert fold(weighted_mean, [value], [examples]) == value


def test_every_choice_is_in_the_call_that_the_digest_covers() -> None:
    calls = {
        STRATEGIES["fedavg"]().call,
        STRATEGIES["fedavg"]("full_batches").call,
        STRATEGIES["dppt"]().call,
        STRATEGIES["dppt"](lam=0.0).call,
        STRATEGIES["dppt"](k=5).call,
        STRATEGIES["dppt"](loss="mixed").call,
        STRATEGIES["dppt"](normalise=False).call,
        STRATEGIES["dppt"](over="all").call,
        STRATEGIES["dppt"](count="full_batches").call,
    }
    assert len(calls) == 9


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_recipe_is_its_call(name: str) -> None:
    recipe = STRATEGIES[name]()
    again = eval(recipe.call, dict(STRATEGIES))
    assert isinstance(again, Recipe) and again.call == recipe.call


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lam": -1.0}, "'lam' is -1.0"),
        ({"k": 0}, "'k' is 0"),
        ({"loss": "cosin"}, "'loss' is 'cosin'"),
        ({"over": "some"}, "unknown over 'some'; known: all, nobody, present"),
    ],
)
def test_what_dppt_does_not_know_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        dppt(**change)  # type: ignore[arg-type]


CLIENTS = st.lists(
    st.tuples(st.integers(1, 10**5), st.floats(0.01, 1000), st.floats(-9, 9)), min_size=1, max_size=6
)


def normalised(clients: list[tuple[int, float, float]]) -> float:
    """Fold changes θ_i - θ_g with FedNova's rule, one number each."""
    total: dict[str, float] = {}
    moved = 0.0
    for examples, reach, change in clients:
        own = {"examples": float(examples), "normaliser": reach}
        moved += normalised_mean.factor(own) * change
        for name, value in normalised_mean.sums(own).items():
            total[name] = total.get(name, 0.0) + value
    return moved / normalised_mean.common(total)


@given(CLIENTS)
def test_fednova_is_the_papers_direction(clients: list[tuple[int, float, float]]) -> None:
    """With d_i = (θ_g - θ_i) / a_i the model goes to θ_g - (Σ p_i a_i) Σ p_i d_i."""
    n = np.array([c[0] for c in clients], np.float64)
    a, change = np.array([c[1:] for c in clients]).T
    p, d = n / n.sum(), -change / a
    wanted = -(p * a).sum() * (p * d).sum()
    scale = (p * a).sum() * (p * np.abs(d)).sum()
    assert normalised(clients) == pytest.approx(wanted, rel=1e-12, abs=1e-12 * scale + 1e-300)


@given(CLIENTS, st.floats(0.01, 1000))
def test_fednova_is_fedavg_where_all_reach_equally_far(
    clients: list[tuple[int, float, float]], reach: float
) -> None:
    alike = [(n, reach, change) for n, _, change in clients]
    wanted = fold(weighted_mean, [c[2] for c in clients], [c[0] for c in clients])
    assert normalised(alike) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def test_fednova_does_not_follow_whoever_takes_more_steps() -> None:
    # equal gradients +1 and -1, but ten steps against one: FedAvg runs away with the busy one
    clients = [(10, 10.0, 10.0), (10, 1.0, -1.0)]
    assert fold(weighted_mean, [10.0, -1.0], [10, 10]) == 4.5
    assert normalised(clients) == pytest.approx(0.0, abs=1e-12)


def test_only_fednova_asks_for_a_normaliser() -> None:
    assert fednova().rule.needs == dppt(base="fednova").rule.needs == ("normaliser",)
    others = [name for name, make in STRATEGIES.items() if "normaliser" in make().rule.needs]
    assert others == ["fednova"]


STALE = st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 50)), min_size=1, max_size=6)


@given(STALE, st.floats(0, 3))
def test_late_reports_weigh_less_over_all_reports_or_over_the_weights(
    pairs: list[tuple[float, int]], exponent: float
) -> None:
    delays = [{"examples": 7.0, "staleness": float(late)} for _, late in pairs]
    s = np.array([1 / (1 + late) ** exponent for _, late in pairs])
    moved = np.array([change for change, _ in pairs])
    for over, divisor in (("reports", len(pairs)), ("weights", s.sum())):
        rule = stale_mean(exponent, over)
        total = {name: sum(rule.sums(own)[name] for own in delays) for name in ("reports", "weights")}
        found = sum(rule.factor(own) * change for own, change in zip(delays, moved, strict=True))
        assert found / rule.common(total) == pytest.approx((s * moved).sum() / divisor, abs=1e-12)


def test_the_papers_weights() -> None:
    weights = [stale_mean().factor({"staleness": late}) for late in (0, 3, 8, 99)]
    assert weights == pytest.approx([1, 1 / 2, 1 / 3, 1 / 10], abs=1e-15) and weights[0] == 1.0
    with pytest.raises(ConfigError, match="unknown over 'report'; did you mean 'reports'"):
        stale_mean(over="report")


@pytest.mark.parametrize("base", BASES)
def test_the_bank_keeps_all_of_its_base(base: str) -> None:
    plain, bank = BASES[base](), dppt(base=base)
    assert bank.rule == plain.rule and bank.count == plain.count and bank.share == plain.share
    assert [term.call for term in bank.local[1:]] == [term.call for term in plain.local]
    assert bank.local[0].call.startswith("rectify(") and set(bank.channels) == {"centres"}

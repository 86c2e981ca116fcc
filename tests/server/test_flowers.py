import inspect
import logging
from typing import Any

import pytest
from flwr.serverapp import strategy as flowers
from flwr.serverapp.strategy import FedAvg

from isofed.errors import CompositionError, ConfigError
from isofed.server.flowers import build, fitting, innermost, maker, quiet
from isofed.strategies.stock import NAMES, TREES, Stock
from isofed.trees import Layout

FIXED = "DifferentialPrivacyServerSideFixedClipping"
NEEDED = {"strategy": "FedAvgM", "noise_multiplier": 0.5, "clipping_norm": 1, "num_sampled_clients": 6}
MODEL = Layout.of([("w", (2,), "float32")])


def test_the_names_are_flowers_own() -> None:
    theirs = {n for n in flowers.__all__ if n not in ("Result", "Strategy")}
    assert theirs == {*NAMES, *TREES}


def test_options_come_from_the_class() -> None:
    found = inspect.signature(maker(Stock("FedYogi", {}))).parameters
    assert found["eta"].default == 0.01
    assert not {"train_metrics_aggr_fn", "self", "fraction_evaluate", "min_evaluate_nodes"} & set(found)
    made: Any = build(Stock("FedYogi", {"eta": 1, "fraction_train": 0.5}))
    assert (made.eta, made.fraction_train, made.fraction_evaluate) == (1.0, 0.5, 0.0)
    assert type(made.eta) is float


def test_a_wrapper_takes_the_options_of_both() -> None:
    made: Any = build(Stock(FIXED, {**NEEDED, "server_momentum": 0.9}))
    assert made.clipping_norm == 1.0 and innermost(made).server_momentum == 0.9
    assert type(innermost(made)).__name__ == "FedAvgM"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("FedYogi", {"etaa": 1.0}, "unknown key 'strategy.etaa'; did you mean 'eta'?"),
        ("FedYogi", {"eta": "big"}, "'strategy.eta' is 'big', but must be a number"),
        ("QFedAvg", {}, "'strategy.client_learning_rate' is missing: give a number"),
        ("FedTrimmedAvg", {"beta": 0.5}, "'flwr.FedTrimmedAvg' refuses its options: `beta` must be in the"),
        (
            "FedAvg",
            {"fraction_evaluate": 0.5},
            "would change nothing, because the run's own evaluator measures",
        ),
        ("FedAvg", {"weighted_by_key": "images"}, "unknown weighted_by_key 'images'; known: num-examples,"),
        ("FedYogii", {}, "unknown strategy of Flower's 'FedYogii'; did you mean 'FedYogi'?"),
        (FIXED, {**NEEDED, "strategy": FIXED}, f"unknown strategy inside 'flwr.{FIXED}' '{FIXED}'"),
        (FIXED, {**NEEDED, "clipping_norm": -1.0}, "The clipping norm should be a positive value"),
        (FIXED, {k: v for k, v in NEEDED.items() if k != "strategy"}, "'strategy.strategy' is missing"),
        (FIXED, {**NEEDED, "accountant": 1}, "unknown key 'strategy.accountant'"),
        ("FedAvg", {"strategy": "FedAvg"}, "unknown key 'strategy.strategy'"),
    ],
)
def test_what_it_does_not_take_is_refused_when_built(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        build(Stock(name, options))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_fraction_is_rounded_as_flower_rounds_it() -> None:
    # int(100 * 0.29) is 28, and the noise is for as many
    stock = Stock(FIXED, {**NEEDED, "fraction_train": 0.29, "num_sampled_clients": 28})
    fitting(build(stock), stock, MODEL, 100)
    other = Stock(FIXED, {**stock.options, "num_sampled_clients": 29})
    with pytest.raises(CompositionError, match="scales its noise for 29 sites, but asks 28"):
        fitting(build(other), other, MODEL, 100)


def test_nobody_asked_is_refused() -> None:
    stock = Stock("FedAvg", {"fraction_train": 0.0})
    with pytest.raises(CompositionError, match="asks 0 sites"):
        fitting(build(stock), stock, MODEL, 6)


def test_what_clipping_leaves_alone_is_refused() -> None:
    stock = Stock(FIXED, NEEDED)
    scale = Layout.of([("w", (2,), "float32"), ("scale", (), "float32")])
    with pytest.raises(
        CompositionError, match="leaves parameters without dimensions unclipped; give 'scale' one"
    ):
        fitting(build(stock), stock, scale, 6)
    client = Stock("DifferentialPrivacyClientSideFixedClipping", NEEDED)
    fitting(build(client), client, scale, 6)


def test_flowers_logger_is_quiet_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogger("flwr").level
    with quiet():
        FedAvg(fraction_evaluate=0.0)
    assert not caplog.records and logging.getLogger("flwr").level == before

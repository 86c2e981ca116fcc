"""Federations under Flower's own strategies: what they share with ours, what never passes through them."""

import functools
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dummies
import numpy as np
import pytest
from cases import CASES, World
from flwr.app import ArrayRecord
from flwr.serverapp.strategy import FedAvg, FedYogi
from test_equivalences import final, weights

from isofed.errors import CheckpointError, CompositionError, RoundError
from isofed.server import stock
from isofed.server.loop import Patience, run_rounds
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.grid import LocalGrid
from isofed.simulations.pool import Pool
from isofed.strategies.stock import NAMES
from isofed.trees import Tree

Worlds = Callable[[str], World]
FIVE = ("ash", "birch", "cedar", "elm", "fir")
CLIPPED = {"strategy": "FedAvg", "clipping_norm": 0.5, "noise_multiplier": 0.1, "num_sampled_clients": 5}
ADAPTIVE = {
    "strategy": "FedAvg",
    "noise_multiplier": 0.1,
    "num_sampled_clients": 5,
    "initial_clipping_norm": 0.5,
}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "FedAvgM": {"server_momentum": 0.9},
    "FedProx": {"proximal_mu": 0.1},
    "QFedAvg": {"client_learning_rate": 0.2},
    "MultiKrum": {"num_nodes_to_select": 3},
    **{name: ADAPTIVE if "Adaptive" in name else CLIPPED for name in NAMES if name.startswith("Diff")},
}


def asked(name: str, **more: Any) -> dict[str, Any]:
    """Return the strategy group for one of Flower's."""
    return {"name": f"flwr.{name}", **OPTIONS.get(name, {}), **more}


@pytest.fixture
def five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world with five sites, whose model has BatchNorm."""
    monkeypatch.setattr(dummies, "SITES", FIVE)
    dummies.make(tmp_path / "data", 0, dummies.PointOptions())
    return World("batch_loss", tmp_path / "data", tmp_path / "homes", CASES["batch_loss"])


def trees(federation: Federation) -> tuple[Tree, Tree]:
    """Run a federation and return its final parameters and running statistics."""
    run(federation, Pool(1))
    state = final(federation)
    return state.trees["model"], state.trees["buffers"]


def apart(one: Tree, other: Tree) -> float:
    """Return the largest difference between two trees' values."""
    return max(float(np.abs(one[name].astype(np.float64) - other[name]).max()) for name in one)


def same(one: Tree, other: Tree) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", NAMES)
def test_every_one_runs_and_keeps_dtypes(name: str, five: World, tmp_path: Path) -> None:
    model, buffers = trees(five.federation(tmp_path / "a", asked(name)))
    start = trees(five.federation(tmp_path / "0", asked("FedAvg"), rounds=0))
    assert (model.layout.digest, buffers.layout.digest) == tuple(tree.layout.digest for tree in start)
    assert {str(array.dtype) for _, array in model.items()} == {"float32"}
    assert {str(array.dtype) for _, array in buffers.items()} == {"float32", "int64"}
    assert model.finite and apart(model, start[0]) > 1e-4
    tracked = next(array for key, array in buffers.items() if "tracked" in key)
    assert int(tracked) == 2 * 5  # five batches a round at every site
    again = five.federation(tmp_path / "b", asked(name))
    assert weights(again) == weights(five.federation(tmp_path / "a", asked(name)))


def test_fedavg_is_ours(five: World, tmp_path: Path) -> None:
    ours = trees(five.federation(tmp_path / "a", {"name": "fedavg"}, rounds=3))
    theirs = trees(five.federation(tmp_path / "b", asked("FedAvg"), rounds=3))
    assert apart(ours[0], theirs[0]) < 1e-6 and apart(ours[1], theirs[1]) < 1e-6
    one, other = (
        trees(five.federation(tmp_path / folder, strategy, rounds=1))[1]
        for folder, strategy in (("c", {"name": "fedavg"}), ("d", asked("FedAvg")))
    )
    assert same(one, other)  # later rounds start from parameters that differ in the last bit


def test_fedprox_is_ours(five: World, tmp_path: Path) -> None:
    plain = trees(five.federation(tmp_path / "a", {"name": "fedavg"}))[0]
    ours = trees(five.federation(tmp_path / "b", {"name": "fedprox", "mu": 0.5}))[0]
    theirs = trees(five.federation(tmp_path / "c", asked("FedProx", proximal_mu=0.5)))[0]
    assert apart(ours, theirs) < 1e-6 < 1e-4 < apart(ours, plain)


@pytest.mark.parametrize(
    ("name", "ours", "before"),
    [("FedYogi", "fedyogi", lambda tau: 0.0), ("FedAdagrad", "fedadagrad", lambda tau: 0.0)],
)
def test_the_adaptive_ones_begin_with_another_second_moment(
    name: str, ours: str, before: Callable[[float], float], five: World, tmp_path: Path
) -> None:
    """The paper's v begins at τ², Flower's at 0; all else is alike, so each follows from FedAvg's change."""
    start = trees(five.federation(tmp_path / "0", {"name": "fedavg"}, rounds=0))[0]["body.0.weight"]
    mean = trees(five.federation(tmp_path / "1", {"name": "fedavg"}, rounds=1))[0]["body.0.weight"]
    lr, beta1, beta2, tau = 0.01, 0.5, 0.99, 0.05
    beta1 = beta1 if name == "FedYogi" else 0.0
    change = mean.astype(np.float64) - start

    def stepped(v: float) -> np.ndarray:
        sized = v - (1 - beta2) * change**2 * np.sign(v - change**2) if name == "FedYogi" else v + change**2
        return np.asarray(start + lr * (1 - beta1) * change / (np.sqrt(sized) + tau))

    options = {"beta_1": beta1, "beta_2": beta2} if name == "FedYogi" else {}
    theirs = trees(five.federation(tmp_path / "2", asked(name, eta=lr, tau=tau, **options), rounds=1))[0][
        "body.0.weight"
    ]
    options = {"beta2": beta2} if name == "FedYogi" else {}
    own = trees(
        five.federation(
            tmp_path / "3", {"name": ours, "lr": lr, "tau": tau, "beta1": beta1, **options}, rounds=1
        )
    )[0]["body.0.weight"]
    np.testing.assert_allclose(theirs, stepped(before(tau)), atol=1e-6)
    np.testing.assert_allclose(own, stepped(tau**2), atol=1e-6)
    assert np.abs(theirs - own).max() > 1e-5


def test_flowers_adam_corrects_a_bias_and_counts_from_two(five: World, tmp_path: Path) -> None:
    start, mean, theirs = (
        trees(five.federation(tmp_path / folder, strategy, rounds=rounds))[0]["body.0.weight"]
        for folder, strategy, rounds in (
            ("0", {"name": "fedavg"}, 0),
            ("1", {"name": "fedavg"}, 1),
            ("2", asked("FedAdam", eta=0.01, beta_1=0.5, beta_2=0.9, tau=0.05), 1),
        )
    )
    change = mean.astype(np.float64) - start
    rate = 0.01 * np.sqrt(1 - 0.9**2) / (1 - 0.5**2)
    wanted = start + rate * 0.5 * change / (np.sqrt(0.1 * change**2) + 0.05)
    np.testing.assert_allclose(theirs, wanted, atol=1e-6)


def test_momentum_at_the_server_never_reaches_running_variances(five: World, tmp_path: Path) -> None:
    options = {"server_momentum": 0.95, "server_learning_rate": 1.5}
    lowest = []
    for rounds in (2, 4, 6):
        _, buffers = trees(
            five.federation(tmp_path / str(rounds), asked("FedAvgM", **options), rounds=rounds)
        )
        lowest += [array.min() for key, array in buffers.items() if "var" in key]
        assert buffers.finite
    assert min(lowest) >= 0


@pytest.mark.parametrize("level", ["camera", "camera_strict"])
def test_one_runs_on_persons_whatever_the_level(level: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid") if level == "camera" else worlds("reid").strict
    model, _ = trees(world.federation(tmp_path, asked("FedYogi", eta=0.01)))
    assert any(name.startswith("head.") for name in model) == (level == "camera")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "name", ["FedAvgM", "FedYogi", "QFedAvg", "DifferentialPrivacyServerSideAdaptiveClipping"]
)
def test_a_run_cut_short_ends_with_the_same_bits(name: str, five: World, tmp_path: Path) -> None:
    whole = weights(five.federation(tmp_path / "a", asked(name), rounds=3))

    def kill(event: str, **fields: Any) -> None:
        if event == "round_done" and fields["round"] == 2:
            raise Killed

    cut = five.federation(tmp_path / "b", asked(name), rounds=3)
    with pytest.raises(Killed):
        run(cut, Pool(1), kill)
    assert final(cut).round == 2 and not cut.done
    assert weights(cut) == whole


class Hoarder(FedAvg):
    """Keeps something that no file can hold."""

    def aggregate_train(self, server_round: int, replies: Any) -> Any:
        """Remember the replies."""
        self.hoard = iter([replies])
        return super().aggregate_train(server_round, replies)


def test_what_cannot_be_stored_ends_a_continuation_not_a_run(
    five: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "build", lambda named: Hoarder(fraction_evaluate=0.0))
    whole = five.federation(tmp_path / "a", asked("FedAvg"), rounds=2)
    run(whole, Pool(1))
    assert final(whole).round == 2

    def kill(event: str, **fields: Any) -> None:
        if event == "round_done":
            raise Killed

    cut = five.federation(tmp_path / "b", asked("FedAvg"), rounds=2)
    with pytest.raises(Killed):
        run(cut, Pool(1), kill)
    with pytest.raises(CheckpointError) as error:
        run(cut, Pool(1))
    assert str(error.value) == (
        "'flwr.FedAvg' keeps 'hoard', which cannot be stored, so this run cannot be continued; start anew in "
        "another folder"
    )


def test_a_sample_repeats_and_leaves_the_global_generator_alone(five: World, tmp_path: Path) -> None:
    strategy = asked("FedAvg", fraction_train=0.7)
    before = random.getstate()
    first = five.federation(tmp_path / "a", strategy, rounds=4)
    history = run(first, Pool(1))["history"][1:]
    assert random.getstate() == before
    random.seed(5)
    again = run(five.federation(tmp_path / "b", strategy, rounds=4), Pool(1))["history"][1:]
    who = [sorted(entry["loss"]) for entry in history]
    assert who == [sorted(entry["loss"]) for entry in again]
    assert {len(sites) for sites in who} == {3} and len({tuple(sites) for sites in who}) > 1
    assert all(sorted(entry["bytes"]) == sites for entry, sites in zip(history, who, strict=True))


@pytest.mark.parametrize(
    ("strategy", "sites", "found"),
    [
        (asked("FedAvg"), FIVE[:1], "asks 2 sites and waits for 2, but there is 1; set strategy.fraction"),
        (asked("FedAvg", min_available_nodes=9), FIVE, "asks 5 sites and waits for 9, but there are 5"),
        (
            asked("Krum"),
            FIVE[:2],
            "'flwr.Krum' needs 2f + 3 = 3 sites to bear f = 0 malicious ones, but asks 2",
        ),
        (asked("Krum", num_malicious_nodes=2), FIVE, "needs 2f + 3 = 7 sites to bear f = 2 malicious ones"),
        (asked("Bulyan", num_malicious_nodes=1), FIVE, "needs 4f + 3 = 7 sites to bear f = 1 malicious ones"),
        (
            asked("DifferentialPrivacyServerSideFixedClipping", num_sampled_clients=4),
            FIVE,
            "scales its noise for 4 sites, but asks 5; write strategy.num_sampled_clients=5",
        ),
    ],
)
def test_too_few_sites_are_refused_instead_of_waited_for(
    strategy: Mapping[str, Any], sites: tuple[str, ...], found: str, five: World, tmp_path: Path
) -> None:
    with pytest.raises(CompositionError) as error:
        run(five.federation(tmp_path, strategy, sites), Pool(1))
    assert found in str(error.value)


class Nothing(FedAvg):
    """Makes nothing of its replies."""

    def aggregate_train(self, server_round: int, replies: Any) -> Any:
        """Return no arrays, as Flower's do when they skip a round."""
        return None, None


class Breaking(FedAvg):
    """Raises what a strategy of Flower's raises on odd replies."""

    def aggregate_train(self, server_round: int, replies: Any) -> Any:
        """Divide by nothing."""
        raise ZeroDivisionError("float division by zero")


class Foreign(FedAvg):
    """Returns arrays of another model."""

    def aggregate_train(self, server_round: int, replies: Any) -> Any:
        """Return one array too few."""
        made, metrics = super().aggregate_train(server_round, replies)
        return ArrayRecord(dict(list(made.items())[1:])), metrics


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Nothing, "'flwr.FedAvg' made nothing of the 5 replies of round 1"),
        (Breaking, "'flwr.FedAvg' failed in round 1: ZeroDivisionError: float division by zero"),
        (Foreign, "'flwr.FedAvg' failed in round 1: it made other arrays than the model has"),
    ],
)
def test_what_fails_at_the_server_is_one_sentence(
    made: Any, said: str, five: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "build", lambda named: made())
    with pytest.raises(RoundError) as error:
        run(five.federation(tmp_path, asked("FedAvg")), Pool(1))
    assert str(error.value) == said


def test_a_site_that_fails_fails_the_round(
    five: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (five.root / "cedar.npz").unlink()
    with pytest.raises(RoundError) as error:
        run(five.federation(tmp_path / "run", asked("FedAvg")), Pool(1))
    assert "round 1 got 4 usable reports of the 5 it needs (cedar: unexpected FileNotFoundError" in str(
        error.value
    )


class Spoiling(LocalGrid):
    """One site's first reply holds a number more than was agreed."""

    def pull_messages(self, message_ids: Any) -> Any:
        """Add a number to the replies of the third node."""
        for reply in super().pull_messages(message_ids):
            if reply.metadata.src_node_id == 4 and "metrics" in reply.content:
                reply.content["metrics"]["images"] = 7
            yield reply


@pytest.mark.parametrize("how", ["gone", "spoilt"])
def test_where_fewer_are_enough_the_strategy_judges_what_is_missing(
    how: str, five: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = federations._company
    monkeypatch.setattr(federations, "_company", lambda *here: replace(company(*here), fewest=3))
    if how == "gone":
        (five.root / "cedar.npz").unlink()
    else:
        monkeypatch.setattr(federations, "LocalGrid", Spoiling)
    history = run(five.federation(tmp_path / "a", asked("FedAvg"), rounds=1), Pool(1))["history"]
    assert sorted(history[1]["loss"]) == [site for site in FIVE if site != "cedar"]
    assert list(history[1]["refused"]) == ["cedar"]
    with pytest.raises(RoundError, match=r"made nothing of the 5 replies of round 1"):
        name = "DifferentialPrivacyServerSideFixedClipping"
        run(five.federation(tmp_path / "b", asked(name), rounds=1), Pool(1))


def test_a_failed_attempt_leaves_no_trace_in_the_strategy(
    five: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = weights(five.federation(tmp_path / "a", asked("FedYogi")))
    failed, aggregate = [], FedYogi.aggregate_train

    def once(self: FedYogi, server_round: int, replies: Any) -> Any:
        made = aggregate(self, server_round, replies)
        if server_round == 2 and not failed:
            failed.append(server_round)
            return None, None
        return made

    monkeypatch.setattr(FedYogi, "aggregate_train", once)
    patient = functools.partial(run_rounds, patience=Patience(attempts=2))
    monkeypatch.setattr(federations, "run_rounds", lambda s, g, c, e, _: patient(s, g, c, e))
    assert weights(five.federation(tmp_path / "b", asked("FedYogi"))) == whole
    assert failed == [2]


def test_flowers_adaptive_clipping_moves_away_from_its_quantile(five: World, tmp_path: Path) -> None:
    """Andrew et al. lower C where too few updates are clipped; Flower lowers it where too many are."""
    options = {"noise_multiplier": 0.0, "initial_clipping_norm": 1e-3, "target_clipped_quantile": 0.5}
    for side in ("Server", "Client"):
        name = f"DifferentialPrivacy{side}SideAdaptiveClipping"
        federation = five.federation(tmp_path / side, asked(name, **options), rounds=2)
        run(federation, Pool(1))
        norm = final(federation).optimiser["number:clipping_norm"]["number"]
        assert float(norm) == pytest.approx(1e-3 * math.exp(-0.2 * 0.5) ** 2)

"""A site's round timed in processes of its own: what they leave, and what they say of a round."""

import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.simulations import trial as trials
from isofed.simulations.federation import Federation, first_orders
from isofed.simulations.trial import BATCHES, BUDGET, Few, Lap, answers, seconds_of, tried, within_budget
from tests.pace import LONG

SITES = ("cam1", "cam2", "cam3")
SMALL = {"classes": 16, "height": 32, "width": 16, "stem": 4, "stage2": 4, "stage3": 8, "dimensions": 8}
IMAGES = {"cam1": 900, "cam2": 30, "cam3": 40}
forking = pytest.mark.skipif(sys.platform != "linux", reason="processes are not forked here")


@pytest.fixture
def federation(drawn: Path, tmp_path: Path) -> Federation:
    """Three cameras; each passes twice over its data."""
    cfg = {
        **{"run": "run", "seed": 0, "rounds": 2, "evaluate_every": 0, "layout": "sysu"},
        "task": {"name": "reid", **SMALL, "batch_identities": 4, "batch_images": 2},
        "protocol": {"name": "camera", "min_images": 2},
        "strategy": {"name": "dppt"},
    }
    return Federation("federated", cfg, SITES, drawn, tmp_path / "sites", tmp_path / "run")


def lap(batches: int, seconds: float, whole: int = 100) -> Lap:
    """Return a lap over a small order."""
    return Lap(batches, whole, seconds, 1000)


def test_a_round_is_what_a_few_batches_say_of_it() -> None:
    # 2 s by itself and 3 s a batch; the first is slow, the second of four batches was disturbed
    laps = [lap(1, 60.0), lap(1, 5.0), lap(2, 8.0), lap(4, 14.0), lap(4, 20.0)]
    assert seconds_of(laps) == pytest.approx(2.0 + 3.0 * 100)
    assert seconds_of(laps[:2]) == 5.0 * 100
    assert seconds_of(laps[:1]) == 60.0 * 100
    assert seconds_of([lap(1, 9.0, 1), lap(1, 5.0, 1), lap(1, 4.0, 1)]) == 4.0
    assert seconds_of([lap(1, 9.0), lap(1, 5.0), lap(2, 4.0)]) == 5.0  # never less for more


def test_batches_are_counted_and_the_first_ones_given() -> None:
    few = Few(lambda rows: np.arange(10).reshape(5, 2) + rows)
    few.begin(2)
    assert np.array_equal(few(0), [[0, 1], [2, 3]]) and np.array_equal(few(1), [[1, 2], [3, 4]])
    assert (few.given, few.whole) == (4, 10)
    few.begin(9)
    assert len(few(0)) == 5
    assert (few.given, few.whole) == (5, 5)


@pytest.mark.parametrize("slow", [0.001, BUDGET / 8, BUDGET / 2, 2 * BUDGET])
def test_no_lap_begins_that_would_not_end_in_time(slow: float) -> None:
    now, asked = [0.0], []

    def once(most: int) -> Lap:
        asked.append(most)
        now[0] += slow * most
        return lap(most, slow * most)

    assert [each.batches for each in within_budget(once, lambda: now[0])] == asked
    assert tuple(asked) == BATCHES[: len(asked)] and len(asked) >= 2
    assert now[0] - slow <= max(BUDGET, slow)


def test_an_answer_is_timed_and_nothing_is_kept_of_it(federation: Federation, tmp_path: Path) -> None:
    once = answers(federation, IMAGES, tmp_path / "scratch")
    one, all_of_them = once(1), once(64)
    assert 1 == one.batches < all_of_them.batches == all_of_them.whole == one.whole
    assert one.seconds > 0 and one.size > 1000
    assert list((tmp_path / "scratch" / "memory").iterdir())
    assert not federation.folder.exists() and not list((tmp_path / "sites").rglob("memory"))


def test_the_median_site_is_asked(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(trials, "on_train", lambda shop, place, *rest: asked.append(place.site))
    answers(federation, IMAGES, tmp_path)(1)
    answers(federation, {}, tmp_path)(1)
    assert asked == ["cam3", "cam1"]


STRATEGIES = (
    {"name": "fedavg"},
    {"name": "scaffold", "option": "one"},
    {"name": "flwr.FedAvg"},
    {"name": "fedbuff"},
)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy["name"])
def test_every_kind_of_order_can_be_tried(
    federation: Federation, tmp_path: Path, strategy: dict[str, str]
) -> None:
    task = {**federation.cfg["task"], "momentum": 0.0}
    changed = replace(federation, cfg={**federation.cfg, "task": task, "strategy": strategy})
    orders = first_orders(changed, changed.workshop())
    assert {node.config["site"] for node, _ in orders} <= set(SITES) and orders
    assert answers(changed, IMAGES, tmp_path)(1).batches >= 1


@forking
def test_processes_say_how_long_a_round_takes(federation: Federation) -> None:
    found = tried(federation, IMAGES, 2, 1, LONG)
    assert found is not None
    seconds, size = found
    assert 0 < seconds < 10 * LONG and size > 1000
    assert not multiprocessing.active_children()


def sleeping(*_: Any) -> Callable[[int], Lap]:
    """Stand for a site that never answers."""
    time.sleep(10 * LONG)
    raise AssertionError


def failing(*_: Any) -> Callable[[int], Lap]:
    """Stand for a site that cannot answer."""
    raise RuntimeError("for whatever reason")


@forking
@pytest.mark.parametrize("stand_in", [sleeping, failing])
def test_what_says_nothing_is_not_waited_for(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], stand_in: Any
) -> None:
    monkeypatch.setattr(trials, "answers", stand_in)
    begun = time.monotonic()
    assert tried(federation, IMAGES, 2, 1, 0.5) is None
    assert time.monotonic() - begun < LONG
    assert not multiprocessing.active_children()
    assert capfd.readouterr() == ("", "")
